"""A company describes its course, by link: an overview, five steps, a last look, and *Send to the municipality*."""

import re
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from offers.domain import authoring, material, publishing
from offers.domain.authoring import LAST_STEP, STEP_FIELDS, STEP_OF, STEP_TITLES, ChangedMeanwhile, Incomplete
from offers.forms.builder import StepForm, form_for
from offers.forms.material import MaterialForm, PictureForm
from offers.models import Invite, Offer
from portal.context import the_municipality
from portal.domain import calendar, clock
from portal.domain.refusal import Refusal
from portal.http import LinkRequest, link_required
from portal.models import Link

TEMPLATES = {step: f"offers/builder_step_{step}.html" for step in STEP_FIELDS}


def _invite(request: LinkRequest, invite_id: UUID) -> Invite:
    invite = authoring.invites_for(request.actor).filter(pk=invite_id).first()
    if invite is None:
        raise Http404
    return invite


def _is_with_company(invite: Invite) -> bool:
    return invite.offer is None or invite.offer.state in authoring.WITH_THE_COMPANY


def _steps(invite: Invite, current: int = 0) -> list[dict[str, Any]]:
    """Return the six steps with where they stand: done, with comments, with something missing."""
    offer = invite.offer
    missing = {item.step for item in authoring.missing_in(offer)} if offer else set()
    commented = [comment.field for comment in authoring.open_comments(offer)] if offer else []
    at_steps = [STEP_OF.get(field, LAST_STEP) for field in commented]
    return [
        {
            "number": number,
            "label": title,
            "url": reverse("builder-step", args=[invite.pk, number]),
            "done": number <= invite.reached_step and number not in missing and number < LAST_STEP,
            "begun": number <= invite.reached_step,
            "comments": at_steps.count(number),
            "current": number == current,
        }
        for number, title in STEP_TITLES.items()
    ]


def _next_step(invite: Invite) -> int:
    """Return where to go on: the first step with a comment, else the first that is not done."""
    steps = _steps(invite)
    commented = next((step["number"] for step in steps if step["comments"]), None)
    return commented or next((step["number"] for step in steps if not step["done"]), LAST_STEP)


@link_required(Link.Purpose.INVITE, "invite_id")
@require_http_methods(["GET", "HEAD", "POST"])
def overview(request: HttpRequest, invite_id: UUID) -> HttpResponse:
    """Say who asks and what for, and where the course stands; its button begins, or confirms a published course."""
    link_request: LinkRequest = request  # type: ignore[assignment]
    invite = _invite(link_request, invite_id)
    if request.method == "POST":
        return _overview_pressed(link_request, invite)
    offer = invite.offer
    context: dict[str, Any] = {
        "invite": invite,
        "offer": offer,
        "asker": authoring.asked_by(invite),
        "steps": _steps(invite),
        "next_step": _next_step(invite),
        "comments": _comments(offer),
        "rejection": offer.review_comments.order_by("-at").first()
        if offer and offer.state == Offer.State.REJECTED
        else None,
        "may_confirm": offer is not None and offer.state in {Offer.State.PUBLISHED, Offer.State.EXPIRED},
    }
    template = "offers/builder_overview.html" if _is_with_company(invite) else "offers/builder_status.html"
    return render(request, template, context)


def _overview_pressed(request: LinkRequest, invite: Invite) -> HttpResponse:
    now = clock.now()
    try:
        if request.POST.get("action") == "confirm" and invite.offer is not None:
            publishing.confirm_fresh(offer_id=invite.offer.pk, by=request.actor, now=now)
            messages.success(request, _("Thank you. The course counts as up to date from today."))
            return redirect("link-invite", invite.pk)
        authoring.open_invite(invite_id=invite.pk, by=request.actor, now=now)
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect("link-invite", invite.pk)
    return redirect("builder-step", invite.pk, _next_step(invite))


def _comments(offer: Offer | None, step: int | None = None) -> list[dict[str, Any]]:
    """Return what the coordinator asked for, at one step or everywhere."""
    if offer is None:
        return []
    comments = [
        {
            "step": STEP_OF.get(comment.field, LAST_STEP),
            "field": comment.field,
            "about": authoring.label_of(comment.field).capitalize() if comment.field else "",
            "text": comment.text,
        }
        for comment in authoring.open_comments(offer)
    ]
    return [comment for comment in comments if step is None or comment["step"] == step]


