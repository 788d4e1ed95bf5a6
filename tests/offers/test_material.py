"""A course's own picture and material: who changes them, who sees them, where they are shown."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from offers.domain import authoring, guides, material
from offers.models import Invite, Material, Offer
from portal.domain import links
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.domain.uploads import SafeFile
from portal.models import AuditEntry, Link, Municipality, Upload
from tests import factories, files
from tests.conftest import TODAY

COORDINATOR = Actor(kind="user", id="11111111-1111-1111-1111-111111111111", is_coordinator=True, is_reviewer=True)
REVIEWER = Actor(kind="user", id="22222222-2222-2222-2222-222222222222", is_reviewer=True)


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    """A media folder of one's own."""
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def municipality(committing: None) -> Municipality:
    made: Municipality = factories.MunicipalityFactory.create()
    return made


@pytest.fixture(autouse=True)
def _ten_in_the_morning() -> Iterator[None]:
    """The clock stands at the tests' today, so that links are alive."""
    with time_machine.travel(TODAY, tick=False):
        yield


@pytest.fixture
def offer(municipality: Municipality) -> Offer:
    contact = factories.ContactFactory.create()
    made: Offer = factories.OfferFactory.create(
        company=contact.company, contact=contact, state=Offer.State.DRAFT, published_at=None
    )
    return made


@pytest.fixture
def invite(offer: Offer) -> Invite:
    assert offer.contact is not None
    return Invite.objects.create(company=offer.company, contact=offer.contact, offer=offer, reached_step=2)


def link_to(purpose: Link.Purpose, about: Any) -> Link:
    return links.ensure(purpose=purpose, reference_id=about.pk, now=TODAY)


def holder(link: Link) -> Client:
    """Return a browser that came in by the link."""
    client = Client()
    address = f"/l/{links.token(link)}/"
    assert client.post(address).status_code == 302
    return client


def a_picture(name: str = "foto.jpg") -> SafeFile:
    return SafeFile(
        kind="picture",
        format="jpg",
        name=name,
        content=name.encode(),
        small=b"s",
        digest=f"{abs(hash(name)):064x}",
        width=1280,
        height=720,
    )


def a_document(name: str = "ark.pdf") -> SafeFile:
    return SafeFile(kind="document", format="pdf", name=name, content=name.encode(), digest=f"{abs(hash(name)):064x}")


def stored(media: Path) -> int:
    return sum(path.is_file() for path in media.rglob("*"))


# The use-cases


def test_a_picture_is_chosen_replaced_and_removed_and_the_one_before_is_gone(offer: Offer, media: Path) -> None:
    material.choose_picture(offer_id=offer.pk, file=a_picture("a"), alt_text=" En  svejser ", by=COORDINATOR, now=TODAY)
    first = Offer.objects.get().picture
    material.choose_picture(offer_id=offer.pk, file=a_picture("b"), alt_text="", by=COORDINATOR, now=TODAY)
    second = Offer.objects.get().picture

    assert first is not None
    assert second is not None
    assert (first.alt_text, second.alt_text) == ("En svejser", "")
    assert list(Upload.objects.all()) == [second]
    assert stored(media) == 2

    material.remove_picture(offer_id=offer.pk, by=COORDINATOR, now=TODAY)
    material.remove_picture(offer_id=offer.pk, by=COORDINATOR, now=TODAY)

    assert (Offer.objects.get().picture, Upload.objects.count(), stored(media)) == (None, 0, 0)
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "offer-picture-chosen",
        "offer-picture-chosen",
        "offer-picture-removed",
    ]


def test_the_same_picture_again_is_stored_once(offer: Offer, media: Path) -> None:
    for words in ("En svejser", "En smed"):
        material.choose_picture(offer_id=offer.pk, file=a_picture(), alt_text=words, by=COORDINATOR, now=TODAY)

    assert [upload.alt_text for upload in Upload.objects.all()] == ["En smed"]
    assert stored(media) == 2


def test_a_course_has_ten_documents_at_most(offer: Offer) -> None:
    for number in range(10):
        material.add_material(
            offer_id=offer.pk, file=a_document(f"{number}.pdf"), title=f"Ark {number}", by=COORDINATOR, now=TODAY
        )
    material.add_material(offer_id=offer.pk, file=a_document("3.pdf"), title="Nyt navn", by=COORDINATOR, now=TODAY)

    with pytest.raises(Refusal) as refused:
        material.add_material(offer_id=offer.pk, file=a_document("11.pdf"), title="Et til", by=COORDINATOR, now=TODAY)

    assert refused.value.code == "too-many"
    assert Upload.objects.count() == 10
    assert Material.objects.filter(title="Nyt navn").count() == 1


