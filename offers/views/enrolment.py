"""A teacher's enrolments: enrol a class, see what was agreed, change, cancel, say yes to an offered place."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from offers.domain import (
    calendar_file,
    cancelling,
    dialogue,
    encounters,
    handover,
    moving,
    places,
    questions,
    rebooking,
    reminders,
    rules,
    snapshot,
    waiting_list,
)
from offers.domain import enrolment as enrolling
from offers.forms.dates import MoveAnswerForm
from offers.forms.enrolment import (
    AskToCancelForm,
    CancelEnrolmentForm,
    EnrolmentForm,
    HandOverForm,
    NumbersForm,
    PlaceForm,
)
from offers.models import Enrolment, MoveAnswer, MoveProposal, Session
from portal.domain import calendar as wall
from portal.domain import clock
from portal.domain.actor import Actor, is_coordinator
from portal.domain.calendar import SchoolCalendar
from portal.domain.compiled import CompiledQuery
from portal.domain.constraints import sentence_for
from portal.domain.danish import in_danish_order
from portal.domain.refusal import Refusal
from portal.http import actor_of
from portal.models import User
from schools.domain import membership
from schools.models import Membership, School, SchoolClass

Status = Enrolment.Status
PER_PAGE = 20
# Long texts of a course that no page about enrolling shows.
LONG_TEXTS = ("search", "words", "description", "purpose", "pupil_activity", "before", "during", "after")
CHANGEABLE = Status.open()
STATES = {
    Status.CONFIRMED: ("success", "check"),
    Status.COMPLETED: ("success", "check"),
    Status.PENDING: ("info", "clock"),
    Status.WAITLISTED: ("warning", "pause"),
    Status.OFFERED: ("warning", "alert"),
    Status.IN_DRAW: ("info", "clock"),
    Status.NO_SHOW: ("neutral", "info"),
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """An enrolment as it stands in a list, with the visit as it is to be told."""

    enrolment: Enrolment
    visit: snapshot.Visit
    label: str
    color: str
    icon: str
    position: int = 0
    deeds: list[tuple[str, str]] = field(default_factory=list)


# --- Enrolling -----------------------------------------------------------------------------------------------------

# The session with course and host, and the move that is proposed.
_session = CompiledQuery[Session](
    lambda session: (
        places.with_rules(Session.objects.filter(pk=session))
        .select_related("offer__company", "offer__contact")
        .defer(*(f"offer__{name}" for name in LONG_TEXTS))
        .annotate(proposal_id=Subquery(MoveProposal.objects.open_for(OuterRef("pk")).values("pk")))
    ),
    "session",
)
_class = CompiledQuery[SchoolClass](
    lambda school_class: SchoolClass.objects.filter(pk=school_class, is_active=True).select_related("school"),
    "school_class",
)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enrol(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Enrol a class in a session, or put it in line."""
    now, person, by = clock.now(), _person(request), actor_of(request)
    session = _session.first(session=session_id)
    if session is None or session.state == Session.State.PLANNED or session.offer.published_at is None:
        raise Http404
    coordinator = by.is_coordinator
    refused = None
    if request.method == "POST" and not coordinator:
        done, refused = _at_once(request, session, by, now)
        if done is not None:
            return done
    facts = _session_facts(session, now)
    if refused is not None and refused.code == "full" and rules.is_full_for_all(session):
        return render(
            request, "offers/enrol_full.html", {**facts, **_elsewhere(request, session, refused, now), "refused": True}
        )
    refusal = rules.refusal_for(session, None, now=now)
    if refusal and request.method != "POST":  # what was typed is kept, so a POST is refused on its form
        return render(request, "offers/enrol_closed.html", {**facts, "refusal": refusal})
    if request.method != "POST" and rules.is_full_for_all(session):
        return render(request, "offers/enrol_full.html", {**facts, **_elsewhere(request, session, None, now)})
    school = _chosen_school(request, now) if coordinator else None
    if coordinator and school is None:
        schools = School.objects.open(wall.local_day(now)).order_by(in_danish_order("name"))
        return render(request, "offers/enrol_school.html", {**facts, "schools": schools})
    classes = _classes(person, school, session)
    if not classes:
        waiting_for = membership.awaited_by(person).select_related("school").first()
        return render(request, "offers/enrol_no_class.html", {**facts, "school": school, "waiting_for": waiting_for})
    last = _last_time(request, person, school)
    free = _not_enrolled(session, classes)
    form = EnrolmentForm(
        request.POST if request.method == "POST" else None,
        classes=classes,
        offer=session.offer,
        day=wall.local_day(session.starts_at),
        teachers=_teachers(person, school),
        or_myself=school is None,
        further=free if len(classes) > 1 else [],
        has_enrolled_before=last is not None,
        initial=_first_answers(request, person, school, classes, free, last),
    )
    seen = request.POST.get("seen", "")
    if seen and seen != facts["seen"]:
        form.add_error(
            None, _("The date was moved while you wrote. Look at the new time above, and send again if it suits you.")
        )
    if refused is not None and form.is_valid():
        _refuse(form, refused)
    elif form.is_valid() and (done := _enrol(request, session, form, by, now)):
        return done
    waiting = session.enrolments.waitlisted().count()
    draws, until = rules.draws(session), rules.priority_until(session)
    context = {
        **facts,
        "form": form,
        "school": school,
        "waiting": waiting,
        "draws": draws,
        "in_line": not draws and (waiting > 0 or session.is_full),
        "full": session.is_full,
        "may_pass": waiting > 0 and not session.is_full and rules.line_can_be_passed(session),
        "priority_until": until if until is not None and now < until else None,
        "priority_for": places.rules_for(session).priority_for,
    }
    return render(request, "offers/enrol.html", context)


