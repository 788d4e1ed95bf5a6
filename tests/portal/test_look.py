"""The frame, the one field template and the error pages say what they should, to ears as well as eyes."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.utils import translation

from portal.models import Municipality
from portal.templatetags.look import duration, grade_span, illustration

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATES = ROOT / "templates"


class Outline(HTMLParser):
    """Every opening tag of a page with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def one(self, tag: str, **attrs: str) -> dict[str, str | None]:
        (found,) = [has for name, has in self.tags if name == tag and attrs.items() <= has.items()]
        return found

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


class ClassForm(forms.Form):
    pupils = forms.IntegerField(label="Pupils", help_text="Only the number.")
    note = forms.CharField(label="Note", required=False, widget=forms.Textarea)
    way = forms.ChoiceField(label="Way", choices=[("bus", "Bus"), ("foot", "On foot")], widget=forms.RadioSelect)
    read = forms.BooleanField(label="We have read this")
    token = forms.CharField(widget=forms.HiddenInput)


def _field(name: str, *, data: dict[str, str] | None = None) -> str:
    with translation.override("en"):
        return ClassForm(data)[name].as_field_group()


def test_a_field_is_tied_to_its_words_and_its_help() -> None:
    page = Outline(_field("pupils"))
    box = page.one("input")
    assert (page.one("label")["for"], box["id"], box["aria-describedby"], box["class"]) == (
        "id_pupils",
        "id_pupils",
        "id_pupils_helptext",
        "ds-input",
    )


def test_a_wrong_field_is_marked_and_tied_to_its_error() -> None:
    html = _field("pupils", data={"pupils": "many"})
    box = Outline(html).one("input")
    assert (box["aria-invalid"], box["aria-describedby"], 'id="id_pupils_error"' in html) == (
        "true",
        "id_pupils_helptext id_pupils_error",
        True,
    )


def test_only_a_field_that_may_stay_empty_says_so() -> None:
    said = {name: "(optional)" in _field(name) for name in ("pupils", "note", "way", "read")}
    assert said == {"pupils": False, "note": True, "way": False, "read": False}


def test_a_choice_among_several_is_a_group_with_a_legend() -> None:
    html = _field("way", data={})
    page = Outline(html)
    assert (page.count("fieldset"), page.count("legend"), page.one("fieldset")["aria-describedby"]) == (
        1,
        1,
        "id_way_error",
    )
    assert [has["for"] for name, has in page.tags if name == "label"] == ["id_way_0", "id_way_1"]


def test_what_was_typed_comes_back_escaped() -> None:
    assert '<script>alert("x")</script>' not in _field("note", data={"note": '<script>alert("x")</script>'})


def test_the_error_summary_links_to_every_wrong_field_that_is_seen() -> None:
    form = ClassForm({"pupils": "many"})
    html = render_to_string("components/error_summary.html", {"form": form})
    assert re.findall(r'href="#([^"]+)"', html) == ["id_pupils", "id_way_0", "id_read"]


def test_a_label_that_asks_is_followed_by_no_colon_in_the_error_summary() -> None:
    form = ClassForm({"pupils": "many"})
    form.fields["way"].label = "How do you come?"
    html = render_to_string("components/error_summary.html", {"form": form})
    assert re.search(r'href="#id_way_0">How do you come\? [^<]+<', html)
    assert re.search(r'href="#id_pupils">[^<?]+: ', html)


def test_a_form_without_errors_has_no_error_summary() -> None:
    assert render_to_string("components/error_summary.html", {"form": ClassForm()}).strip() == ""


def test_the_scale_gives_every_point_a_label_and_names_the_ends() -> None:
    html = render_to_string(
        "components/survey_scale.html", {"field": ClassForm()["way"], "low": "Never", "high": "Often"}
    )
    page = Outline(html)
    assert (page.count("input"), page.count("label"), html.count("(Never)"), html.count("(Often)")) == (2, 2, 1, 1)


def test_leafing_keeps_the_rest_of_the_address() -> None:
    request = RequestFactory().get("/forloeb/?q=vand&page=2")
    page = Paginator(list(range(95)), 10).get_page(2)
    html = render_to_string("components/pagination.html", {"page": page}, request=request)
    assert re.findall(r'href="([^"]+)"', html) == [
        "?q=vand&amp;page=1",
        "?q=vand&amp;page=1",
        "?q=vand&amp;page=2",
        "?q=vand&amp;page=3",
        "?q=vand&amp;page=10",
        "?q=vand&amp;page=3",
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"left": 0}, "Full"),
        ({"left": 0, "waiting": True}, "Full – waiting list"),
        ({"left": 1}, "1 free place"),
        ({"left": 24}, "24 free places"),
        ({"left": 1, "counted": "classes"}, "room for 1 class"),
        ({"left": 24, "closed": True}, "Enrolment has closed"),
        ({"left": None, "none": True}, "No sessions at the moment"),
        ({"left": None}, ""),
    ],
)
def test_free_places_are_said_in_words(given: dict[str, object], words: str) -> None:
    with translation.override("en"):
        html = render_to_string("components/free_places.html", given)
    assert re.sub(r"<[^>]+>", "", html).strip() == words


