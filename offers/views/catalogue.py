"""What anyone may find without signing in. Nothing here sets a cookie or changes anything."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Page, Paginator
from django.db.models import Exists, F, OuterRef, Prefetch, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from offers.domain import dialogue, rules, search
from offers.filters import SORTS, CatalogueFilter, cards
from offers.models import Dialogue, Material, Meeting, MoveProposal, Offer, Session
from portal.domain import clock
from portal.domain.actor import is_coordinator
from portal.domain.calendar import local_day
from portal.models import Industry, User

PER_PAGE = 24
NEXT_FREE = 6
SHOWN_AT_ONCE = 6
NUMBER = re.compile(r"[0-9]{1,30}", re.ASCII)

HAS_MATERIAL = Exists(Material.objects.filter(offer=OuterRef("pk")))

# A session that one class agreed on is that class's alone.
BY_AGREEMENT = Exists(Dialogue.objects.filter(enrolment__session=OuterRef("pk")))

BANDS = [("indskoling", range(4)), ("mellemtrin", range(4, 7)), ("udskoling", range(7, 11))]


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The front page: search, ways in, and where there is room soon."""
    now = clock.now()
    published = Offer.objects.published()
    industries = (
        Industry.objects.current(local_day(now))
        .filter(Exists(published.filter(industry=OuterRef("pk"))))
        .order_by("position")
    )
    names = {"indskoling": _("Lower primary"), "mellemtrin": _("Upper primary"), "udskoling": _("Lower secondary")}
    bands = [
        {
            "name": names[key],
            "first": grades.start,
            "last": grades.stop - 1,
            "query": "&".join(f"klassetrin={grade}" for grade in grades),
        }
        for key, grades in BANDS
    ]
    context = {"bands": bands, "industries": industries, "next_free": next_free(now), "count": published.count()}
    return render(request, "offers/home.html", context)


def next_free(now: datetime) -> list[Offer]:
    """Return the courses in which one can enrol soonest, each with its session: ``next_at``, ``next_left``."""
    sessions = (
        Session.objects.bookable(now)
        .upcoming(now)
        .with_places()
        .order_by("starts_at", "pk")
        .values_list("offer_id", "starts_at", F("places") - F("places_taken"))
    )
    soonest: dict[UUID, tuple[datetime, int]] = {}
    for offer_id, starts_at, left in sessions[:120]:
        soonest.setdefault(offer_id, (starts_at, left))
        if len(soonest) == NEXT_FREE:
            break
    offers = cards(Offer.objects.all()).in_bulk(list(soonest))
    found = []
    for offer_id, (starts_at, left) in soonest.items():
        offer = offers[offer_id]
        offer.next_at, offer.next_left = starts_at, left  # type: ignore[attr-defined]
        found.append(offer)
    return found


@login_not_required
@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    """The courses, filtered as the address says; for HTMX the list alone."""
    found = CatalogueFilter(request.GET, now=clock.now())
    pages = Paginator(found.hits(), PER_PAGE)
    typed = request.GET.get("page", "")
    number = max(int(typed), 1) if NUMBER.fullmatch(typed) else 1
    here = reverse("catalogue")
    if number > pages.num_pages:
        beyond = {"first_page": here + found.address(), "pages": pages.num_pages}
        return render(request, "offers/catalogue_beyond.html", beyond, status=404)
    page = pages.page(number)
    asked = found.cleaned.get("q") or ""
    meant = search.suggestion(asked, names=found.choices.names()) if asked and not pages.count else ""
    context = {
        "filter": found,
        "form": found.form,
        "page": page,
        "count": pages.count,
        "chips": found.chips(),
        "sorts": sorts(found),
        "too_small": bool(asked) and search.query(asked) is None,
        "meant": meant,
        "meant_url": here + found.address({"q": meant}) if meant else "",
        "canonical": canonical(here, found, page),
    }
    only_hits = request.htmx and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    response = render(request, "offers/catalogue.html" + ("#hits" if only_hits else ""), context)
    if only_hits:
        response.headers["HX-Push-Url"] = here + found.address()
    patch_vary_headers(response, ["HX-Request"])
    return response