@link_required(Link.Purpose.INVITE, "invite_id")
@require_http_methods(["GET", "HEAD", "POST"])
def step(request: HttpRequest, invite_id: UUID, step: int) -> HttpResponse:
    """Show and save one step; the sixth is the last look."""
    link_request: LinkRequest = request  # type: ignore[assignment]
    if step not in STEP_TITLES:
        raise Http404
    invite = _invite(link_request, invite_id)
    if not _is_with_company(invite):
        if request.method == "POST":
            messages.error(request, _("The course has been sent in and cannot be changed here now."))
        return redirect("link-invite", invite.pk)
    if step == LAST_STEP:
        return redirect("builder-step", invite.pk, step) if request.method == "POST" else _last_look(request, invite)
    now = clock.now()
    today = calendar.local_day(now)
    initial = authoring.step_content(invite, step)
    version = invite.offer.version if invite.offer else 0
    if request.method != "POST":
        form = form_for(step, initial=initial, today=today)
        return _step_page(request, invite, step, form, version=version)

    form = form_for(step, data=request.POST, initial=initial, today=today)
    seen = request.POST.get("version", "")
    seen_version = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else version
    if not form.is_valid():
        return _step_page(request, invite, step, form, version=seen_version)
    try:
        authoring.save_step(
            invite_id=invite.pk, step=step, content=form.content, version=seen_version, by=link_request.actor, now=now
        )
    except ChangedMeanwhile as changed:
        return _step_page(
            request, invite, step, form, version=changed.version, others=_differences(form, changed.current)
        )
    except Refusal as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        return _step_page(request, invite, step, form, version=seen_version)
    if request.POST.get("then") == "files":
        return redirect("builder-files", invite.pk)
    if request.POST.get("then") == "later":
        messages.success(
            request, _("Saved. Come back whenever you like: the link in your mail leads here, and everything is kept.")
        )
        return redirect("link-invite", invite.pk)
    return redirect("builder-step", invite.pk, step + 1)


def _differences(form: StepForm, current: dict[str, Any]) -> list[dict[str, str]]:
    """Return the fields where what was typed is not what stands there now, with what stands there in words."""
    typed = form.content
    return [
        {"id": form[name].id_for_label, "label": str(field.label), "now": _in_words(form, name, current[name])}
        for name, field in form.fields.items()
        if typed[name] != current[name]
    ]


def _in_words(form: StepForm, name: str, value: Any) -> str:
    field = form.fields[name]
    if hasattr(field, "queryset"):
        wanted = value if isinstance(value, list) else [value]
        return ", ".join(str(word) for word in field.queryset.model.objects.filter(slug__in=wanted)) or "–"
    choices = dict(getattr(field, "choices", []))
    if choices and value is not None:
        return str(choices.get(value, value))
    shown = field.prepare_value(value)
    return str(shown) if shown not in (None, "") else "–"


def _step_page(
    request: HttpRequest,
    invite: Invite,
    step: int,
    form: StepForm,
    *,
    version: int,
    others: list[dict[str, str]] | None = None,
) -> HttpResponse:
    return render(
        request,
        TEMPLATES[step],
        {
            "invite": invite,
            "offer": invite.offer,
            "form": form,
            "version": version,
            "steps": _steps(invite, step),
            "number": step,
            "total": LAST_STEP,
            "title": STEP_TITLES[step],
            "back": reverse("builder-step", args=[invite.pk, step - 1]) if step > 1 else "",
            "comments": _comments(invite.offer, step),
            "others": others,
        },
        status=409 if others is not None else 200,
    )


