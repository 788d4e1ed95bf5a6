"""Addresses of everything about courses."""

from django.urls import path

from offers.views import (
    builder,
    calendar,
    catalogue,
    enrolment,
    files,
    guides,
    host,
    members,
    personal_data,
    school,
    sharing,
    surveys,
)

urlpatterns = [
    # Finding (everybody)
    path("", catalogue.home, name="home"),
    path("forloeb/", catalogue.catalogue, name="catalogue"),
    path("forloeb/<uuid:offer_id>/", catalogue.offer, name="offer"),
    path("forloeb/<uuid:offer_id>/<slug:slug>/", catalogue.offer, name="offer"),
    path("forloeb/<uuid:offer_id>/fil/<uuid:upload_id>/", files.file, name="offer-file"),
    path("forloeb/<uuid:offer_id>/fil/<uuid:upload_id>/lille/", files.file, {"small": True}, name="offer-file-small"),
    # Belonging to a school
    path("velkommen/", members.welcome, name="welcome"),
    path("konto/", members.account, name="my-account"),
    path("konto/kalender/", calendar.own, name="my-calendar"),
    path("kalender/<str:token>.ics", calendar.feed, name="calendar-feed"),
    path("skolen/medlemmer/", members.members, name="school-members"),
    path("skolen/medlemmer/<uuid:membership_id>/bekraeft/", members.confirm, name="school-member-confirm"),
    path("skolen/medlemmer/<uuid:membership_id>/afvis/", members.refuse, name="school-member-refuse"),
    # Enrolling (teachers)
    path("tidspunkter/<uuid:session_id>/tilmeld/", enrolment.enrol, name="enrol"),
    path("tilmeldinger/", enrolment.my_enrolments, name="my-enrolments"),
    path("tilmeldinger/kalender/", calendar.month, name="school-month"),
    path("tilmeldinger/sammen/<uuid:batch>/", enrolment.together, name="enrolments-together"),
    path("tilmeldinger/<uuid:enrolment_id>/", enrolment.enrolment, name="enrolment"),
    path("tilmeldinger/<uuid:enrolment_id>/aendr/", enrolment.change, name="enrolment-change"),
    path("tilmeldinger/<uuid:enrolment_id>/afmeld/", enrolment.cancel, name="enrolment-cancel"),
    path("tilmeldinger/<uuid:enrolment_id>/fortryd/", enrolment.undo, name="enrolment-undo"),
    path("tilmeldinger/<uuid:enrolment_id>/bed-om-afmelding/", enrolment.ask, name="enrolment-ask"),
    path("tilmeldinger/<uuid:enrolment_id>/giv-videre/", enrolment.give_on, name="enrolment-hand-over"),
    path("tilmeldinger/<uuid:enrolment_id>/plads/", enrolment.place, name="enrolment-place"),
    path("tilmeldinger/<uuid:enrolment_id>/kalender.ics", enrolment.calendar, name="enrolment-calendar"),
    path("tilmeldinger/<uuid:enrolment_id>/afholdt/", surveys.teacher_report, name="enrolment-report"),
    # A school as a whole (its leader, ambassador, learning centre, guidance counsellor)
    path("skolen/", school.school, name="school"),
    path("skolen/godkendelse/", school.approval, name="school-approval"),
    path("skolen/svar/<uuid:enrolment_id>/", school.answer, name="school-answer"),
    # Describing a course (a company's contact, by an invite link)
    path("beskriv/<uuid:invite_id>/", builder.overview, name="link-invite"),
    path("beskriv/<uuid:invite_id>/<int:step>/", builder.step, name="builder-step"),
    path("beskriv/<uuid:invite_id>/filer/", builder.files, name="builder-files"),
    path("beskriv/<uuid:invite_id>/send/", builder.submit, name="builder-submit"),
    path("beskriv/<uuid:invite_id>/kollega/", sharing.invite, name="builder-share"),
    # Hosting (a company's contact, by a host link)
    path("vaert/<uuid:contact_id>/", host.visits, name="link-host"),
    path("vaert/<uuid:contact_id>/tidspunkt/<uuid:session_id>/", host.session, name="host-session"),
    path("vaert/<uuid:contact_id>/tidspunkt/<uuid:session_id>/aflys/", host.cancel, name="host-cancel"),
    path("vaert/<uuid:contact_id>/svar/<uuid:enrolment_id>/", host.answer, name="host-answer"),
    path("vaert/<uuid:contact_id>/mine-oplysninger/", personal_data.mine, name="host-data"),
    path("vaert/<uuid:contact_id>/mine-oplysninger/hent/", personal_data.take, name="host-data-take"),
    path("vaert/<uuid:contact_id>/mine-oplysninger/slet/", personal_data.ask_erasure, name="host-data-erase"),
    path("vaert/<uuid:contact_id>/behov/<uuid:enrolment_id>/", host.read_needs, name="host-needs"),
    path("vaert/<uuid:contact_id>/afholdt/<uuid:enrolment_id>/", host.report, name="host-report"),
    path("vaert/<uuid:contact_id>/guide/<uuid:enrolment_id>.pdf", guides.for_host, name="host-guide"),
    path("vaert/<uuid:contact_id>/kollega/", sharing.host, name="host-share"),
    # Looking back (anybody who holds the link)
    path("evaluering/<uuid:survey_id>/", surveys.survey, name="link-survey"),
    # Paper
    path("guide/forloeb/<uuid:offer_id>.pdf", guides.for_offer, name="guide-offer"),
    path("guide/virksomhed/<uuid:company_id>.pdf", guides.for_company, name="guide-company"),
    path("guide/tilmelding/<uuid:enrolment_id>.pdf", guides.for_enrolment, name="guide-enrolment"),
    path("guide/paa-vej/<uuid:job_id>/", guides.wait, name="guide-wait"),
]