@pytest.mark.parametrize("title", ["", "   ", "Ark til 010112-1234"])
def test_material_has_a_title_without_personal_numbers(offer: Offer, title: str) -> None:
    with pytest.raises(Refusal) as refused:
        material.add_material(offer_id=offer.pk, file=a_document(), title=title, by=COORDINATOR, now=TODAY)

    assert refused.value.field == "title"
    assert Upload.objects.count() == 0


def test_a_removed_document_is_gone_for_good(offer: Offer, media: Path) -> None:
    one = material.add_material(offer_id=offer.pk, file=a_document(), title="Ark", by=COORDINATOR, now=TODAY)
    number = one.pk

    material.remove_material(offer_id=offer.pk, material_id=number, by=COORDINATOR, now=TODAY)
    material.remove_material(offer_id=offer.pk, material_id=number, by=COORDINATOR, now=TODAY)

    assert (Material.objects.count(), Upload.objects.count(), stored(media)) == (0, 0, 0)


def test_a_company_changes_files_only_while_the_course_is_with_it(offer: Offer, invite: Invite) -> None:
    by = Actor.of_link(link_to(Link.Purpose.INVITE, invite))
    material.choose_picture(offer_id=offer.pk, file=a_picture(), alt_text="", by=by, now=TODAY)
    Offer.objects.update(state=Offer.State.SUBMITTED)

    for deed in (
        lambda: material.choose_picture(offer_id=offer.pk, file=a_picture("b"), alt_text="", by=by, now=TODAY),
        lambda: material.remove_picture(offer_id=offer.pk, by=by, now=TODAY),
        lambda: material.add_material(offer_id=offer.pk, file=a_document(), title="Ark", by=by, now=TODAY),
    ):
        with pytest.raises(Refusal) as refused:
            deed()
        assert refused.value.code == "not-with-the-company"
    assert Upload.objects.count() == 1


def test_nobody_changes_the_files_of_another_course(offer: Offer, municipality: Municipality) -> None:
    elsewhere = Invite.objects.create(company=offer.company, contact=factories.ContactFactory.create())

    for by, code in (
        (Actor.of_link(link_to(Link.Purpose.INVITE, elsewhere)), "not-yours"),
        (REVIEWER, "coordinators-only"),
    ):
        with pytest.raises(Refusal) as refused:
            material.choose_picture(offer_id=offer.pk, file=a_picture(), alt_text="", by=by, now=TODAY)
        assert refused.value.code == code


def test_a_copy_of_a_course_shows_the_same_files_and_they_stay_as_long_as_one_shows_them(
    offer: Offer, media: Path
) -> None:
    material.choose_picture(offer_id=offer.pk, file=a_picture(), alt_text="", by=COORDINATOR, now=TODAY)
    one = material.add_material(offer_id=offer.pk, file=a_document(), title="Ark", by=COORDINATOR, now=TODAY)
    copy = authoring.clone_offer(offer_id=offer.pk, by=COORDINATOR, now=TODAY)
    kept = stored(media)

    material.remove_picture(offer_id=offer.pk, by=COORDINATOR, now=TODAY)
    material.remove_material(offer_id=offer.pk, material_id=one.pk, by=COORDINATOR, now=TODAY)

    assert stored(media) == kept == 3
    copy.refresh_from_db()
    assert copy.picture is not None
    assert [(one.title, one.upload.kind) for one in copy.materials.all()] == [("Ark", "document")]


# Who may have the file


def file_address(offer: Offer) -> str:
    return f"/forloeb/{offer.pk}/fil/{offer.picture_id}/"


@pytest.fixture
def pictured(offer: Offer, invite: Invite) -> Offer:
    return material.choose_picture(
        offer_id=offer.pk, file=a_picture("Ærø foto.jpg"), alt_text="En svejser", by=COORDINATOR, now=TODAY
    )


@pytest.mark.parametrize("state", ["draft", "submitted", "changes_requested", "approved", "expired", "archived"])
def test_a_draft_s_files_are_for_those_who_see_the_draft(pictured: Offer, invite: Invite, state: str) -> None:
    Offer.objects.filter(pk=pictured.pk).update(state=state, published_at=TODAY)
    other = Invite.objects.create(company=pictured.company, contact=factories.ContactFactory.create())
    coordinator, reviewer, teacher, operator = Client(), Client(), Client(), Client()
    coordinator.force_login(factories.CoordinatorFactory.create())
    reviewer.force_login(factories.ReviewerFactory.create())
    teacher.force_login(factories.UserFactory.create())
    operator.force_login(factories.OperatorFactory.create())
    answers = {
        "coordinator": coordinator,
        "reviewer": reviewer,
        "its company": holder(link_to(Link.Purpose.INVITE, invite)),
        "its contact": holder(link_to(Link.Purpose.HOST, pictured.contact)),
        "another invitation": holder(link_to(Link.Purpose.INVITE, other)),
        "another contact": holder(link_to(Link.Purpose.HOST, other.contact)),
        "teacher": teacher,
        "operator": operator,
        "visitor": Client(),
    }

    got = {who: client.get(file_address(pictured)) for who, client in answers.items()}

    assert {who: answer.status_code for who, answer in got.items()} == {
        "coordinator": 200,
        "reviewer": 200,
        "its company": 200,
        "its contact": 200,
        "another invitation": 404,
        "another contact": 404,
        "teacher": 404,
        "operator": 404,
        "visitor": 404,
    }
    assert got["coordinator"]["Cache-Control"] == "private, no-store"
    assert "ETag" not in got["coordinator"]


