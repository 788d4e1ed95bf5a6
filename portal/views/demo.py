"""The demo's own pages: its clock, and the mails that left. They do not exist outside the demo."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import wraps
from pathlib import Path
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_safe

from portal.domain import clock
from portal.models import Heartbeat

APP_SECONDS = 30
STEPS = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}

FOLLOWERS = ("deliver-messages", "follow-the-calendar")


def demo_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """404 unless this installation is the demo."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.DEMO:
            raise Http404
        return view(request, *args, **kwargs)

    return login_not_required(guarded)


@demo_only
@require_http_methods(["GET", "HEAD", "POST"])
def demo_clock(request: HttpRequest) -> HttpResponse:
    """Show the demo's clock; a POST moves it forward by an hour, a day or a week."""
    if request.method == "POST":
        step = STEPS.get(request.POST.get("step", ""))
        if step is None:
            messages.error(request, _("Choose an hour, a day or a week."))
        else:
            clock.move_demo_clock(step)
            messages.success(request, _("The clock has been moved. Reminders and surveys leave within some seconds."))
        return redirect("demo-clock")
    facts = {"now": clock.now(), "steps": STEPS, "caught_up": caught_up()}
    return render(request, "portal/demo_clock.html", facts)


def caught_up() -> datetime | None:
    """Return up to which moment the background work has followed the clock; None when it has not yet begun."""
    jobs = Heartbeat.objects.filter(name__in=FOLLOWERS, reached__isnull=False)
    moments = [job.reached for job in jobs if job.reached]
    return min(moments) if len(moments) == len(FOLLOWERS) else None


def read(path: Path) -> EmailMessage:
    """Parse a caught mail."""
    with path.open("rb") as file:
        return BytesParser(policy=policy.default).parse(file)


def sent_at(mail: EmailMessage) -> datetime | None:
    """Return when a mail left. A date in ``-0000`` is world time that says nothing of the sender's clock (RFC 5322)."""
    moment: datetime | None = getattr(mail["Date"], "datetime", None)
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def caught(name: str) -> EmailMessage:
    """Return the caught mail of that name, or 404."""
    path = settings.DEMO_MAIL_DIR / f"{name}.eml"
    if not name.replace("-", "").replace("_", "").replace(".", "").isalnum() or not path.is_file():
        raise Http404
    return read(path)


@demo_only
@require_safe
def demo_mails(request: HttpRequest) -> HttpResponse:
    """List the mails that left, the newest first."""
    wanted = request.GET.get("to", "").strip().lower()
    paths = sorted(settings.DEMO_MAIL_DIR.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    if wanted:
        paths = [path for path in paths[:2000] if wanted in str(read(path)["To"]).lower()]
    asked = request.GET.get("page", "")
    page = Paginator(paths, 40).get_page(asked if re.fullmatch(r"[0-9]{1,6}", asked) and int(asked) else 1)
    mails = [
        {"name": path.stem, "mail": mail, "sent_at": sent_at(mail)}
        for path in page.object_list
        for mail in [read(path)]
    ]
    return render(request, "portal/demo_mails.html", {"mails": mails, "page": page, "to": wanted})


@demo_only
@require_safe
def demo_mail(request: HttpRequest, name: str) -> HttpResponse:
    """Show one mail: its head, its plain text, a frame with its HTML, and its files."""
    mail = caught(name)
    text = mail.get_body(preferencelist=("plain",))
    files = [part.get_filename() or "" for part in mail.iter_attachments()]
    context = {
        "name": name,
        "mail": mail,
        "sent_at": sent_at(mail),
        "text": text.get_content() if text else "",
        "files": files,
    }
    response = render(request, "portal/demo_mail.html", context)
    response._csp_update = {"frame-src": ["'self'"]}  # type: ignore[attr-defined]
    return response


@demo_only
@require_safe
@xframe_options_sameorigin
def demo_mail_html(request: HttpRequest, name: str) -> HttpResponse:
    """The HTML part of a mail, in a sandbox: a mail's styles stand in its lines."""
    html = caught(name).get_body(preferencelist=("html",))
    content = html.get_content() if html else ""
    # Links leave the frame: the portal's own pages refuse to be framed.
    response = HttpResponse(content.replace("<head>", '<head><base target="_top">', 1))
    response._csp_replace = {  # type: ignore[attr-defined]
        "default-src": ["'none'"],
        "style-src": ["'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "sandbox": ["allow-popups", "allow-top-navigation-by-user-activation"],
        "frame-ancestors": ["'self'"],
    }
    return response


@demo_only
@require_safe
def demo_mail_file(request: HttpRequest, name: str, index: int) -> HttpResponse:
    """One file of a mail."""
    parts = list(caught(name).iter_attachments())
    if index >= len(parts):
        raise Http404
    part = parts[index]
    payload = part.get_payload(decode=True)
    response = HttpResponse(payload if isinstance(payload, bytes) else b"", content_type=part.get_content_type())
    filename = part.get_filename() or "file"
    response.headers["Content-Disposition"] = content_disposition_header(True, filename) or "attachment"  # noqa: FBT003
    return response


@demo_only
@never_cache
@require_safe
def demo_codes(request: HttpRequest) -> HttpResponse:
    """Show what the authenticator apps of the demo's staff would show, now and next; each code works once."""
    moment = int(time.time())
    rows = []
    apps = Authenticator.objects.filter(type=Authenticator.Type.TOTP, user__municipal_roles__isnull=False).distinct()
    for app in apps.select_related("user").order_by("user__name"):
        secret = decrypt(app.data["secret"])
        shown = [format_hotp_value(hotp_value(secret, moment // APP_SECONDS + ahead)) for ahead in (0, 1)]
        roles = ", ".join(role.get_role_display() for role in app.user.municipal_roles.all())
        rows.append({"user": app.user, "roles": roles, "now": shown[0], "next": shown[1]})
    context = {"rows": rows, "seconds": APP_SECONDS - moment % APP_SECONDS}
    response = render(request, "portal/demo_codes.html", context)
    response.headers["Refresh"] = str(APP_SECONDS - moment % APP_SECONDS + 1)
    return response
