"""Questions to hosts: a teacher asks, the host answers by link, and neither sees the other's address."""

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from companies.models import Contact
from offers.domain import notices, questions
from offers.forms.dialogue import QuestionAnswerForm, QuestionForm
from offers.models import Offer, Question
from portal.domain import clock
from portal.domain.actor import is_coordinator
from portal.domain.refusal import Refusal
from portal.http import LinkRequest, actor_of, link_required
from portal.models import Link, User
from schools.domain import membership


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, offer_id: UUID) -> HttpResponse:
    """Let a teacher ask the host of a course something."""
    person = _person(request)
    offers = Offer.objects.select_related("company", "contact").filter(state__in=questions.ASKABLE)
    offer = get_object_or_404(offers.defer("search", "words"), pk=offer_id)
    form = QuestionForm(request.POST if request.method == "POST" else None, offer=offer)
    if form.is_valid():
        try:
            asked = questions.ask_host(
                offer_id=offer.pk,
                text=form.cleaned_data["text"],
                form_token=form.cleaned_data["form_token"],
                by=actor_of(request),
                now=clock.now(),
            )
        except Refusal as refusal:
            _refuse(form, refusal)
        else:
            messages.success(request, _("Your question has been sent. You get a mail when it is answered."))
            return redirect("question", asked.pk)
    context = {
        "offer": offer,
        "form": form,
        "belongs": membership.schools_of(person).exists(),
        "coordinator": is_coordinator(person),
    }
    return render(request, "offers/question_ask.html", context)


@never_cache
@require_safe
def question(request: HttpRequest, question_id: UUID) -> HttpResponse:
    """Show a teacher the own question, and the answer when there is one."""
    rows = Question.objects.filter(teacher=_person(request)).select_related("offer__company", "offer__contact")
    found = get_object_or_404(rows.defer("offer__search", "offer__words"), pk=question_id)
    host = notices.host_contact(found.offer) if questions.know_each_other(found) else None
    return render(request, "offers/question.html", {"question": found, "offer": found.offer, "host": host})


@link_required(Link.Purpose.HOST, "contact_id")
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, contact_id: UUID, question_id: UUID) -> HttpResponse:
    """Let the host answer a teacher's question."""
    contact = get_object_or_404(Contact.objects.select_related("company"), pk=contact_id, is_active=True)
    rows = Question.objects.filter(offer__company=contact.company_id).select_related("offer", "school", "teacher")
    found = get_object_or_404(rows, pk=question_id)
    form = QuestionAnswerForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            questions.answer_question(
                question_id=found.pk,
                text=form.cleaned_data["text"],
                by=cast(LinkRequest, request).actor,
                now=clock.now(),
            )
        except Refusal as refusal:
            _refuse(form, refusal)
        else:
            messages.success(request, _("Thank you. The teacher gets your answer by mail."))
            return redirect("host-question", contact.pk, found.pk)
    context: dict[str, Any] = {
        "contact": contact,
        "question": found,
        "offer": found.offer,
        "teacher": found.teacher if questions.know_each_other(found) else None,
        "form": form,
    }
    return render(request, "offers/question_host.html", context)


def _refuse(form: forms.Form, refusal: Refusal) -> None:
    """Put a refusal where the person can do something about it."""
    form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.message))