@pytest.mark.parametrize(("first", "last", "words"), [(4, 6, "Grades 4–6"), (0, 0, "Grade 0"), (None, 6, "All grades")])
def test_a_span_of_grades_is_said_in_words(first: int | None, last: int | None, words: str) -> None:
    with translation.override("en"):
        assert grade_span(first, last) == words


@pytest.mark.parametrize(
    ("minutes", "words"), [(150, "2 hours 30 min."), (60, "1 hour"), (45, "45 min."), (0, "0 min.")]
)
def test_a_length_of_time_is_said_in_hours_and_minutes(minutes: int, words: str) -> None:
    with translation.override("en"):
        assert duration(minutes) == words


def test_an_illustration_that_is_not_drawn_is_replaced_by_the_general_one() -> None:
    assert (illustration("bageri"), illustration("../secret")) == (
        "/static/img/illustrations/bageri.svg",
        "/static/img/hero.svg",
    )


def test_the_page_for_our_own_mistakes_needs_nothing_but_itself() -> None:
    assert re.findall(r"\{[{%]", (TEMPLATES / "500.html").read_text()) == []


def test_no_template_holds_script_or_style_of_its_own() -> None:
    ours = [path for path in TEMPLATES.rglob("*.html") if not {"mail", "pdf", "admin", "unfold"} & set(path.parts)]
    holding = [
        path.relative_to(TEMPLATES).as_posix()
        for path in ours
        if re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", path.read_text())
    ]
    assert holding == []


def test_every_include_of_a_component_names_one_that_exists() -> None:
    missing = {
        name
        for path in TEMPLATES.rglob("*.html")
        for name in re.findall(r"""\{%\s*include\s+["'](components/[^"']+)["']""", path.read_text())
        if not (TEMPLATES / name).is_file()
    }
    assert missing == set()


@pytest.mark.parametrize("status", [400, 403, 404, 405, 410, 413, 429, 503])
def test_every_error_page_has_one_heading_and_a_way_on(municipality: Municipality, status: int) -> None:
    request = RequestFactory().get("/nowhere/")
    page = Outline(render_to_string(f"{status}.html", request=request))
    assert (page.count("h1"), page.count("main"), page.one("html")["lang"]) == (1, 1, "da")
    assert [has["href"] for name, has in page.tags if name == "a" and has.get("class") == "ds-button"] == [
        "/nowhere/" if status == 503 else "/"
    ]


def test_a_form_that_was_too_busy_can_be_sent_again_without_writing_it_again(municipality: Municipality) -> None:
    request = RequestFactory().post("/x/", {"pupils": "24", "password": "secret", "csrfmiddlewaretoken": "t"})
    html = render_to_string("503.html", request=request)
    page = Outline(html)
    assert (page.one("input", name="pupils")["value"], "secret" in html) == ("24", False)


def test_who_only_reads_gets_no_cookie(municipality: Municipality) -> None:
    answer = Client().get("/findes-ikke/")
    assert (answer.status_code, dict(answer.cookies)) == (404, {})


def test_the_language_can_be_chosen_without_a_cookie_from_before(municipality: Municipality) -> None:
    answer = Client(enforce_csrf_checks=True).post("/sprog/", {"language": "en", "next": "/findes-ikke/"})
    assert (answer.status_code, answer.cookies["django_language"].value) == (302, "en")


def test_the_sign_in_page_wears_the_frame_and_the_field_template(municipality: Municipality) -> None:
    page = Outline(Client().get("/konto/login/").content.decode())
    assert (page.count("h1"), page.one("input", name="email")["class"], page.one("label", **{"for": "id_email"})) == (
        1,
        "ds-input",
        {"class": "ds-label", "for": "id_email"},
    )


def test_half_an_address_is_said_at_the_top_and_moves_the_focus_there(municipality: Municipality) -> None:
    html = Client().post("/konto/login/", {"email": "a@skole"}).content.decode()
    assert (html.count("data-take-focus"), Outline(html).one("input", name="email")["value"]) == (1, "a@skole")
