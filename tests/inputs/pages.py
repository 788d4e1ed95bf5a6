"""Reading a page as a browser does: its forms with what stands in them, and where its links lead."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from django import forms
from django.forms.formsets import BaseFormSet


@dataclass
class Control:
    """One input of a form."""

    name: str
    kind: str
    value: str = ""
    options: list[str] = field(default_factory=list)
    required: bool = False
    numeric: bool = False


@dataclass
class Form:
    """A form of a page: where it is sent, how, and its inputs in order; several of one name for ticks."""

    action: str
    method: str
    controls: list[Control] = field(default_factory=list)

    def filled(self) -> dict[str, list[str]]:
        """Return what a browser would send when nobody typed anything; the first of several buttons is pressed."""
        sent: dict[str, list[str]] = {}
        pressed = False
        for one in self.controls:
            if one.kind in {"submit", "button"}:
                if not pressed and one.name:
                    sent.setdefault(one.name, []).append(one.value)
                pressed = True
            elif one.kind in {"checkbox", "radio"}:
                if one.value and one.options:
                    sent.setdefault(one.name, []).append(one.value)
            elif one.kind == "select-several":
                sent.setdefault(one.name, []).extend(one.options[:1])
            elif one.kind != "file":
                sent.setdefault(one.name, []).append(one.value)
        return sent

    def names(self) -> list[str]:
        """Return the names of its inputs, each once."""
        return list(dict.fromkeys(one.name for one in self.controls if one.name))


class Reader(HTMLParser):
    """Collects forms and links."""

    def __init__(self, address: str) -> None:
        super().__init__(convert_charrefs=True)
        self.address = address
        self.forms: list[Form] = []
        self.by_id: dict[str, Form] = {}
        self.links: list[str] = []
        self.open: Form | None = None
        self.text: Control | None = None
        self.select: Control | None = None

    def handle_starttag(self, tag: str, pairs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in pairs}
        if tag == "a":
            self.links.append(urljoin(self.address, facts.get("href", "")))
        elif tag == "form":
            self.open = Form(urljoin(self.address, facts.get("action", "")), facts.get("method", "get").lower())
            self.forms.append(self.open)
            if "id" in facts:
                self.by_id[facts["id"]] = self.open
        elif tag == "option" and self.select is not None:
            self.select.options.append(facts.get("value", ""))
            if "selected" in facts:
                self.select.value = facts.get("value", "")
        elif tag in {"input", "textarea", "select", "button"}:
            self.control(tag, facts)

    def control(self, tag: str, facts: dict[str, str]) -> None:
        kind = facts.get("type", "text" if tag == "input" else "submit" if tag == "button" else tag)
        one = Control(
            name=facts.get("name", ""),
            kind="select-several" if tag == "select" and "multiple" in facts else kind,
            value=facts.get("value", "on" if kind in {"checkbox", "radio"} else ""),
            required="required" in facts,
            numeric=facts.get("inputmode") == "numeric" or kind == "number",
        )
        if "checked" in facts:
            one.options = ["checked"]
        owner = self.by_id.get(facts["form"]) if "form" in facts else self.open
        if owner is not None and "disabled" not in facts and (one.name or kind == "submit"):
            owner.controls.append(one)
        if tag == "textarea":
            self.text, one.value = one, ""
        if tag == "select":
            self.select, one.value = one, ""

    def handle_data(self, data: str) -> None:
        if self.text is not None:
            self.text.value += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.open = None
        elif tag == "textarea" and self.text is not None:
            self.text.value = self.text.value.removeprefix("\r\n").removeprefix("\n")
            self.text = None
        elif tag == "select" and self.select is not None:
            if not self.select.value and self.select.options and self.select.kind == "select":
                self.select.value = self.select.options[0]
            self.select = None


def read(address: str, answer: Any) -> Reader:
    """Return the forms and links of an answer; none when it is no page."""
    reader = Reader(address)
    if answer.headers.get("Content-Type", "").startswith("text/html") and not answer.streaming:
        reader.feed(answer.content.decode())
    return reader


def parameters(reader: Reader) -> list[str]:
    """Return the names that a list's own links and search forms put into its address."""
    here = urlsplit(reader.address).path
    names = [
        name
        for link in reader.links
        if urlsplit(link).path == here
        for name, _value in parse_qsl(urlsplit(link).query, keep_blank_values=True)
    ]
    names += [name for form in reader.forms if form.method == "get" for name in form.names()]
    return list(dict.fromkeys(names))


def forms_of(answer: Any) -> dict[str, tuple[forms.BaseForm, str, forms.Field]]:
    """Return what the page's template was given for each input: the form, the field's name, and the field."""
    found: dict[str, tuple[forms.BaseForm, str, forms.Field]] = {}
    looked_at: set[int] = set()  # hundreds of small templates share the layers of the page around them
    for context in answer.context or ():
        for layer in getattr(context, "dicts", [context]):
            values = [value for value in layer.values() if id(value) not in looked_at]
            looked_at |= set(map(id, values))
            for value in values:
                for form in inside(value):
                    for name, one in form.fields.items():
                        label = form.add_prefix(name)
                        found.setdefault(label, (form, name, one))
                        for number in range(len(getattr(one.widget, "widgets", []))):
                            found.setdefault(f"{label}_{number}", (form, name, one))
    return found


def inside(value: Any, depth: int = 0) -> Iterator[forms.BaseForm]:
    """Yield the forms in what a template was given."""
    if isinstance(value, forms.BaseForm):
        yield value
    elif isinstance(value, BaseFormSet):
        yield value.management_form
        yield from value.forms
    elif isinstance(getattr(value, "form", None), forms.BaseForm):  # the admin's wrapper
        yield value.form
    elif isinstance(getattr(value, "formset", None), BaseFormSet):
        yield from inside(value.formset)
    elif depth < 2 and isinstance(value, (list, tuple)):
        for one in value:
            yield from inside(one, depth + 1)
    elif depth < 2 and isinstance(value, dict):
        for one in value.values():
            yield from inside(one, depth + 1)
