"""The limit views: the least that Django can do for a page of that kind."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.decorators import login_not_required
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template import Context, Template
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from offers.models import Offer

CARDS = Template(
    "<!doctype html><title>20</title><ul>{% for offer in offers %}<li><h2>{{ offer.title }}</h2>"
    "<p>{{ offer.teaser }}</p><p>{{ offer.company.name }}</p></li>{% endfor %}</ul>"
)


class CountQueries:
    """Write into a header how many queries the answer took."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        count = 0

        def counting(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            nonlocal count
            count += 1
            return execute(sql, params, many, context)

        with connection.execute_wrapper(counting):
            response = self.get_response(request)
        response.headers["X-Queries"] = str(count)
        return response


@login_not_required
def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


@login_not_required
def cards(request: HttpRequest) -> HttpResponse:
    """One indexed query and a template with 20 cards."""
    offers = Offer.objects.published().select_related("company").order_by("-published_at")[:20]
    return HttpResponse(CARDS.render(Context({"offers": offers})))


@login_not_required
def careless(request: HttpRequest) -> HttpResponse:
    """The same, asking once more for every card: what the count of queries must notice."""
    return HttpResponse(CARDS.render(Context({"offers": Offer.objects.published().order_by("-published_at")[:20]})))


@csrf_exempt
@login_not_required
def book(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Booking in three statements, in one transaction: lock, insert, count. The least that is correct."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT places, taken FROM limit_session WHERE id = %s FOR UPDATE", [session_id])
        row = cursor.fetchone()
        if row is None or row[1] >= row[0]:
            return HttpResponse("full", status=409)
        cursor.execute("INSERT INTO limit_booking (id, session_id) VALUES (%s, %s)", [uuid4(), session_id])
        cursor.execute("UPDATE limit_session SET taken = taken + 1 WHERE id = %s", [session_id])
    return HttpResponse("booked", status=201)


urlpatterns = [
    path("limit/hello/", hello),
    path("limit/cards/", cards),
    path("limit/careless/", careless),
    path("limit/book/<uuid:session_id>/", book),
    path("", include("portal.urls")),
]
