"""What the catalogue was written against: pages that hand on what an address says. The negative control's addresses."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import path

from offers.models import Offer


@login_not_required
def careless(request: HttpRequest, key: str = "") -> HttpResponse:
    """Filter, sort and page as the address says, without a question."""
    wanted: dict[str, Any] = {name: value for name, value in request.GET.items() if name not in {"sort", "page"}}
    offers = Offer.objects.filter(**wanted)
    if key:
        offers = offers.filter(pk=key)
    if sort := request.GET.get("sort"):
        offers = offers.order_by(sort)
    first = int(request.GET.get("page", "1")) - 1
    titles = ", ".join(offers.values_list("title", flat=True)[first : first + 10])
    links = '<a href="?title=x&sort=title&page=2&grade_from=7">'
    return HttpResponse(f"{titles}{links}", headers={"X-Sent": request.GET.get("next", "")})


urlpatterns = [path("sjusket/", careless), path("sjusket/<str:key>/", careless)]