@link_required(Link.Purpose.INVITE, "invite_id")
@require_http_methods(["GET", "HEAD", "POST"])
def files(request: HttpRequest, invite_id: UUID) -> HttpResponse:
    """The course's own picture and its documents: each is kept at once, and can be taken away again."""
    link_request: LinkRequest = request  # type: ignore[assignment]
    invite = _invite(link_request, invite_id)
    if invite.offer is None:
        return redirect("builder-step", invite.pk, 2)
    if not _is_with_company(invite):
        if request.method == "POST":
            messages.error(request, _("The course has been sent in and cannot be changed here now."))
        return redirect("link-invite", invite.pk)
    office = the_municipality().takes_office_files
    forms: dict[str, PictureForm | MaterialForm] = {
        "picture": PictureForm(),
        "material": MaterialForm(office=office),
    }
    if request.method == "POST":
        action = request.POST.get("action", "")
        if action == "picture":
            forms["picture"] = PictureForm(request.POST, request.FILES)
        if action == "material":
            forms["material"] = MaterialForm(request.POST, request.FILES, office=office)
        if _files_pressed(link_request, invite.offer, action, forms.get(action)):
            return redirect("builder-files", invite.pk)
    context = {
        "invite": invite,
        "offer": invite.offer,
        "picture_form": forms["picture"],
        "material_form": forms["material"],
        "most": material.MOST_DOCUMENTS,
    }
    return render(request, "offers/builder_files.html", context)


def _files_pressed(request: LinkRequest, offer: Offer, action: str, form: PictureForm | MaterialForm | None) -> bool:
    """Do what was asked; return whether it was done. What stands against it is said at the form, or above the page."""
    if form is not None and not form.is_valid():
        return False
    typed = form.cleaned_data if form is not None else {}
    by, now = request.actor, clock.now()
    chosen = request.POST.get("material", "")
    try:
        if action == "picture":
            material.choose_picture(
                offer_id=offer.pk, file=typed["picture"], alt_text=typed["alt_text"], by=by, now=now
            )
            messages.success(request, _("The picture is in use."))
        elif action == "remove-picture":
            material.remove_picture(offer_id=offer.pk, by=by, now=now)
            messages.success(request, _("The picture has been removed."))
        elif action == "material":
            material.add_material(offer_id=offer.pk, file=typed["document"], title=typed["title"], by=by, now=now)
            messages.success(request, _("The file has been added."))
        elif action == "remove-material" and re.fullmatch(r"[0-9]{1,15}", chosen):
            material.remove_material(offer_id=offer.pk, material_id=int(chosen), by=by, now=now)
            messages.success(request, _("The file has been removed."))
    except Refusal as refusal:
        if form is None:
            messages.error(request, str(refusal))
            return True
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        return False
    return True


def _last_look(
    request: HttpRequest, invite: Invite, *, refusal: Refusal | None = None, status: int = 200
) -> HttpResponse:
    """Show the course as a teacher will see it, the didactic check, and what is missing."""
    offer = invite.offer
    missing = authoring.missing_in(offer) if offer else []
    checks = authoring.didactic_check(offer) if offer else []
    context = {
        "invite": invite,
        "offer": offer,
        "steps": _steps(invite, LAST_STEP),
        "number": LAST_STEP,
        "total": LAST_STEP,
        "title": STEP_TITLES[LAST_STEP],
        "missing": missing,
        "checks": checks,
        "checks_done": sum(check.done for check in checks),
        "comments": _comments(offer),
        "refusal": refusal,
    }
    return render(request, "offers/builder_preview.html", context, status=status)


@link_required(Link.Purpose.INVITE, "invite_id")
@require_http_methods(["GET", "HEAD", "POST"])
def submit(request: HttpRequest, invite_id: UUID) -> HttpResponse:
    """Send the course to the municipality. A GET leads to the last look."""
    link_request: LinkRequest = request  # type: ignore[assignment]
    invite = _invite(link_request, invite_id)
    if request.method != "POST" or invite.offer is None:
        return redirect("builder-step", invite.pk, LAST_STEP)
    try:
        authoring.submit(offer_id=invite.offer.pk, by=link_request.actor, now=clock.now())
    except Incomplete as refusal:
        return _last_look(request, invite, refusal=refusal)
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect("link-invite", invite.pk)
    messages.success(request, _("Thank you! The course has been sent to the municipality."))
    return redirect("link-invite", invite.pk)
