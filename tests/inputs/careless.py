"""What the catalogue was written against: pages that hand on what an address or a form says, without a question.

The negative control's addresses.
"""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template import Context, Template
from django.urls import path

from offers.models import Offer
from portal.forms.fields import Email, WholeNumber, Words
from portal.models import Municipality


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


class CarelessForm(forms.Form):
    """Asks for three things, and is never asked whether they are any good."""

    pupils = WholeNumber(min_value=1, max_value=60)
    email = Email()
    note = Words(max_length=100)


@login_not_required
def careless_form(request: HttpRequest) -> HttpResponse:
    """Take whatever the form says: reckon with its number, keep a column that was not asked for, and say thanks."""
    if request.method == "POST":
        int(request.POST["pupils"])
        if "sender_name" in request.POST:
            Municipality.objects.update(sender_name=request.POST["sender_name"])
        return HttpResponseRedirect("/sjusket/formular/")
    page = Template('<h1>x</h1><form method="post">{{ form }}<button type="submit">Send</button></form>')
    return HttpResponse(page.render(Context({"form": CarelessForm()})))


urlpatterns = [
    path("sjusket/", careless),
    path("sjusket/formular/", careless_form),
    path("sjusket/side/<str:key>/", careless),
]
