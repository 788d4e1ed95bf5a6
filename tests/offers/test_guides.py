"""Partnership guides: what stands in them, who may have which, and what they never say."""

import io
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from offers.domain import guides
from offers.models import Enrolment, Offer
from portal import pdf
from portal.domain import links
from portal.models import Document, DocumentJob, Link, Municipality, User
from schools.models import Membership
from tests import factories

pytestmark = pytest.mark.django_db

SECRET = "Ali har epilepsi og må ikke stå ved lysbuen"
HOSTILE = [
    "<link rel=attachment href=file:///etc/passwd>",
    "<img src=http://127.0.0.1:9/canary.png>",
    "<div>" * 150,
    "<script>alert(1)</script><style>*{display:none}</style></style><svg/onload=alert(1)>",
    "{{ 7*7 }} {% include 'base.html' %} ${x} %(x)s",
    "Donaudampfschifffahrt" * 40,
    "\u202etxt.exe \u2028 😀🏳️‍🌈 \ufffd ]]> &lt;b&gt;",
]


@pytest.fixture
def enrolment(municipality: Municipality) -> Enrolment:
    """Return a confirmed class with a need and a text about it."""
    made: Enrolment = factories.EnrolmentFactory.create(
        session__offer__during="15 min.: Velkomst\n105 min.: Svejsning",
        session__offer__contact__name="Birthe Tangvig",
        school_class__letter="A",
        teacher__name="Åse Ørsted",
        teacher_phone="20202020",
        needs_diet=True,
        needs_text=SECRET,
    )
    return made


