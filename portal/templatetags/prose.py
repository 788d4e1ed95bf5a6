"""Long texts that people wrote, as pages, mails and paper show them (``portal.domain.prose``)."""

from django import template
from django.utils.safestring import SafeString, mark_safe

from portal.domain.prose import to_html, to_paper, to_plain

register = template.Library()


@register.filter
def prose(text: object, level: int = 3) -> SafeString:
    """Return a long text as safe HTML; ``prose:4`` puts its headings a level lower than the usual third."""
    return mark_safe(to_html(text, level=level))  # noqa: S308 (it comes from the allow-list)


@register.filter
def paper(text: object, level: int = 3) -> SafeString:
    """Return what :func:`prose` returns, with places to break in endless words, which a printer must lay out."""
    return mark_safe(to_paper(text, level=level))  # noqa: S308 (it comes from the allow-list)


@register.filter
def plain(text: object) -> str:
    """Return a long text as plain words, to be escaped like any other."""
    return to_plain(text)
