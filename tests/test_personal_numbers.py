"""A civil registration number (CPR) is refused in every free text of every form: public, by link, at the desk."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import ValidationError
from django.test import RequestFactory

import companies
import offers
import portal
import schools
from portal.admin import DeskForm
from portal.domain.privacy import Kind, register
from portal.forms.fields import Phone, WebAddress
from tests import factories

CPR = "010203-1234"
SENTENCES = [CPR, "Emil, 0102031234, sidder foran", "nr. 010203–1234."]
# What is no free text: read by machines, or examined letter by letter.
EXAMINED = (
    forms.EmailField, forms.URLField, forms.UUIDField, forms.SlugField, forms.GenericIPAddressField, forms.JSONField,
    Phone, WebAddress, SimpleArrayField,
)  # fmt: skip
# Fields whose text is not kept: codes and passwords that open something, words that are searched for.
NOT_KEPT = {"password", "password1", "password2", "oldpassword", "code", "credential", "q", "search", "otp", "next"}


def every_module() -> None:
    for package in (companies, offers, portal, schools):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" not in found.name and found.name != "portal.pdf.press":
                import_module(found.name)


def classes(root: type[Any]) -> Iterator[type[Any]]:
    for found in root.__subclasses__():
        yield found
        yield from classes(found)


def ours() -> list[type[Any]]:
    every_module()
    apps = ("companies.", "offers.", "portal.", "schools.")
    return sorted(
        {one for one in classes(forms.BaseForm) if one.__module__.startswith(apps)}, key=lambda one: one.__qualname__
    )


def takes(field: forms.Field) -> bool:
    """Return whether a field lets one of the sentences through."""
    for sentence in SENTENCES:
        try:
            field.clean(sentence)
        except ValidationError:
            continue
        return True
    return False


def texts(form: Any) -> dict[str, forms.Field]:
    return {
        name: field
        for name, field in form.base_fields.items()
        if isinstance(field, forms.CharField) and not isinstance(field, EXAMINED) and name not in NOT_KEPT
    }


def test_every_form_refuses_a_personal_number_in_every_text() -> None:
    every = ours()
    open_doors = [
        f"{form.__module__}.{form.__qualname__}.{name}"
        for form in every
        for name, field in texts(form).items()
        # A form of the desk gives its plain fields the rule as it is made.
        if takes(field) and not (issubclass(form, DeskForm) and type(field) is forms.CharField)
        # What the desk makes of a model is looked at below, with the fields the desk gives it.
        if not issubclass(form, forms.ModelForm)
    ]

    assert open_doors == []
    assert len(every) > 30


@pytest.mark.django_db
def test_every_row_at_the_desk_refuses_it_too() -> None:
    request = RequestFactory().get("/admin/")
    request.user = factories.AdministratorFactory.create()
    open_doors, checked = [], 0
    for model, desk in admin.site._registry.items():
        if not (desk.has_change_permission(request) or desk.has_add_permission(request)):
            continue
        made = [desk.get_form(request, None, change=True)]
        made += [inline.get_formset(request, None).form for inline in desk.get_inline_instances(request, None)]
        for form in made:
            for name, field in texts(form).items():
                checked += 1
                if takes(field):
                    open_doors.append(f"{model._meta.label}: {form.__qualname__}.{name}")

    assert open_doors == []
    assert checked > 30


def test_every_free_text_that_a_form_of_the_desk_can_change_is_tagged_as_such() -> None:
    """A text without a tag would be neither scrubbed nor forgotten: long texts are never tagged as nothing."""
    long_texts = [
        f"{holding.model}.{tag.field}"
        for holding, model in register().installed
        for tag in holding.tags
        if tag.kind == Kind.NONE
        and model._meta.app_label in {"companies", "offers", "portal", "schools"}
        and type(model._meta.get_field(tag.field)).__name__ == "TextField"
    ]

    assert long_texts == []
