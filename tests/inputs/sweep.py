"""Going over all routes and all forms with a catalogue, and telling what was found."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.inputs import pages
from tests.inputs.ground import Ground, Route, every_route
from tests.inputs.requests import (
    Ask,
    Sample,
    rows_about_addresses,
    rows_about_keys,
    rows_about_lists,
    rows_about_methods,
    trouble,
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A page that somebody reaches: its route, one of its addresses, who, and what it shows."""

    route: Route
    address: str
    who: str
    status: int
    page: pages.Reader
    fields: dict[str, Any]

    @property
    def has_form(self) -> bool:
        """Whether the page has a form of its own that can be sent; those at the top of every page do not count."""
        return any(form.method == "post" and "language" not in form.names() for form in self.page.forms)


class Sweep:
    """Everything that can be reached on a ground, explored once."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.routes = every_route()

    @cached_property
    def places(self) -> list[Place]:
        """Every address of every route, as each visitor finds it; pages that show the same inputs only once."""
        found: list[Place] = []
        for route in self.routes:
            seen: set[Any] = set()
            for address in self.ground.addresses(route):
                for place in self.as_whoever_gets_in(route, address):
                    looks = (place.status, tuple(tuple(form.names()) for form in place.page.forms))
                    if looks not in seen and (place.status == 200 or not seen):
                        seen.add(looks)
                        found.append(place)
        return found

    def as_whoever_gets_in(self, route: Route, address: str) -> Iterator[Place]:
        """Yield a page as who may do everything finds it, and as others do where that one is not the one meant."""
        places = list(self.look(route, address, "everybody"))
        yield from places
        if not route.name.startswith("admin:") and not any(place.has_form for place in places):
            yield from self.look(route, address, "teacher")
            if places[0].status in {302, 404}:
                yield from self.look(route, address, "visitor")

    def look(self, route: Route, address: str, who: str) -> Iterator[Place]:
        """Yield a page, and the page that its first choice in a form for looking leads to."""
        place = self.place(route, address, who)
        yield place
        for form in place.page.forms:
            chosen = {one.name: one.options[-1] for one in form.controls if one.kind == "select" and one.options}
            if form.method == "get" and chosen and urlsplit(form.action).path == urlsplit(address).path:
                yield self.place(route, f"{address}?{urlencode(chosen)}", who)

    def place(self, route: Route, address: str, who: str) -> Place:
        # What is printed is kept, so that it is printed once.
        ask = self.ground.ask_for_good if address.endswith(".pdf") else self.ground.ask
        answer = ask("GET", address, who, with_context=True)
        page = pages.read(address, answer)
        return Place(
            route=route, address=address, who=who, status=answer.status_code, page=page, fields=pages.forms_of(answer)
        )

    @cached_property
    def reached(self) -> dict[str, Place]:
        """One page of each route, the most telling one."""
        best: dict[str, Place] = {}
        for place in self.places:
            name = place.route.name + place.route.template
            if name not in best or (place.status == 200 and best[name].status != 200):
                best[name] = place
        return best

    def tell(self, ask: Ask, who: str) -> Iterator[str]:
        """Send one request and yield what is wrong with its answer."""
        answer = self.ground.ask(ask.method, ask.address, who, **asked(ask))
        if wrong := trouble(ask, answer):
            yield f"{ask.method} {ask.address[:160]} as {who}: {ask.row}: {wrong}"

    def requests(self, sample: Sample) -> Iterator[str]:
        """Yield what is wrong with the answers of every route to the catalogue of requests."""
        for turn, place in enumerate(self.reached.values()):
            rows = [*rows_about_addresses(place.address), *rows_about_methods(place.address)]
            for ask in sample(rows, turn):
                yield from self.tell(ask, place.who)
            for ask in sample(list(rows_about_keys(place.route, self.ground)), turn):
                yield from self.tell(ask, place.who)

    def lists(self, sample: Sample) -> Iterator[str]:
        """Yield what is wrong with the answers of every list to junk in each of its parameters."""
        for turn, place in enumerate(self.reached.values()):
            names = pages.parameters(place.page)
            if place.status == 200 and names:
                for ask in sample(list(rows_about_lists(place.address, names)), turn):
                    yield from self.tell(ask, place.who)


def asked(ask: Ask) -> dict[str, Any]:
    """Return the options of a request, as the test client takes them."""
    options = dict(ask.options)
    body = options.pop("data", None)
    if body is not None:
        options["content_type"] = options.get("content_type") or "application/octet-stream"
        return {**options, "body": body}
    return options
