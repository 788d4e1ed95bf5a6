"""The limit views: the least that Django can do for a page of that kind."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template import Context, Template
from django.urls import include, path

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


urlpatterns = [
    path("limit/hello/", hello),
    path("limit/cards/", cards),
    path("limit/careless/", careless),
    path("", include("portal.urls")),
]