def test_a_link_that_ended_opens_no_draft(pictured: Offer, invite: Invite) -> None:
    link = link_to(Link.Purpose.INVITE, invite)
    browser = holder(link)
    Link.objects.filter(pk=link.pk).update(revoked_at=TODAY)

    assert browser.get(file_address(pictured)).status_code == 404


def test_a_published_course_s_files_are_for_everybody_and_may_be_kept(pictured: Offer) -> None:
    one = material.add_material(
        offer_id=pictured.pk, file=a_document("Ærø ark.pdf"), title="Ark", by=COORDINATOR, now=TODAY
    )
    Offer.objects.filter(pk=pictured.pk).update(state=Offer.State.PUBLISHED, published_at=TODAY)
    client = Client()

    picture = client.get(file_address(pictured))
    small = client.get(file_address(pictured) + "lille/")
    document = client.get(f"/forloeb/{pictured.pk}/fil/{one.upload_id}/")

    assert (picture.status_code, picture.content, small.content) == (200, "Ærø foto.jpg".encode(), b"s")
    assert picture["Content-Disposition"] == "inline; filename*=utf-8''%C3%86r%C3%B8%20foto.jpg"
    assert document["Content-Disposition"] == "attachment; filename*=utf-8''%C3%86r%C3%B8%20ark.pdf"
    for answer in (picture, small, document):
        assert answer["Cache-Control"] == "public, max-age=3600"
        assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Set-Cookie" not in answer
    again = client.get(file_address(pictured), headers={"If-None-Match": picture["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_file_of_another_course_is_not_found_there(pictured: Offer) -> None:
    other = factories.OfferFactory.create()

    assert Client().get(f"/forloeb/{other.pk}/fil/{pictured.picture_id}/").status_code == 404
    assert Client().get(f"/forloeb/{pictured.pk}/fil/{other.pk}/").status_code == 404
    assert Client().get(f"/forloeb/{other.company_id}/fil/{pictured.picture_id}/").status_code == 404


# Where they are shown


def test_the_picture_and_the_material_are_shown_on_card_page_and_guide(pictured: Offer) -> None:
    material.add_material(offer_id=pictured.pk, file=a_document(), title="Ark <b>1</b>", by=COORDINATOR, now=TODAY)
    Offer.objects.filter(pk=pictured.pk).update(state=Offer.State.PUBLISHED, published_at=TODAY)
    client = Client()

    card = client.get("/forloeb/").content.decode()
    page = client.get(f"/forloeb/{pictured.pk}/{pictured.slug}/").content.decode()
    guide = guides.for_offer(offer=pictured, municipality=Municipality.objects.get(), now=TODAY)

    assert f'src="{file_address(pictured)}lille/" alt=""' in card
    assert f'src="{file_address(pictured)}" alt="En svejser"' in page
    assert "Ark &lt;b&gt;1&lt;/b&gt;" in page
    assert guide.facts.picture == f"{pictured.picture_id}.jpg"
    assert ("Material in the portal", "Ark <b>1</b>") in [(fact.name, fact.text) for fact in guide.facts.practical] or (
        "Materiale i portalen",
        "Ark <b>1</b>",
    ) in [(fact.name, fact.text) for fact in guide.facts.practical]


# The doors


def sent(content: bytes, name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_a_company_adds_and_removes_picture_and_material_without_javascript(invite: Invite, media: Path) -> None:
    browser = holder(link_to(Link.Purpose.INVITE, invite))
    page = f"/beskriv/{invite.pk}/filer/"

    chosen = browser.post(
        page, {"action": "picture", "picture": sent(files.photo_with_place(), "IMG.JPG"), "alt_text": "En svejser"}
    )
    added = browser.post(
        page, {"action": "material", "document": sent(files.pdf(), "../ark.pdf"), "title": "Arbejdsark"}
    )
    shown = browser.get(page).content.decode()

    assert (chosen.status_code, added.status_code) == (302, 302)
    offer = Offer.objects.select_related("picture").get(invite=invite)
    assert offer.picture is not None
    assert (offer.picture.alt_text, offer.picture.width, offer.picture.height) == ("En svejser", 48, 64)
    one = offer.materials.get()
    assert (one.title, one.upload.name) == ("Arbejdsark", "ark.pdf")
    assert "Arbejdsark" in shown
    assert 'alt="En svejser"' in shown

    assert browser.post(page, {"action": "remove-material", "material": str(one.pk)}).status_code == 302
    assert browser.post(page, {"action": "remove-picture"}).status_code == 302
    assert stored(media) == 0


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"action": "picture"}, "Vælg et billede først."),
        ({"action": "picture", "alt_text": "kept words"}, "kept words"),
        ({"action": "material", "title": "kept words"}, "kept words"),
        ({"action": "material"}, "Vælg en fil først."),
    ],
)
def test_what_is_wrong_stands_at_the_field_and_what_was_typed_stays(
    invite: Invite, typed: dict[str, str], sentence: str
) -> None:
    browser = holder(link_to(Link.Purpose.INVITE, invite))

    answer = browser.post(f"/beskriv/{invite.pk}/filer/", typed)

    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    assert Upload.objects.count() == 0


