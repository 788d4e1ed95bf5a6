"""History in words: who did what, when, from the log.

The log holds codes and ids. A sentence is made when somebody looks: names are looked up then and stored nowhere, so
whoever has been erased is *a deleted person*. Every app says in its module ``history`` which sentence belongs to which
code (``SENTENCES``) and who held its links (``HOLDERS``); the codes of plain edits at the desk are put into words here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.utils.functional import Promise
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal.models import AuditEntry, Link, User

Text = str | Promise
Facts = Mapping[str, Any]
# A sentence with %(who)s and perhaps %(fact)s in it, or what makes one of the facts.
Sentence = Text | Callable[[Facts], Text]
# Who held links of a purpose: names by the id of what the link is about.
Holders = Callable[[set[UUID]], dict[UUID, str]]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing that was done, in words."""

    at: datetime
    sentence: str
    entry: AuditEntry


class _Facts(dict[str, Any]):
    """Facts for a sentence; what an older entry does not hold is a dash."""

    def __missing__(self, key: str) -> str:
        return "–"


def pupils(facts: Facts) -> str:
    """Return the number of pupils in words."""
    count = facts.get("pupils")
    return ngettext("%(count)d pupil", "%(count)d pupils", count) % {"count": count} if isinstance(count, int) else "–"


def exported(facts: Facts) -> str:
    """Return which list was taken out of the portal, and how many rows."""
    name = str(facts.get("list", "")).partition(".")[2]
    model = _model(name)
    text = ngettext(
        "%%(who)s exported %(count)s row of the list: %(list)s",
        "%%(who)s exported %(count)s rows of the list: %(list)s",
        facts.get("count", 0),
    )
    return text % {
        "count": facts.get("count", "–"),
        "list": str(model._meta.verbose_name_plural).replace("%", "%%") if model else "–",
    }


WAYS: dict[str, Text] = {
    "code": gettext_lazy("a code by mail"),
    "totp": gettext_lazy("an authenticator app"),
    "webauthn": gettext_lazy("a passkey"),
    "recovery_codes": gettext_lazy("a recovery code"),
    "kommune": gettext_lazy("the municipality's sign-in"),
    "unilogin": gettext_lazy("UNI-Login"),
}


def signed_in(facts: Facts) -> str:
    """Return by which ways somebody signed in; the second is the second factor."""
    ways = [str(WAYS.get(way, way)).replace("%", "%%") for way in facts.get("ways", [])]
    return _("%%(who)s signed in with %(ways)s") % {"ways": in_words(ways) or "–"}


SENTENCES: dict[str, Sentence] = {
    "signed-in": signed_in,
    "code-refused": gettext_lazy("A code from a mail did not fit"),
    "second-factor-failed": gettext_lazy("A second factor did not fit"),
    "persons-exported": exported,
    "list-exported": exported,
    "user-address-changed": gettext_lazy("%(who)s changed the e-mail address"),
    "user-closed": gettext_lazy("%(who)s closed the account"),
    "user-reopened": gettext_lazy("%(who)s opened the account again"),
    "link-used": gettext_lazy("%(who)s opened the link"),
    "link-asked-for": gettext_lazy("%(who)s asked for the link anew"),
    "link-sent-on": gettext_lazy("%(who)s sent the link on to a colleague"),
    "link-renewed": gettext_lazy("%(who)s made the link anew; the earlier address is worthless"),
    "link-withdrawn": gettext_lazy("%(who)s withdrew the link"),
    "mails-declined": gettext_lazy("%(who)s declined mails of this kind"),
    "mails-wanted-again": gettext_lazy("%(who)s wants mails of this kind again"),
    "identity-joined": gettext_lazy("%(who)s joined another way of signing in to the account"),
    "factor-changed": gettext_lazy("%(who)s changed the second factor"),
    "factor-taken-off": gettext_lazy("%(who)s took the second factor off the account"),
    "person-exported": gettext_lazy("%(who)s took out what is held about the person"),
    "person-erased": gettext_lazy("%(who)s erased a person"),
    "erasure-asked": gettext_lazy("%(who)s asked to be erased"),
    "erasure-answered": gettext_lazy("%(who)s answered the request to be erased in another way"),
    "legal-hold-set": gettext_lazy("%(who)s noted that the data must be kept for now"),
    "legal-hold-lifted": gettext_lazy("%(who)s noted that the data need not be kept any longer"),
    "logo-changed": gettext_lazy("%(who)s changed the logo"),
    "logo-removed": gettext_lazy("%(who)s removed the logo"),
    "message-resent": gettext_lazy("%(who)s sent the message again"),
}
PLAIN_EDITS = ("added", "changed", "deleted")