@pytest.fixture
def quick_press(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let a stand-in do the printing where only the answer matters, not the paper."""
    stand_in = tmp_path / "press.py"
    stand_in.write_text("import sys; sys.stdout.write('%PDF- ' + str(len(sys.stdin.read())))")
    monkeypatch.setattr(pdf, "PRESS", stand_in)


def let_in(client: Client, contact_id: Any) -> None:
    """Exchange a host link for a session entry."""
    link = links.ensure(purpose=Link.Purpose.HOST, reference_id=contact_id, now=timezone.now())
    session = client.session
    session["links"] = {f"host:{contact_id}": [str(link.pk), link.version]}
    session.save()


def get(client: Client, name: str, *arguments: Any, **extra: Any) -> Any:
    """Ask for a guide."""
    return client.get(reverse(name, args=arguments), **extra)


def html_of(guide: guides.Guide) -> str:
    """Return the guide as the printer gets it."""
    return render_to_string(guide.template, {**guide.context, "picture": pdf.picture(guide.facts.illustration)})


# What stands in them


def test_the_guide_of_an_enrolment_has_parties_times_and_tasks(
    enrolment: Enrolment, municipality: Municipality, now: datetime
) -> None:
    with translation.override("en"):
        guide = guides.for_enrolment(enrolment=enrolment, municipality=municipality, now=now)

    facts = guide.facts
    assert facts.title == enrolment.session.offer.title
    assert [(fact.name, fact.text) for fact in facts.parties] == [
        ("Class", f"7.A, {enrolment.school}"),
        ("Host", str(enrolment.session.offer.company)),
        ("Date", "Tuesday 29 September 2026 at 09:00–11:00"),
    ]
    assert [(step.when, step.text) for step in facts.programme] == [
        ("09:00–09:15", "Velkomst"),
        ("09:15–11:00", "Svejsning"),
    ]
    # Ten, three and one school days before Tuesday 29 September; four school days after the day after it.
    assert list(dict.fromkeys(task.when for task in facts.tasks)) == [
        "by Tuesday 15 September",
        "by Thursday 24 September",
        "by Monday 28 September",
        "by Tuesday 6 October",
    ]
    assert facts.needs == ["Dietary needs"]
    assert [(card.role, card.name, card.phone) for card in facts.contacts] == [
        ("Teacher", "Åse Ørsted", "20202020"),
        ("Host", "Birthe Tangvig", ""),
        ("Company", str(enrolment.session.offer.company), ""),
        ("Municipality", "Fjordby Kommune", ""),
    ]


def test_the_text_about_needs_is_in_no_guide(enrolment: Enrolment, municipality: Municipality, now: datetime) -> None:
    html = html_of(guides.for_enrolment(enrolment=enrolment, municipality=municipality, now=now))

    assert SECRET not in html
    assert "epilepsi" not in html


def test_guides_that_anyone_may_have_name_no_person(
    enrolment: Enrolment, municipality: Municipality, now: datetime
) -> None:
    offer = enrolment.session.offer
    assert offer.contact is not None
    both = html_of(guides.for_offer(offer=offer, municipality=municipality, now=now)) + html_of(
        guides.for_company(company=offer.company, municipality=municipality, now=now)
    )

    assert [name for name in ("Birthe", "Åse", offer.contact.email, "7.A", "20202020") if name in both] == []


def test_a_company_sees_its_published_courses_and_coming_dates(municipality: Municipality, now: datetime) -> None:
    session = factories.SessionFactory.create(offer__title="Svejs")
    factories.OfferFactory.create(company=session.offer.company, state=Offer.State.DRAFT, title="Kladde")
    factories.SessionFactory.create(offer=session.offer, starts_at=now - timedelta(days=3))

    facts = guides.for_company(company=session.offer.company, municipality=municipality, now=now).facts

    assert [course.title for course in facts.courses] == ["Svejs"]
    assert len(facts.dates) == 1


def test_a_programme_that_does_not_fit_the_date_keeps_its_minutes(
    enrolment: Enrolment, municipality: Municipality, now: datetime
) -> None:
    enrolment.session.offer.during = "15 min.: Velkomst\n110 min.: Svejsning"
    with translation.override("en"):
        facts = guides.for_enrolment(enrolment=enrolment, municipality=municipality, now=now).facts

    assert [step.when for step in facts.programme] == ["15 min.", "1 hour 50 min."]


def test_other_facts_make_another_edition_and_another_hash(
    enrolment: Enrolment, municipality: Municipality, now: datetime
) -> None:
    one = guides.for_enrolment(enrolment=enrolment, municipality=municipality, now=now)
    same = guides.for_enrolment(enrolment=enrolment, municipality=municipality, now=now + timedelta(minutes=5))
    enrolment.pupils = 23
    other = guides.for_enrolment(enrolment=enrolment, municipality=municipality, now=now)

    assert one.edition == same.edition
    assert pdf.hash_of(html_of(one)) == pdf.hash_of(html_of(same))
    assert one.edition != other.edition
    assert pdf.hash_of(html_of(one)) != pdf.hash_of(html_of(other))


# On paper


def test_a_guide_is_a_tagged_document_with_bookmarks(client: Client, enrolment: Enrolment) -> None:
    client.force_login(person("own teacher", enrolment))
    answer = get(client, "guide-enrolment", enrolment.pk)
    made = pikepdf.open(io.BytesIO(answer.content))
    kinds: list[str] = []
    without_text: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, pikepdf.Array):
            for inner in node:
                walk(inner)
        elif isinstance(node, pikepdf.Dictionary) and "/S" in node:
            kinds.append(str(node.S))
            if str(node.S) == "/Figure" and not str(node.get("/Alt", "")):
                without_text.append(str(node.S))
            if str(node.S) == "/TH" and "/Scope" not in node.A:
                without_text.append(str(node.S))
            if "/K" in node:
                walk(node.K)

    walk(made.Root.StructTreeRoot.K)
    levels = [int(kind[2]) for kind in kinds if kind in {"/H1", "/H2", "/H3"}]

    assert str(made.Root.Lang) == "da"
    assert str(made.docinfo["/Title"]).startswith(enrolment.session.offer.title)
    assert bool(made.Root.ViewerPreferences.DisplayDocTitle)
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert max(after - before for before, after in pairwise(levels)) == 1
    assert without_text == []
    with made.open_outline() as outline:
        assert len(outline.root) == 1
        assert len(outline.root[0].children) == levels.count(2)
    assert not any(word in answer.content for word in (b"/EmbeddedFile", b"/JavaScript", b"/Launch"))


def test_hostile_texts_stay_text(client: Client, municipality: Municipality) -> None:
    text = "\n".join(HOSTILE)
    offer = factories.OfferFactory.create(
        title=HOSTILE[0][:80],
        teaser=HOSTILE[1],
        description=text[:4000],
        purpose=HOSTILE[2],
        pupil_activity=HOSTILE[3],
        before=text[:2000],
        during=text[:3000],
        after=HOSTILE[5],
        jobs=", ".join(f"<b>job{number}</b>" for number in range(22))[:300],
        meeting_point=HOSTILE[4],
        safety=text[:2000],
        illustration="does-not-exist",
        company__name=HOSTILE[3][:120],
        company__website="ftp://example.org/",
        company__about=text[:2000],
    )
    html = html_of(guides.for_offer(offer=offer, municipality=municipality, now=timezone.now()))
    answer = get(client, "guide-offer", offer.pk)

    assert answer.status_code == 200
    assert "{{ 7*7 }}" in html
    assert [tag for tag in ("<link rel=attachment", "<img", "<script", "<svg", "ftp://", "<b>job") if tag in html] == []
    assert answer["Content-Disposition"].count("\n") == 0
    assert DocumentJob.objects.count() == 0
    assert get(client, "guide-company", offer.company_id).status_code == 200


def test_three_thousand_elements_typed_as_text_are_text(municipality: Municipality, now: datetime) -> None:
    offer = factories.OfferFactory.create(description="<div>" * 800, during="<div>" * 600, safety="<div>" * 400)

    html = html_of(guides.for_offer(offer=offer, municipality=municipality, now=now))

    assert html.replace("\u200b", "").count("&lt;div&gt;") == 1800
    assert pdf.render(html).startswith(b"%PDF-")


# The answer


@pytest.mark.usefixtures("quick_press")
def test_the_answer_names_its_file_and_can_be_asked_again(client: Client, municipality: Municipality) -> None:
    offer = factories.OfferFactory.create(title="Fra korn til brød")
    first = get(client, "guide-offer", offer.pk)
    second = get(client, "guide-offer", offer.pk)
    unchanged = get(client, "guide-offer", offer.pk, headers={"if-none-match": first["ETag"]})
    head = client.head(reverse("guide-offer", args=[offer.pk]))

    assert (first.status_code, first["Content-Type"]) == (200, "application/pdf")
    assert first["Content-Disposition"].startswith("inline; filename*=utf-8''")
    assert "br%C3%B8d.pdf" in first["Content-Disposition"]
    assert second.content == first.content
    assert Document.objects.count() == 1
    assert unchanged.status_code == 304
    assert (head.status_code, head.content, head["ETag"]) == (200, b"", first["ETag"])
    assert client.cookies == {}


@pytest.mark.usefixtures("quick_press")
def test_a_guide_of_a_class_is_stored_by_nobody(client: Client, enrolment: Enrolment) -> None:
    client.force_login(person("own teacher", enrolment))

    assert get(client, "guide-enrolment", enrolment.pk)["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("name", ["guide-offer", "guide-company", "guide-enrolment", "guide-wait"])
def test_nothing_is_posted_to_a_guide(client: Client, enrolment: Enrolment, name: str) -> None:
    client.force_login(person("own teacher", enrolment))

    assert client.post(reverse(name, args=[enrolment.pk])).status_code == 405


def test_without_pango_the_page_says_what_to_install(
    client: Client, municipality: Municipality, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without = tmp_path / "press.py"
    without.write_text("raise SystemExit(3)")
    monkeypatch.setattr(pdf, "PRESS", without)
    answer = get(client, "guide-offer", factories.OfferFactory.create().pk)

    assert answer.status_code == 503
    assert "libpango-1.0-0" in answer.content.decode()


# Who may have which


@pytest.mark.parametrize(
    ("state", "expected"),
    [("published", 200), ("draft", 404), ("submitted", 404), ("approved", 404), ("archived", 404)],
)
@pytest.mark.usefixtures("quick_press")
def test_anyone_may_have_the_guide_of_a_published_course_only(
    client: Client, municipality: Municipality, state: str, expected: int
) -> None:
    offer = factories.OfferFactory.create(state=state)

    assert get(client, "guide-offer", offer.pk).status_code == expected
    assert get(client, "guide-company", offer.company_id).status_code == expected


@pytest.mark.usefixtures("quick_press")
def test_a_coordinator_may_have_the_guide_of_a_draft(client: Client, municipality: Municipality) -> None:
    offer = factories.OfferFactory.create(state=Offer.State.DRAFT)
    client.force_login(factories.CoordinatorFactory.create())

    assert get(client, "guide-offer", offer.pk).status_code == 200
    assert get(client, "guide-company", offer.company_id).status_code == 200


def person(kind: str, enrolment: Enrolment) -> User:
    """Return somebody who stands in this relation to the enrolment."""
    made: User
    if kind == "own teacher":
        assert enrolment.teacher is not None
        made = enrolment.teacher
    elif kind == "coordinator":
        made = factories.CoordinatorFactory.create()
    elif kind == "operator":
        made = factories.OperatorFactory.create()
    elif kind == "leader elsewhere":
        made = factories.MembershipFactory.create(role=Membership.Role.LEADER).user
    else:
        role = {"colleague": Membership.Role.TEACHER, "leader": Membership.Role.LEADER}[kind]
        made = factories.MembershipFactory.create(role=role, school=enrolment.school).user
    return made


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("own teacher", 200),
        ("leader", 200),
        ("coordinator", 200),
        ("colleague", 404),
        ("leader elsewhere", 404),
        ("operator", 404),
    ],
)
@pytest.mark.usefixtures("quick_press")
def test_who_may_have_the_guide_of_a_class(client: Client, enrolment: Enrolment, kind: str, expected: int) -> None:
    client.force_login(person(kind, enrolment))

    assert get(client, "guide-enrolment", enrolment.pk).status_code == expected


def test_a_visitor_is_asked_to_sign_in_for_the_guide_of_a_class(client: Client, enrolment: Enrolment) -> None:
    answer = get(client, "guide-enrolment", enrolment.pk)

    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("account_login"))


@pytest.mark.usefixtures("quick_press")
def test_a_host_may_have_the_guides_of_its_own_company(client: Client, enrolment: Enrolment) -> None:
    contact = enrolment.session.offer.contact
    assert contact is not None
    let_in(client, contact.pk)
    foreign = factories.EnrolmentFactory.create()

    answer = get(client, "host-guide", contact.pk, enrolment.pk)

    assert (answer.status_code, answer["Content-Type"], "no-store" in answer["Cache-Control"]) == (
        200,
        "application/pdf",
        True,
    )
    assert get(client, "host-guide", contact.pk, foreign.pk).status_code == 404


def test_another_host_has_no_guide(client: Client, enrolment: Enrolment) -> None:
    own, other = enrolment.session.offer.contact, factories.ContactFactory.create()
    assert own is not None
    let_in(client, other.pk)

    assert get(client, "host-guide", own.pk, enrolment.pk).status_code == 404
    assert get(client, "host-guide", other.pk, enrolment.pk).status_code == 404


def test_a_host_has_no_guide_of_a_class_that_is_not_coming(client: Client, enrolment: Enrolment) -> None:
    contact = enrolment.session.offer.contact
    assert contact is not None
    let_in(client, contact.pk)
    Enrolment.objects.filter(pk=enrolment.pk).update(status=Enrolment.Status.CANCELLED_BY_SCHOOL)

    assert get(client, "host-guide", contact.pk, enrolment.pk).status_code == 404


@pytest.mark.parametrize("status", ["pending", "waitlisted", "offered", "in_draw"])
def test_a_host_has_no_guide_of_a_class_that_is_not_confirmed(
    client: Client, enrolment: Enrolment, status: str
) -> None:
    contact = enrolment.session.offer.contact
    assert contact is not None
    let_in(client, contact.pk)
    Enrolment.objects.filter(pk=enrolment.pk).update(
        status=status, waiting_since=timezone.now(), answer_by=timezone.now()
    )

    assert get(client, "host-guide", contact.pk, enrolment.pk).status_code == 404


def test_a_host_has_no_guide_of_a_class_whose_school_has_not_decided(client: Client, enrolment: Enrolment) -> None:
    contact = enrolment.session.offer.contact
    assert contact is not None
    let_in(client, contact.pk)
    Enrolment.objects.filter(pk=enrolment.pk).update(status="pending", leader_answer="awaited")

    assert get(client, "host-guide", contact.pk, enrolment.pk).status_code == 404


@pytest.mark.parametrize(
    ("status", "known"),
    [
        ("pending", False),
        ("waitlisted", False),
        ("offered", False),
        ("in_draw", False),
        ("cancelled_by_host", False),
        ("confirmed", True),
        ("completed", True),
        ("no_show", True),
    ],
)
def test_teacher_and_host_stand_by_name_in_the_guide_from_confirmation(
    enrolment: Enrolment, municipality: Municipality, now: datetime, status: str, known: bool
) -> None:
    offer, teacher = enrolment.session.offer, enrolment.teacher
    assert offer.contact is not None
    assert teacher is not None
    offer.contact.email, offer.contact.phone = "birthe@firma.example", "51 52 53 54"
    offer.company.email, offer.company.phone = "post@firma.example", "71 72 73 74"
    enrolment.school.phone = "61 62 63 64"
    enrolment.status, enrolment.teacher_phone = status, "21 22 23 24"
    html = html_of(guides.for_enrolment(enrolment=enrolment, municipality=municipality, now=now))

    of_persons = ["Birthe Tangvig", "birthe@firma.example", "51 52 53 54", "Åse Ørsted", teacher.email, "21 22 23 24"]
    assert [word for word in of_persons if word in html] == (of_persons if known else [])
    of_houses = ["post@firma.example", "71 72 73 74", *([] if known else ["61 62 63 64"])]
    assert [word for word in of_houses if word not in html] == []


# Waiting


def job(state: str) -> DocumentJob:
    """Return a job for a guide."""
    return DocumentJob.objects.create(
        content_hash="a" * 64, filename="Hemmelig.pdf", html="<p>Hemmelig</p>", state=state
    )


def test_the_page_to_wait_on_looks_again_by_itself_and_tells_nothing(
    client: Client, municipality: Municipality
) -> None:
    there = reverse("guide-offer", args=[factories.OfferFactory.create().pk])
    address = reverse("guide-wait", args=[job("requested").pk])
    answer = client.get(address, {"back": there})
    text = answer.content.decode()

    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="4">' in text
    assert "Hemmelig" not in text


def test_a_ready_guide_is_asked_for_at_its_own_door(client: Client, municipality: Municipality) -> None:
    there = reverse("guide-offer", args=[factories.OfferFactory.create().pk])
    answer = client.get(reverse("guide-wait", args=[job("ready").pk]), {"back": there})

    assert (answer.status_code, answer["Location"]) == (302, there)


def test_a_failed_guide_says_so(client: Client, municipality: Municipality) -> None:
    there = reverse("guide-offer", args=[factories.OfferFactory.create().pk])
    answer = client.get(reverse("guide-wait", args=[job("failed").pk]), {"back": there})

    assert answer.status_code == 503
    assert there in answer.content.decode()
    assert "refresh" not in answer.content.decode()


@pytest.mark.parametrize("back", ["", "//ond.example/", "https://ond.example/", "/admin/", "/", "javascript:alert(1)"])
def test_nobody_is_led_anywhere_else_from_waiting(client: Client, municipality: Municipality, back: str) -> None:
    assert client.get(reverse("guide-wait", args=[job("ready").pk]), {"back": back}).status_code == 404