def canonical(here: str, found: CatalogueFilter, page: Page[Offer]) -> str:
    """Return the one address of this list."""
    number = str(page.number) if page.number > 1 else ""
    return settings.ORIGIN + here + found.address({"page": number})


def sorts(found: CatalogueFilter) -> list[dict[str, Any]]:
    """Return the orders one can choose, each with its address."""
    chosen = found.sort
    offered = [key for key in SORTS if key != "relevans" or search.query(found.cleaned.get("q") or "") is not None]
    default = offered[0] if offered[0] == "relevans" else "nyeste"
    return [
        {
            "label": SORTS[key],
            "current": key == chosen,
            "url": reverse("catalogue") + found.address({"sort": "" if key == default else key}),
        }
        for key in offered
    ]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A session as the page of its course shows it."""

    session: Session
    meetings: list[Meeting]
    state: rules.Appears
    draws: bool
    can_enrol: bool
    move: MoveProposal | None = None

    @classmethod
    def of(cls, session: Session, *, offer: Offer, now: datetime, move: MoveProposal | None = None) -> "Row":
        session.offer = offer
        meetings = list(session.meetings.all())
        state = rules.state_of(session, now=now)
        open_for_all = offer.state == Offer.State.PUBLISHED and session.state == Session.State.OPEN
        in_line = state == rules.Appears.FULL and (offer.has_waiting_list or rules.draws(session))
        return cls(
            session=session,
            meetings=meetings,
            state=state,
            draws=rules.draws(session),
            can_enrol=open_for_all and (state == rules.Appears.FREE or in_line),
            move=move,
        )


@login_not_required
@require_safe
def offer(request: HttpRequest, offer_id: UUID, slug: str = "") -> HttpResponse:
    """A course with everything a teacher needs, and its coming sessions.

    Published and paused courses are for everybody; coordinators see every state before it is published.
    """
    offers = Offer.objects.select_related("company", "activity_type", "industry", "picture").defer("search", "words")
    shown = (
        offers.prefetch_related("subjects", "education_areas")
        .annotate(has_material=HAS_MATERIAL)
        .filter(pk=offer_id)
        .first()
    )
    if shown is None:
        raise Http404
    public = shown.state in {Offer.State.PUBLISHED, Offer.State.PAUSED}
    if not public and not (isinstance(request.user, User) and is_coordinator(request.user)):
        raise Http404
    if slug != shown.slug:
        return redirect("offer", offer_id, shown.slug, permanent=True)

    now = clock.now()
    states = [Session.State.OPEN, Session.State.CANCELLED]
    sessions = (
        shown.sessions.filter(Q(state__in=states), ~BY_AGREEMENT)
        .upcoming(now)
        .annotate(is_to_move=Exists(MoveProposal.objects.open_for(OuterRef("pk"))))
        .order_by("starts_at", "pk")
        .prefetch_related(Prefetch("meetings", Meeting.objects.order_by("number")))
    )
    moves: dict[UUID, MoveProposal] = {}
    if any(vars(session)["is_to_move"] for session in sessions):
        proposed = MoveProposal.objects.open().filter(session__offer=shown).prefetch_related("meetings")
        moves = {one.session_id: one for one in proposed}
    rows = [Row.of(session, offer=shown, now=now, move=moves.get(session.pk)) for session in sessions]
    context = {
        "offer": shown,
        "public": public,
        "paused": shown.state == Offer.State.PAUSED,
        "rows": rows[:SHOWN_AT_ONCE],
        "more": rows[SHOWN_AT_ONCE:],
        "can_propose": dialogue.open_to_requests(shown),
        "bookable": sum(row.can_enrol for row in rows),
        "canonical": settings.ORIGIN + reverse("offer", args=[offer_id, shown.slug]),
    }
    return render(request, "offers/offer.html", context)
