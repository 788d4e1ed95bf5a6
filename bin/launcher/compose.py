"""What docker-compose.yml would run, without a container engine. Runs inside the virtual environment.

``python -m launcher.compose SERVICE COMMAND…`` runs a command with exactly the environment of a service; only the
addresses of PostgreSQL and Redis, and the paths that exist in containers alone, are replaced by this machine's.
"""

import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>[A-Z_]+)(?:(?P<rule>:[-?])(?P<word>[^}]*))?\})")

# What differs between a container and this machine; all else is taken as it stands.
REPLACED = ("DATABASE_URL", "REDIS_URL", "MEDIA_ROOT", "STATIC_ROOT", "HEARTBEAT_DIR", "ERASURE_LEDGER", "PORT")


class Missing(ValueError):
    """A variable is required and has no value."""


def example_values() -> dict[str, str]:
    """Return .env.example as somebody would fill it in: what is empty there and required gets an invented secret."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    required = {name for name, _, _ in pairs if name.endswith(("_KEY", "POSTGRES_PASSWORD"))}
    return {name: value or ("0123456789abcdef" * 4 if name in required else "") for name, _, value in pairs}


def interpolate(text: str, values: Mapping[str, str]) -> str:
    """Put values in place of ``${NAME}``, ``${NAME:-default}`` and ``${NAME:?sentence}``, as compose does."""

    def value(found: re.Match[str]) -> str:
        if found["escaped"]:
            return "$"
        given = values.get(found["name"], "")
        if given or found["rule"] is None:
            return given
        if found["rule"] == ":?":
            raise Missing(f"{found['name']}: {found['word']}")
        return found["word"]

    return VARIABLE.sub(value, text)


def everywhere(change: Callable[[str], str], part: Any) -> Any:
    """Change every text in a tree of mappings and lists."""
    if isinstance(part, dict):
        return {key: everywhere(change, value) for key, value in part.items()}
    if isinstance(part, list):
        return [everywhere(change, value) for value in part]
    return change(part) if isinstance(part, str) else part


def services(values: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """Return the services of docker-compose.yml with the values in place (those of .env.example, if none are given)."""
    written = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    given = example_values() if values is None else values
    filled: dict[str, dict[str, Any]] = everywhere(lambda text: interpolate(text, given), written)
    return filled


def environment(service: str, replaced: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a service, with the replacements, and the path to this machine's programs."""
    written: dict[str, str] = services()[service]["environment"]
    if foreign := set(replaced) - set(REPLACED):
        raise ValueError(f"Only {', '.join(REPLACED)} may be replaced, not {', '.join(sorted(foreign))}.")
    here = {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])}
    return here | written | {name: value for name, value in replaced.items() if name in written}


def main() -> None:
    """Run a command in place of this program."""
    service, *command = sys.argv[1:]
    replaced = {name: os.environ[name] for name in REPLACED if name in os.environ}
    os.chdir(ROOT)
    env = environment(service, replaced)
    os.execvpe(command[0], command, env)  # noqa: S606 (no shell is wanted)


if __name__ == "__main__":
    main()