def _elsewhere(request: HttpRequest, session: Session, refused: Refusal | None, now: datetime) -> dict[str, Any]:
    """Return where there is room for a full session's class instead, and what was typed already."""
    typed = request.POST or request.GET
    kept = {name: typed[name] for name in ("pupils", "adults") if _is_count(typed.get(name, ""))}
    if refused is not None:
        kept["klasse"] = typed["school_class"]
        return {"others": refused.instead, "kept": urlencode(kept)}
    need = session.smallest_group
    try:
        chosen = _class.first(school_class=UUID(typed.get("school_class", typed.get("klasse", ""))))
    except ValueError:
        chosen = None
    if chosen is not None:
        pupils, adults = int(kept.get("pupils", chosen.pupils)), int(kept.get("adults", 1))
        need = places.needed(session.offer, pupils, adults)
        kept["klasse"] = str(chosen.pk)
    return {"others": rules.alternatives(session, need, now=now), "kept": urlencode(kept)}


def _is_count(text: str) -> bool:
    """Return whether it is a number of people."""
    return text.isascii() and text.isdecimal() and len(text) < 3


def _at_once(
    request: HttpRequest, session: Session, by: Actor, now: datetime
) -> tuple[HttpResponse | None, Refusal | None]:
    """Enrol the one class that was chosen, without asking for what only a form that is shown again needs.

    Returns where to go on, or what stands against it; neither when there is more to look at: several classes, a
    colleague's class, a form with errors, or a date that was moved meanwhile.
    """
    posted = request.POST
    seen = posted.get("seen", "")
    if posted.getlist("more") or posted.get("teacher") or (seen and seen != _seen(session)):
        return None, None
    day = wall.local_day(session.starts_at)
    try:
        chosen = UUID(posted.get("school_class", ""))
    except ValueError:
        return None, None
    # Whose class it is, the use-case asks; the whole form then says no more of a stranger's class than of none.
    found = membership.present(_class(school_class=chosen), day)
    form = EnrolmentForm(posted, classes=found, offer=session.offer, day=day)
    if not form.is_valid():
        return None, None
    try:
        return _enrol_one(request, session, form, by, now), None
    except Refusal as refusal:
        return None, refusal
    except IntegrityError:
        return None, None  # said with the whole form


def _enrol_one(
    request: HttpRequest, session: Session, form: EnrolmentForm, by: Actor, now: datetime
) -> HttpResponse | None:
    """Enrol one class, and go on to the receipt; None when a colleague has done it already."""
    facts = {name: value for name, value in form.cleaned_data.items() if name not in {"more", "together"}}
    group = 2 if facts.pop("second_group") else 1
    asked = rules.EnrolmentRequest(**{**facts, "group": group})
    enrolment = enrolling.enrol_class(session_id=session.pk, request=asked, by=by, now=now, seen=session)
    person = _person(request)
    own = enrolment.teacher_id == person.pk
    if not own and not Enrolment.objects.visible_to(person).filter(pk=enrolment.pk).exists():
        form.add_error("school_class", _somebody_elses(enrolment))
        return None
    if enrolment.form_token != asked.token_for(session):
        messages.info(request, _("The class was already enrolled. This is the enrolment; nothing was added."))
    return redirect("enrolment", enrolment.pk)


