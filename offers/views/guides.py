"""Partnership guides as PDF: who may have which, and the page to wait on."""

from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve, reverse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import content_disposition_header, urlencode
from django.views.decorators.http import require_safe

from companies.models import Company
from offers.domain import guides
from offers.models import Enrolment, Offer
from offers.models.enrolment import EnrolmentQuerySet
from portal import pdf
from portal.context import the_municipality
from portal.domain import clock
from portal.domain.actor import is_coordinator
from portal.http import LinkRequest, UserRequest, link_required
from portal.models import Document, DocumentJob, User

GUIDES = {"guide-offer", "guide-company", "guide-enrolment", "host-guide"}


@login_not_required
@require_safe
def for_offer(request: HttpRequest, offer_id: UUID) -> HttpResponse:
    """Show the guide of a published course to anyone, of any other course to a coordinator."""
    offers = Offer.objects.select_related("company", "activity_type", "industry")
    offer = get_object_or_404(offers if _coordinates(request) else offers.published(), pk=offer_id)
    guide = guides.for_offer(offer=offer, municipality=the_municipality(), now=clock.now())
    return _answer(request, guide, private=offer.state != Offer.State.PUBLISHED)


@login_not_required
@require_safe
def for_company(request: HttpRequest, company_id: UUID) -> HttpResponse:
    """Show the guide of a company that hosts something to anyone, of any other company to a coordinator."""
    companies = Company.objects.all()
    if not _coordinates(request):
        companies = companies.filter(Q(pk__in=Offer.objects.published().values("company_id")))
    company = get_object_or_404(companies, pk=company_id)
    guide = guides.for_company(company=company, municipality=the_municipality(), now=clock.now())
    return _answer(request, guide, private=False)


@require_safe
def for_enrolment(request: UserRequest, enrolment_id: UUID) -> HttpResponse:
    """Show a class's guide to whoever may see the enrolment."""
    enrolment = get_object_or_404(_enrolments().visible_to(request.user), pk=enrolment_id)
    guide = guides.for_enrolment(enrolment=enrolment, municipality=the_municipality(), now=clock.now())
    return _answer(request, guide, private=True)


@require_safe
@link_required("host", "contact_id")
def for_host(request: LinkRequest, contact_id: UUID, enrolment_id: UUID) -> HttpResponse:
    """Show a class's guide to a contact of the company that hosts it, once the class is confirmed."""
    agreed = _enrolments().known_to_host().filter(status__in=Enrolment.Status.agreed())
    of_company = agreed.filter(session__offer__company__contacts=contact_id)
    enrolment = get_object_or_404(of_company, pk=enrolment_id)
    guide = guides.for_enrolment(enrolment=enrolment, municipality=the_municipality(), now=clock.now())
    return _answer(request, guide, private=True)


@login_not_required
@require_safe
def wait(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Say that a guide is being made; lead to it when it is ready. Says nothing of its content."""
    job = get_object_or_404(DocumentJob, pk=job_id)
    back = _known(request.GET.get("back", ""))
    if job.state == DocumentJob.State.READY:
        response: HttpResponse = HttpResponseRedirect(back)
    else:
        failed = job.state == DocumentJob.State.FAILED
        context = {"failed": failed, "back": back, "here": request.get_full_path()}
        response = render(request, "offers/guide_wait.html", context, status=503 if failed else 200)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _answer(request: HttpRequest, guide: guides.Guide, *, private: bool) -> HttpResponse:
    picture = pdf.picture(guide.facts.illustration, uploaded=guide.facts.picture)
    html = render_to_string(guide.template, {**guide.context, "picture": picture})
    etag = f'"{pdf.hash_of(html)}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        try:
            made = pdf.obtain(html=html, filename=guide.filename)
        except pdf.LibrariesMissing:
            return render(request, "offers/guide_unavailable.html", status=503)
        if isinstance(made, DocumentJob):
            there = reverse("guide-wait", args=[made.pk])
            return HttpResponseRedirect(f"{there}?{urlencode({'back': request.path})}")
        response = _paper(made, guide.filename)
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-store" if private else "private, no-cache"
    patch_vary_headers(response, ["Cookie"])
    return response


def _paper(document: Document, filename: str) -> HttpResponse:
    response = HttpResponse(bytes(document.pdf), content_type="application/pdf")
    response.headers["Content-Disposition"] = content_disposition_header(as_attachment=False, filename=filename) or ""
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _coordinates(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and is_coordinator(request.user)


def _enrolments() -> EnrolmentQuerySet:
    return Enrolment.objects.select_related(
        "session__offer__company",
        "session__offer__contact",
        "session__offer__activity_type",
        "session__offer__industry",
        "school_class",
        "school",
        "teacher",
    )


def _known(path: str) -> str:
    """Return the path when it is that of a guide: nobody is led anywhere else from here."""
    try:
        match = resolve(path)
    except Resolver404 as error:
        raise Http404 from error
    if match.view_name not in GUIDES:
        raise Http404
    return reverse(match.view_name, kwargs=match.kwargs)
