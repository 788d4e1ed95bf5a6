"""Settings from the environment: each name also as ``NAME_FILE`` (a path, for mounted secrets).

A missing or malformed value stops the start with a sentence that names the variable.
"""

import os
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


def database(name: str = "DATABASE_URL", *, pool_size: int = 0) -> dict[str, object]:
    """Return Django's DATABASES entry for a ``postgresql://`` address.

    A Unix socket's directory stands in the query: ``postgresql://postgres@/portal?host=/run/pg``.
    JIT compilation is switched off: on filters over many offers it costs seconds where the query takes
    milliseconds. Locks are waited for three seconds, statements run fifteen at most.
    """
    url = urlsplit(text(name))
    if url.scheme not in {"postgresql", "postgres"}:
        raise ImproperlyConfigured(f"{name} must begin with postgresql://.")
    query = parse_qs(url.query)
    options: dict[str, object] = {
        "options": "-c jit=off -c lock_timeout=3s -c statement_timeout=15s -c idle_in_transaction_session_timeout=60s"
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