def _enrol(
    request: HttpRequest, session: Session, form: EnrolmentForm, by: Actor, now: datetime
) -> HttpResponse | None:
    """Do it, and go on to the receipt; or put what stands against it on the form."""
    facts = dict(form.cleaned_data)
    more, together = facts.pop("more", []), facts.pop("together", "") or enrolling.Together.ALL_OR_NONE
    if more:
        group = 2 if facts.pop("second_group") else 1
        asked = rules.EnrolmentRequest(**{**facts, "group": group})
        each = [replace(asked, school_class=one, pupils=pupils, group=1) for one, pupils in more]
        return _enrol_several(request, session, form, [asked, *each], enrolling.Together(together), by, now)
    try:
        return _enrol_one(request, session, form, by, now)
    except Refusal as refusal:
        _refuse(form, refusal)
    except IntegrityError as error:
        form.add_error(None, str(sentence_for(error)))
    return None


def _enrol_several(
    request: HttpRequest,
    session: Session,
    form: EnrolmentForm,
    asked: list[rules.EnrolmentRequest],
    together: enrolling.Together,
    by: Actor,
    now: datetime,
) -> HttpResponse | None:
    """Enrol several classes at once, and go on to the page that says what became of each."""
    try:
        answers = enrolling.enrol_classes(session_id=session.pk, requests=asked, together=together, by=by, now=now)
    except Refusal as refusal:
        _refuse(form, refusal)
        return None
    except IntegrityError as error:
        form.add_error(None, str(sentence_for(error)))
        return None
    made = [one.enrolment.pk for one in answers if one.enrolment is not None]
    seen = set(Enrolment.objects.visible_to(_person(request)).filter(pk__in=made).values_list("pk", flat=True))
    day = wall.local_day(session.starts_at)
    against = []
    for one in answers:
        label = one.school_class.label(day)
        if one.refusal is not None:
            against.append(f"{label}: {one.refusal.message}")
        elif one.enrolment is not None and one.enrolment.pk not in seen:
            against.append(f"{label}: {_somebody_elses(one.enrolment)}")
    batch = asked[0].form_token
    together_now = [one.enrolment for one in answers if one.enrolment is not None and one.enrolment.batch == batch]
    if not together_now:
        for words in against or [_("These classes were already enrolled; nothing was added.")]:
            form.add_error("more", words)
        return None
    for words in against:
        messages.warning(request, words)
    earlier = [one.school_class.label(day) for one in answers if one.enrolment and one.enrolment.batch != batch]
    known = [label for label in earlier if not any(words.startswith(label) for words in against)]
    if known:
        messages.info(request, _("Already enrolled before: %(classes)s.") % {"classes": enrolling.in_words(known)})
    return redirect("enrolments-together", batch)


def _somebody_elses(enrolment: Enrolment) -> str:
    """Return that a class is enrolled already, by a colleague whose enrolment the person does not see."""
    who = enrolment.teacher.name if enrolment.teacher is not None else _("a colleague")
    return _("The class is already enrolled in this session, by %(who)s.") % {"who": who}


def _last_time(request: HttpRequest, person: User, school: School | None) -> Enrolment | None:
    """Return the enrolment whose answers are kept: the one named in the address (*again*), else the person's last."""
    try:
        again = UUID(request.GET.get("igen", ""))
    except ValueError:
        own = Enrolment.objects.filter(teacher=person).order_by("-created_at")
        return own.first() if school is None else None
    return Enrolment.objects.manageable_by(person).filter(pk=again).first()


def _not_enrolled(session: Session, classes: list[SchoolClass]) -> list[SchoolClass]:
    """Return the classes that suit the course and are not enrolled in the session yet."""
    if len(classes) < 2:
        return classes
    taken = set(session.enrolments.active().values_list("school_class", flat=True))
    day = wall.local_day(session.starts_at)
    return [one for one in classes if one.pk not in taken and session.offer.suits(one.grades(day))]


