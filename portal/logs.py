"""Logging: one line per event, JSON in production, with links' tokens masked.

A token in an address is as good as a password, so it never reaches a log, whoever logs it.
"""

import json as notation
import logging
import logging.config
import re
from typing import Any

import structlog

# Signs that end a line, move a cursor or turn the writing round, which JSON leaves as they are.
UNSEEN = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
TOKEN = re.compile(r"\b(inv|hst|svy|grd|cal|uns)_[A-Za-z0-9_-]{8,}")


def mask(text: str) -> str:
    """Return the text with every link token replaced by its prefix and three dots."""
    return TOKEN.sub(lambda found: f"{found.group(1)}_…", text)


def mask_event(logger: object, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Mask tokens in every text of a log event (a structlog processor)."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = mask(value)
    return event


def one_json_line(event: object, **options: Any) -> str:
    """Write a log event as one line whoever reads it: what ends a line or turns writing round stands as its code."""
    text = notation.dumps(event, ensure_ascii=False, **options)
    return UNSEEN.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)


def configuration(*, json: bool) -> None:
    """Set up the standard library's logging so that everything passes through structlog's processors."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_event,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    written: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(serializer=one_json_line)
        if json
        else structlog.dev.ConsoleRenderer(colors=False)
    )

    def renderer(logger: object, name: str, event: structlog.typing.EventDict) -> str:
        """Mask once more what is written in the end: requests and exceptions are put into words only here."""
        return mask(str(written(logger, name, event)))

    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": [structlog.stdlib.ExtraAdder(), *shared],
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        structlog.stdlib.PositionalArgumentsFormatter(),
                        renderer,
                    ],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": "INFO"},
            "loggers": {
                "django": {"level": "INFO"},
                "django.server": {"level": "WARNING"},
                # With --access-logfile the web server's lines come out here too, masked like everybody's.
                "gunicorn.access": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
                "gunicorn.error": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
                "weasyprint": {"level": "ERROR"},
                "fontTools": {"level": "ERROR"},
                "celery.app.trace": {"level": "WARNING"},
                "celery.worker.strategy": {"level": "WARNING"},
                "celery.beat": {"level": "WARNING"},
            },
        }
    )
