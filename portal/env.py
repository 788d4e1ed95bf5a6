"""Settings from the environment: each name also as ``NAME_FILE`` (a path, for mounted secrets).

A missing or malformed value stops the start with a sentence that names the variable.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

REQUIRED = object()


def text(name: str, default: str | object = REQUIRED) -> str:
    """Return the variable as text; raise ImproperlyConfigured when it is required and absent."""
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE names {path}, which cannot be read: {error}") from error
    value = os.environ.get(name)
    if value is not None and value != "":
        return value
    if not isinstance(default, str):
        raise ImproperlyConfigured(f"The environment variable {name} is required.")
    return default


def flag(name: str, *, default: bool = False) -> bool:
    """Return the variable as yes or no (1/0, true/false, yes/no, on/off)."""
    value = text(name, "1" if default else "0").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")


def number(name: str, default: int) -> int:
    """Return the variable as a whole number."""
    value = text(name, str(default))
    try:
        return int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from error


def words(name: str, default: str | object = REQUIRED) -> list[str]:
    """Return the variable as a list, separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def database(name: str = "DATABASE_URL", *, pool_size: int = 0, prepare_after: int = 0) -> dict[str, object]:
    """Return Django's DATABASES entry for a ``postgresql://`` address.

    A Unix socket's directory stands in the query: ``postgresql://postgres@/portal?host=/run/pg``.
    JIT compilation is switched off: on filters over many offers it costs seconds where the query takes
    milliseconds. Locks are waited for three seconds, statements run fifteen at most. What is asked by
    ``portal.domain.compiled`` is prepared when a connection has asked it ``prepare_after`` times (0: never).
    """
    url = urlsplit(text(name))
    if url.scheme not in {"postgresql", "postgres"}:
        raise ImproperlyConfigured(f"{name} must begin with postgresql://.")
    query = parse_qs(url.query)
    options: dict[str, object] = {
        "options": "-c jit=off -c lock_timeout=3s -c statement_timeout=15s -c idle_in_transaction_session_timeout=60s",
        "prepare_threshold": prepare_after or None,
    }
    for key in ("sslmode", "sslrootcert"):
        if key in query:
            options[key] = query[key][0]
    if pool_size:
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 10}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.lstrip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": query.get("host", [url.hostname or ""])[0],
        "PORT": str(url.port or query.get("port", [""])[0]),
        "CONN_MAX_AGE": 0 if pool_size else 60,
        "CONN_HEALTH_CHECKS": not pool_size,
        "OPTIONS": options,
    }


@dataclass(frozen=True, kw_only=True)
class House:
    """Another house where people can sign in (OpenID Connect), and where a form may lead to on the way."""

    provider_id: str
    name: str
    issuer: str
    client_id: str
    secret: str
    staff_only: bool
    origins: tuple[str, ...]

    @property
    def app(self) -> dict[str, object]:
        """Return it as django-allauth wants it."""
        return {
            "provider_id": self.provider_id,
            "name": self.name,
            "client_id": self.client_id,
            "secret": self.secret,
            "settings": {"server_url": self.issuer, "staff_only": self.staff_only},
        }


def houses() -> list[House]:
    """Return the houses that are configured: the municipality's own (``OIDC_…``) and UNI-Login (``UNILOGIN_…``).

    None unless its issuer is named; then its client and secret are required too.
    """
    found = []
    for prefix, provider_id, name in (("OIDC", "kommune", ""), ("UNILOGIN", "unilogin", "UNI-Login")):
        issuer = text(f"{prefix}_ISSUER", "")
        if not issuer:
            continue
        parts = urlsplit(issuer)
        if parts.scheme not in {"https", "http"} or not parts.netloc or parts.query or parts.fragment:
            raise ImproperlyConfigured(f"{prefix}_ISSUER must be an address that begins with https://.")
        if parts.scheme == "http" and text("ORIGIN").startswith("https://"):
            raise ImproperlyConfigured(f"{prefix}_ISSUER must begin with https://.")
        found.append(
            House(
                provider_id=provider_id,
                name=name or text(f"{prefix}_NAME", "kommunens login"),
                issuer=issuer,
                client_id=text(f"{prefix}_CLIENT_ID"),
                secret=text(f"{prefix}_CLIENT_SECRET"),
                staff_only=provider_id == "unilogin",
                origins=(f"{parts.scheme}://{parts.netloc}", *words(f"{prefix}_FORM_ORIGINS", "")),
            )
        )
    return found