def _chosen_school(request: HttpRequest, now: datetime) -> School | None:
    """Return the school that a coordinator enrols for, from the address."""
    try:
        pk = UUID(request.GET.get("skole", ""))
    except ValueError:
        return None
    return School.objects.open(wall.local_day(now)).filter(pk=pk).first()


def _classes(person: User, school: School | None, session: Session) -> list[SchoolClass]:
    """Return the classes to choose from, as they are on the day of the visit."""
    if school is None:
        classes = membership.enrollable_classes(person, wall.local_day(session.starts_at))
    else:
        classes = SchoolClass.objects.filter(school=school, is_active=True).select_related("school")
        classes = classes.order_by("-start_year", "letter", "name")
    return membership.present(classes, wall.local_day(session.starts_at))


def _teachers(person: User, school: School | None) -> QuerySet[User] | None:
    """Return whom one may enrol a class for: a coordinator anybody of the school, who acts for a school its people."""
    if school is not None:
        return membership.teachers_at(school)
    acts = membership.memberships_of(person).filter(role__in=Membership.Role.acting_for_school()).exists()
    return membership.colleagues_of(person) if acts else None


def _first_answers(
    request: HttpRequest,
    person: User,
    school: School | None,
    classes: list[SchoolClass],
    free: list[SchoolClass],
    last: Enrolment | None,
) -> dict[str, Any]:
    """Return what can be known beforehand: what was answered last time, and the class when there is but one."""
    known: dict[str, Any] = {"phone": person.phone if school is None else ""}
    again = last is not None and request.GET.get("igen", "") != ""
    if last is not None:
        known["phone"] = last.teacher_phone or known["phone"]
        ticks = ("needs_step_free", "needs_quiet", "needs_diet", "needs_language")
        known.update({name: getattr(last, name) for name in ticks})
        if again:
            known["adults"] = last.adults
            if last.teacher_id != person.pk:
                known["teacher"] = last.teacher_id
    known.update({name: request.GET[name] for name in ("pupils", "adults") if _is_count(request.GET.get(name, ""))})
    pool = free if again else classes
    own = [one for one in pool if getattr(one, "is_own", False)]
    wanted = request.GET.get("klasse", "")
    if any(str(one.pk) == wanted for one in classes):
        known["school_class"] = wanted
    elif len(own) == 1 or len(pool) == 1:
        known["school_class"] = str((own or pool)[0].pk)
    return known


def _session_facts(session: Session, now: datetime) -> dict[str, Any]:
    """Return what every page about a session says."""
    proposal = moving.proposed(session) if getattr(session, "proposal_id", True) else None
    return {
        "session": session,
        "offer": session.offer,
        "meetings": list(session.meetings.all()),
        "now": now,
        "move": proposal,
        "seen": f"{session.sequence}" + (f":{proposal.pk}" if proposal else ""),
    }


def _seen(session: Any) -> str:
    """Return what a form that was shown now would say it has seen (see ``_session_facts``)."""
    return f"{session.sequence}" + (f":{session.proposal_id}" if session.proposal_id else "")


# --- Seeing --------------------------------------------------------------------------------------------------------


@never_cache
@require_safe
def my_enrolments(request: HttpRequest) -> HttpResponse:
    """List what needs an answer, what is coming, who waits, and what has been."""
    now, person = clock.now(), _person(request)
    school_wide = membership.works_school_wide(person)
    whole_school = school_wide and request.GET.get("vis") == "skole"
    rows = _with_facts(Enrolment.objects.visible_to(person))
    if whole_school:
        schools = membership.schools_of(person, Membership.Role.school_wide()).values("pk")
        mine = rows.filter(school__in=schools)
    else:
        mine = rows.filter(teacher=person)
    ahead = mine.filter(session__ends_at__gt=now)
    coming = ahead.filter(status__in=[Status.PENDING, Status.CONFIRMED]).order_by("session__starts_at", "pk")
    line = ahead.filter(status__in=[Status.WAITLISTED, Status.IN_DRAW]).order_by("session__starts_at", "pk")
    asked = ahead.filter(status=Status.OFFERED).order_by("answer_by", "pk")
    past = mine.exclude(session__ends_at__gt=now, status__in=Status.open()).order_by("-session__starts_at", "pk")
    pages = Paginator(past, PER_PAGE)
    if _page_number(request) > pages.num_pages:
        here = reverse("my-enrolments") + ("?vis=skole" if whole_school else "")
        return render(
            request, "offers/catalogue_beyond.html", {"first_page": here, "pages": pages.num_pages}, status=404
        )
    page = pages.page(_page_number(request))
    context = {
        "offered": [_row(one, now) for one in asked],
        "coming": [_row(one, now, by=person) for one in coming],
        "waiting": [_row(one, now, position=number, by=person) for one, number in waiting_list.in_line(line)],
        "asked_to_move": _asked_to_move(mine, now),
        "past": [_row(one, now, by=person) for one in page],
        "page": page,
        "requests": dialogue.of_school(person, whole_school=whole_school, now=now),
        "asked": [] if whole_school else questions.asked_by(person, now=now),
        "school_wide": school_wide,
        "whole_school": whole_school,
        "coordinator": is_coordinator(person),
    }
    return render(request, "offers/my_enrolments.html", context)