def test_a_refused_file_says_why_and_keeps_the_words(invite: Invite) -> None:
    browser = holder(link_to(Link.Purpose.INVITE, invite))
    page = f"/beskriv/{invite.pk}/filer/"

    picture = browser.post(page, {"action": "picture", "picture": sent(b"<svg/>", "x.png"), "alt_text": "En svejser"})
    document = browser.post(
        page, {"action": "material", "document": sent(files.pdf_with_script(), "a.pdf"), "title": "Ark"}
    )
    office = browser.post(page, {"action": "material", "document": sent(files.docx(), "a.docx"), "title": "Ark"})

    assert "JPEG, PNG" in picture.content.decode()
    assert 'value="En svejser"' in picture.content.decode()
    assert "JavaScript" in document.content.decode()
    assert 'value="Ark"' in document.content.decode()
    assert "PDF" in office.content.decode()
    assert Upload.objects.count() == 0

    Municipality.objects.update(takes_office_files=True)
    assert (
        browser.post(page, {"action": "material", "document": sent(files.docx(), "a.docx"), "title": "Ark"}).status_code
        == 302
    )


@pytest.mark.parametrize(
    "typed",
    [
        {},
        {"action": "unknown"},
        {"action": "remove-material"},
        {"action": "remove-material", "material": "-1"},
        {"action": "remove-material", "material": "9" * 15},
        {"action": "remove-material", "material": "٣"},
        {"action": "remove-picture"},
    ],
)
def test_nothing_happens_without_a_reason(invite: Invite, typed: dict[str, str]) -> None:
    browser = holder(link_to(Link.Purpose.INVITE, invite))

    assert browser.post(f"/beskriv/{invite.pk}/filer/", typed).status_code == 302


def test_before_the_course_is_begun_and_after_it_was_sent_there_is_nothing_to_add(offer: Offer, invite: Invite) -> None:
    empty = Invite.objects.create(company=offer.company, contact=invite.contact)
    Offer.objects.filter(pk=offer.pk).update(state=Offer.State.SUBMITTED)

    unbegun = holder(link_to(Link.Purpose.INVITE, empty)).get(f"/beskriv/{empty.pk}/filer/")
    sent_in = holder(link_to(Link.Purpose.INVITE, invite)).post(f"/beskriv/{invite.pk}/filer/", {"action": "picture"})

    assert unbegun.headers["Location"] == f"/beskriv/{empty.pk}/2/"
    assert sent_in.headers["Location"] == f"/beskriv/{invite.pk}/"


def test_a_coordinator_changes_the_files_at_the_desk(offer: Offer, media: Path) -> None:
    desk = Client()
    desk.force_login(factories.CoordinatorFactory.create())
    base = f"/admin/offers/offer/{offer.pk}/"

    chosen = desk.post(base + "billede/", {"picture": sent(files.picture(), "x.jpg"), "decorative": "on"})
    added = desk.post(base + "materiale/", {"document": sent(files.pdf(), "a.pdf"), "title": "Ark"})
    wrong = desk.post(base + "materiale/", {"document": sent(b"x", "a.pdf"), "title": "Ark"})
    one = offer.materials.get()
    shown = desk.get(base + "fjern-filer/").content.decode()
    removed = desk.post(base + "fjern-filer/", {"files": ["picture", str(one.pk)]})

    assert (chosen.status_code, added.status_code, wrong.status_code, removed.status_code) == (302, 302, 422, 302)
    assert "Ark" in shown
    assert (Upload.objects.count(), stored(media)) == (0, 0)