@lru_cache(maxsize=1)
def sentences() -> dict[str, Sentence]:
    """Return every app's sentences by code."""
    found: dict[str, Sentence] = {}
    for module in _modules():
        found.update(getattr(module, "SENTENCES", {}))
    return found


@lru_cache(maxsize=1)
def holders() -> dict[str, Holders]:
    """Return, by the purpose of a link, who can say whose it was."""
    found: dict[str, Holders] = {}
    for module in _modules():
        found.update(getattr(module, "HOLDERS", {}))
    return found


def _modules() -> Iterable[Any]:
    for config in apps.get_app_configs():
        name = f"{config.name}.history"
        if "." not in config.name and find_spec(name) is not None:
            yield import_module(name)


def lines(entries: Iterable[AuditEntry]) -> list[Line]:
    """Return entries of the log in words; the names of all who acted are looked up together."""
    rows = list(entries)
    names = _names(rows)
    return [Line(at=row.at, sentence=sentence_of(row, names[row.actor_kind, row.actor_id]), entry=row) for row in rows]


def sentence_of(entry: AuditEntry, who: str) -> str:
    """Return what was done, in words, with ``who`` did it."""
    wanted = sentences().get(entry.action)
    if wanted is None:
        wanted = _plain_edit(entry)
    text = str(wanted(entry.facts) if callable(wanted) and not isinstance(wanted, Promise) else wanted)
    return text % _Facts({**entry.facts, "who": who})


def is_told(action: str) -> bool:
    """Return whether there is a sentence for the code."""
    model_name, _dash, what = action.rpartition("-")
    return action in sentences() or (what in PLAIN_EDITS and _model(model_name) is not None)


def _plain_edit(entry: AuditEntry) -> Sentence:
    """Return the sentence of an edit in a form of the desk."""
    model_name, _dash, what = entry.action.rpartition("-")
    model = _model(model_name)
    if model is None or what not in PLAIN_EDITS:
        return "%(who)s: " + entry.action.replace("%", "%%")
    thing = {"thing": str(model._meta.verbose_name)}
    if what == "added":
        return _escaped(_("added: %(thing)s") % thing)
    if what == "deleted":
        return _escaped(_("deleted: %(thing)s") % thing)
    fields = [_label(model, name) for name in entry.facts.get("fields", [])]
    if not fields:
        return _escaped(_("changed: %(thing)s") % thing)
    return _escaped(_("changed %(fields)s") % {"fields": in_words(fields)})


def _escaped(text: str) -> str:
    return "%(who)s " + text.replace("%", "%%")


def in_words(parts: Iterable[str]) -> str:
    """Return a list as people say it: one, two and three."""
    return get_text_list(list(parts), _("and"))


def _label(model: Any, name: str) -> str:
    """Return what a field is called in a sentence."""
    try:
        return str(getattr(model._meta.get_field(name), "verbose_name", name))
    except FieldDoesNotExist:
        return name


def _model(model_name: str) -> Any:
    """Return one of our models by its small name, or None."""
    for config in apps.get_app_configs():
        if "." not in config.name and model_name in config.models:
            return config.models[model_name]
    return None


def _names(rows: list[AuditEntry]) -> dict[tuple[str, str], str]:
    """Return who acted, by kind and id (a few queries, however many rows)."""
    found: dict[tuple[str, str], str] = {}
    users = {row.actor_id for row in rows if row.actor_kind == "user"}
    links = {row.actor_id for row in rows if row.actor_kind == "link"}
    if users:
        people = User.objects.filter(pk__in=_ids(users)).only("name", "email")
        found.update({("user", str(one.pk)): str(one) for one in people})
        for one in users:
            found.setdefault(("user", one), _("a deleted person"))
    if links:
        found.update(_link_holders(links))
    for row in rows:
        if row.actor_kind not in {"user", "link"}:
            found[row.actor_kind, row.actor_id] = _("The portal")
    return found


def _link_holders(ids: set[str]) -> dict[tuple[str, str], str]:
    """Return whose links they were."""
    links = list(Link.objects.filter(pk__in=_ids(ids)).only("purpose", "reference_id"))
    by_purpose: dict[str, set[UUID]] = {}
    for link in links:
        by_purpose.setdefault(link.purpose, set()).add(link.reference_id)
    names = {
        (purpose, pk): name
        for purpose, about in by_purpose.items()
        if purpose in holders()
        for pk, name in holders()[purpose](about).items()
    }
    somebody = _("Somebody with a link")
    found = {("link", one): somebody for one in ids}
    for link in links:
        found["link", str(link.pk)] = names.get((link.purpose, link.reference_id), somebody)
    return found


def _ids(texts: Iterable[str]) -> list[UUID]:
    found = []
    for text in texts:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found