def _asked_to_move(rows: QuerySet[Enrolment], now: datetime) -> list[Row]:
    """Return the enrolments for which it has not been said whether the class comes at a proposed time."""
    waits = MoveAnswer.objects.filter(answer=MoveAnswer.Answer.PENDING, proposal__state=MoveProposal.State.OPEN)
    ahead = rows.filter(status__in=moving.ASKED, session__starts_at__gt=now)
    return [
        _row(one, now) for one in ahead.filter(pk__in=waits.values("enrolment")).order_by("session__starts_at", "pk")
    ]


@never_cache
@require_safe
def enrolment(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    """Say how it stands with an enrolment, what happens next, and who has been told."""
    now, one = clock.now(), _mine(request, enrolment_id)
    session = one.session
    color, icon = STATES.get(Status(one.status), ("neutral", "close"))
    begun, closed = now >= session.starts_at, now >= session.closes_at
    in_hand = Enrolment.objects.manageable_by(_person(request)).filter(pk=one.pk).exists()
    awaits_leader = one.leader_answer == Enrolment.LeaderAnswer.AWAITED and one.status in CHANGEABLE
    others, instead = [], []
    if one.status not in Status.active() and in_hand:
        instead = rebooking.suggestions(one, now=now)
    elif one.status not in Status.holding() and not begun:
        others = rules.alternatives(session, one.places, now=now)
    may_cancel = in_hand and one.status in CHANGEABLE and not begun
    municipality = places.the_municipality()
    cancel_until = cancelling.cancel_until(session, municipality, SchoolCalendar.load())
    late = one.status == Status.CONFIRMED and now >= cancel_until and not is_coordinator(_person(request))
    facts = _session_facts(session, now)
    context = {
        **facts,
        "instead": instead,
        "asked_to_move": facts["move"] is not None and one.status in moving.ASKED and not begun,
        "said_to_move": moving.answer_of(one, facts["move"]) if facts["move"] is not None else "",
        "objects_until": one.status_at + encounters.OBJECT_WITHIN,
        "visit": snapshot.visit_of(one, now),
        "dates": snapshot.dates_of(one, now),
        "enrolment": one,
        "color": color,
        "icon": icon,
        "position": waiting_list.position(one),
        "order": waiting_list.order_in_words(session) if one.status == Status.WAITLISTED else [],
        "why": waiting_list.why_in_words(one) if one.status in Status.open() else [],
        "begun": begun,
        "in_hand": in_hand,
        "awaits_leader": awaits_leader,
        "may_answer": awaits_leader and membership.leads(_person(request), one.school_id),
        "may_change": in_hand and one.status in CHANGEABLE and not closed,
        "may_cancel": may_cancel and not late,
        "may_ask": may_cancel and late,
        "has_asked": may_cancel and late and cancelling.has_asked(one),
        "cancel_until": cancel_until,
        "undo_until": cancelling.undo_until(one, now) if in_hand and _may_undo(request, one) else None,
        "may_hand_over": in_hand and one.status in CHANGEABLE and not begun,
        "may_repeat": in_hand and one.status in Status.active() and rules.refusal_for(session, None, now=now) is None,
        "has_guide": one.status in Status.holding() and one.status != Status.OFFERED,
        "has_file": calendar_file.method_for(one) == "PUBLISH",
        "may_report": in_hand and one.status in {Status.CONFIRMED, Status.COMPLETED, Status.NO_SHOW} and begun,
        "others": others,
        "needs": reminders.needs_in_words(one),
        # What the teacher wrote is the teacher's and the host's; others at the school see the ticks.
        "words": one.needs_text if one.teacher_id == request.user.pk else "",
        "waits": one.status in {Status.PENDING, Status.WAITLISTED, Status.OFFERED, Status.IN_DRAW},
        "ended": one.status not in Status.active(),
    }
    return render(request, "offers/enrolment.html", context)


@never_cache
@require_safe
def together(request: HttpRequest, batch: UUID) -> HttpResponse:
    """Say for each of several classes that were enrolled together what became of it."""
    now = clock.now()
    mine = Enrolment.objects.visible_to(_person(request)).filter(batch=batch)
    mine = mine.order_by("-school_class__start_year", "school_class__letter", "school_class__name")
    rows = list(_with_facts(mine).prefetch_related("session__meetings"))
    if not rows:
        raise Http404
    session = rows[0].session
    line = {one.pk: number for one, number in waiting_list.in_line(mine.filter(status=Status.WAITLISTED))}
    context = {
        **_session_facts(session, now),
        "rows": [_row(one, now, position=line.get(one.pk, 0)) for one in rows],
        "first": rows[0],
        "all_well": all(one.status in {Status.CONFIRMED, Status.PENDING} for one in rows),
        "may_repeat": rules.refusal_for(session, None, now=now) is None,
    }
    return render(request, "offers/enrolments_together.html", context)


@never_cache
@require_safe
def calendar(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    """Give the dates of an enrolment as a calendar file; to be taken out again once it has been cancelled."""
    one = _mine(request, enrolment_id)
    method = calendar_file.method_for(one)
    if method is None:
        raise Http404
    content = calendar_file.calendar_file(one, method=method, now=clock.now())
    day = wall.local_day(one.session.starts_at).isoformat()
    name = f"{slugify(one.class_label) or 'klasse'}-{day}.ics"
    return HttpResponse(
        content,
        content_type=f"text/calendar; charset=utf-8; method={method}",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


# --- Changing ------------------------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    """Change how many come."""
    now, one = clock.now(), _in_hand(request, enrolment_id)
    if one.status not in CHANGEABLE:
        messages.info(request, _("The enrolment has ended and cannot be changed."))
        return redirect("enrolment", one.pk)
    form = NumbersForm(request.POST) if request.method == "POST" else NumbersForm.about(one)
    if form.is_valid():
        try:
            enrolling.change_numbers(enrolment_id=one.pk, **form.cleaned_data, by=actor_of(request), now=now)
        except Refusal as refusal:
            _refuse(form, refusal)
        else:
            messages.success(request, _("Changed. The host is told when the numbers are others than before."))
            return redirect("enrolment", one.pk)
    context = {
        **_session_facts(one.session, now),
        "enrolment": one,
        "form": form,
        "closed": now >= one.session.closes_at,
        "holds": one.status in Status.holding(),
    }
    return render(request, "offers/enrolment_change.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    """Take the class out again, after one more question."""
    now, one = clock.now(), _in_hand(request, enrolment_id)
    if cancelling.is_late(one, now) and now < one.session.starts_at and not is_coordinator(_person(request)):
        return redirect("enrolment-ask", one.pk)
    form = CancelEnrolmentForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            enrolling.cancel_enrolment(
                enrolment_id=one.pk, reason=form.cleaned_data["reason"], by=actor_of(request), now=now
            )
        except Refusal as refusal:
            _refuse(form, refusal)
        else:
            messages.success(request, _("The enrolment is cancelled."))
            return redirect("enrolment", one.pk)
    if one.status not in CHANGEABLE:
        return redirect("enrolment", one.pk)
    context = {**_session_facts(one.session, now), "enrolment": one, "form": form}
    return render(request, "offers/enrolment_cancel.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    """Take back that the class was taken out, within a quarter of an hour and while nobody else has the places."""
    now, one = clock.now(), _in_hand(request, enrolment_id)
    if request.method == "POST":
        try:
            cancelling.undo_cancellation(enrolment_id=one.pk, by=actor_of(request), now=now)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Undone: the enrolment stands as before. Whoever was told is told that, too."))
        return redirect("enrolment", one.pk)
    if not _may_undo(request, one) or cancelling.undo_until(one, now) is None:
        return redirect("enrolment", one.pk)
    return render(request, "offers/enrolment_undo.html", {**_session_facts(one.session, now), "enrolment": one})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    """Ask the coordinators to cancel, when the school can no longer do so itself."""
    now, one = clock.now(), _in_hand(request, enrolment_id)
    form = AskToCancelForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            cancelling.ask_to_cancel(
                enrolment_id=one.pk, reason=form.cleaned_data["reason"], by=actor_of(request), now=now
            )
        except Refusal as refusal:
            _refuse(form, refusal)
        else:
            messages.success(
                request, _("The coordinators have been asked. The class stays enrolled until they decide.")
            )
            return redirect("enrolment", one.pk)
    elif not cancelling.is_late(one, now) or now >= one.session.starts_at:
        return redirect("enrolment", one.pk)
    until = cancelling.cancel_until(one.session, places.the_municipality(), SchoolCalendar.load())
    context = {
        **_session_facts(one.session, now),
        "enrolment": one,
        "form": form,
        "until": until,
        "asked": cancelling.has_asked(one),
    }
    return render(request, "offers/enrolment_ask.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def give_on(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    """Give the enrolment to a colleague at the school, who is the contact teacher from then on."""
    now, one = clock.now(), _in_hand(request, enrolment_id)
    colleagues = membership.teachers_at(one.school).exclude(enrolments=one)
    form = HandOverForm(request.POST if request.method == "POST" else None, colleagues=colleagues)
    if form.is_valid():
        colleague = form.cleaned_data["teacher"]
        try:
            handover.hand_over(enrolment_id=one.pk, teacher_id=colleague.pk, by=actor_of(request), now=now)
        except Refusal as refusal:
            _refuse(form, refusal)
        else:
            messages.success(
                request, _("%(name)s is the contact teacher now, and is told by mail.") % {"name": colleague.name}
            )
            still = Enrolment.objects.visible_to(_person(request)).filter(pk=one.pk).exists()
            return redirect("enrolment", one.pk) if still else redirect("my-enrolments")
    elif one.status not in CHANGEABLE or now >= one.session.starts_at:
        return redirect("enrolment", one.pk)
    context = {
        **_session_facts(one.session, now),
        "enrolment": one,
        "form": form,
        "nobody": not colleagues.exists(),
    }
    return render(request, "offers/enrolment_hand_over.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def place(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    """Say yes or no to a place that became free."""
    now, one = clock.now(), _in_hand(request, enrolment_id)
    form = PlaceForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        yes = form.cleaned_data["answer"] == "yes"
        answer = waiting_list.accept_place if yes else waiting_list.decline_place
        try:
            answer(enrolment_id=one.pk, by=actor_of(request), now=now)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(
                request, _("You have the places.") if yes else _("The places go to the next in line, if there is one.")
            )
        return redirect("enrolment", one.pk)
    if one.status != Status.OFFERED:
        return redirect("enrolment", one.pk)
    context = {
        **_session_facts(one.session, now),
        "enrolment": one,
        "form": form,
        "late": one.answer_by is not None and now >= one.answer_by,
        "waits_elsewhere": waiting_list.other_waits(one).exists(),
    }
    return render(request, "offers/enrolment_place.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    """Show the time there is beside the time that is proposed, and take the answer: we come, or we cannot."""
    now, one = clock.now(), _in_hand(request, enrolment_id)
    facts = _session_facts(one.session, now)
    form = MoveAnswerForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        stay = form.cleaned_data["answer"] == MoveAnswerForm.STAY
        try:
            moving.answer_move(enrolment_id=one.pk, stay=stay, by=actor_of(request), now=now)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            said = (
                _("Thank you. The class comes at the new time.")
                if stay
                else _("Thank you. The class cannot come then.")
            )
            messages.success(request, said)
        return redirect("enrolment", one.pk)
    if facts["move"] is None or one.status not in moving.ASKED:
        return redirect("enrolment", one.pk)
    context = {**facts, "enrolment": one, "form": form, "said_to_move": moving.answer_of(one, facts["move"])}
    return render(request, "offers/enrolment_move.html", context)


@never_cache
@require_POST
def rebook(request: HttpRequest, enrolment_id: UUID, session_id: UUID) -> HttpResponse:
    """Enrol the same class with the same numbers and needs in one of the suggested sessions."""
    now, one = clock.now(), _in_hand(request, enrolment_id)
    asked = rebooking.request_again(one, with_words=one.teacher_id == request.user.pk)
    session = get_object_or_404(Session.objects.visible(), pk=session_id)
    earlier = Enrolment.objects.filter(form_token=asked.token_for(session)).first()
    if earlier is not None:
        return redirect("enrolment", earlier.pk)
    if one.status in Status.active() or rebooking.suggested(one, session.pk, now=now) is None:
        messages.error(request, _("This date is no longer among those that suit the class. Choose another."))
        return redirect("enrolment", one.pk)
    try:
        made = enrolling.enrol_class(session_id=session.pk, request=asked, by=actor_of(request), now=now)
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect("enrolment", one.pk)
    except IntegrityError as error:
        messages.error(request, str(sentence_for(error)))
        return redirect("enrolment", one.pk)
    done = {
        Status.CONFIRMED: _("Done. The class has a new date, with the same numbers and needs as before."),
        Status.PENDING: _(
            "Done. The class has asked for the date, with the same numbers and needs as before. You get a mail when it"
            " is answered."
        ),
    }
    waits = _("The last places were taken a moment ago. The class is in line for the date; see where it stands below.")
    messages.success(request, done.get(Status(made.status), waits))
    return redirect("enrolment", made.pk)


# --- Common --------------------------------------------------------------------------------------------------------


def _may_undo(request: HttpRequest, one: Enrolment) -> bool:
    """Return whether it was the person's side that cancelled."""
    return one.status == Status.CANCELLED_BY_SCHOOL or is_coordinator(_person(request))


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def _with_facts(rows: QuerySet[Enrolment]) -> QuerySet[Enrolment]:
    return rows.select_related("school_class", "school", "teacher", "session__offer__company")


def _mine(request: HttpRequest, enrolment_id: UUID) -> Enrolment:
    """Return an enrolment that the person may see; others do not exist."""
    rows = _with_facts(Enrolment.objects.visible_to(_person(request)))
    return get_object_or_404(rows.prefetch_related("session__meetings"), pk=enrolment_id)


def _in_hand(request: HttpRequest, enrolment_id: UUID) -> Enrolment:
    """Return an enrolment that the person may do something with; one that may only be read is out of reach here."""
    rows = _with_facts(Enrolment.objects.manageable_by(_person(request)))
    return get_object_or_404(rows.prefetch_related("session__meetings"), pk=enrolment_id)


def _row(one: Enrolment, now: datetime, position: int = 0, *, by: User | None = None) -> Row:
    color, icon = STATES.get(Status(one.status), ("neutral", "close"))
    return Row(
        enrolment=one,
        visit=snapshot.visit_of(one, now),
        label=one.class_label,
        color=color,
        icon=icon,
        position=position,
        deeds=_deeds(one, now) if by is not None and one.teacher_id == by.pk else [],
    )


def _deeds(one: Enrolment, now: datetime) -> list[tuple[str, str]]:
    """Return what the contact teacher can do with an enrolment straight from a list, each with its address."""
    session, holds = one.session, one.status in {Status.PENDING, Status.CONFIRMED}
    ways: list[tuple[bool, str, str]] = [
        (one.status == Status.CONFIRMED and now >= session.starts_at, _("Say how it went"), "enrolment-report"),
        (one.status in CHANGEABLE and now < session.closes_at, _("Change the numbers"), "enrolment-change"),
        (holds and now < session.starts_at, _("Give to a colleague"), "enrolment-hand-over"),
        (holds and now < session.starts_at, _("Calendar file"), "enrolment-calendar"),
        (holds and now < session.starts_at, _("Cancel the enrolment"), "enrolment-cancel"),
        (
            one.status in {Status.WAITLISTED, Status.IN_DRAW} and now < session.starts_at,
            _("Leave the line"),
            "enrolment-cancel",
        ),
    ]
    return [(words, reverse(name, args=(one.pk,))) for is_open, words, name in ways if is_open]


def _refuse(form: forms.Form, refusal: Refusal) -> None:
    """Put a refusal where the person can do something about it."""
    form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.message))


def _page_number(request: HttpRequest) -> int:
    """Return the page asked for; whatever is no number is the first."""
    asked = request.GET.get("page", "1")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 and int(asked) > 0 else 1
