"""docker-compose.yml does what it says: its own commands, environment and health checks, without an engine.

Only the addresses of PostgreSQL and Redis, the port and the paths that exist in containers alone are replaced
(``launcher.compose.REPLACED``); the variables are those of .env.example, filled in.
"""

import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import yaml

from launcher import ROOT, compose
from launcher.children import Child, Children
from launcher.servers import Programs, Valkey
from launcher.state import passing_state

WRITTEN = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
EXPLAINED = (ROOT / ".env.example").read_text(encoding="utf-8")
LONG_RUNNING = sorted(name for name in compose.services() if name != "migrate")
SECONDS_TO_BE_WELL = 40

# The launcher forks before it runs a program; Python warns of that when another test has left a thread behind.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


class Containers:
    """The file's services on this machine, with a database of their own."""

    def __init__(self, *, family: Children, replaced: dict[str, str]) -> None:
        self.family = family
        self.replaced = replaced

    def environment(self, service: str) -> dict[str, str]:
        return compose.environment(service, self.replaced)

    def run(self, service: str, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=ROOT, env=self.environment(service), capture_output=True, text=True, check=False, timeout=120
        )

    def start(self, service: str) -> Child:
        return self.family.start(service, compose.services()[service]["command"], env=self.environment(service))

    def is_well(self, service: str) -> bool:
        form, *command = compose.services()[service]["healthcheck"]["test"]
        assert form == "CMD"
        return self.run(service, command).returncode == 0

    def becomes_well(self, service: str) -> bool:
        deadline = time.monotonic() + SECONDS_TO_BE_WELL
        while time.monotonic() < deadline:
            if self.is_well(service):
                return True
            self.family.check()
        return False

    def let_heartbeats_age(self, seconds: float) -> None:
        then = time.time() - seconds
        for file in Path(self.replaced["HEARTBEAT_DIR"]).glob("*.heartbeat"):
            os.utime(file, (then, then))

    def stop(self, child: Child) -> None:
        self.family.living.remove(child)
        child.process.terminate()
        child.process.wait(30)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def containers() -> Iterator[Containers]:
    """The services, ready to be started: an empty database that the file's own ``migrate`` has filled, and a broker."""
    state = passing_state("compose")
    server = urlsplit(os.environ["DATABASE_URL"])
    name = f"compose_{os.getpid()}"
    with (
        psycopg.connect(urlunsplit(server._replace(path="/postgres")), autocommit=True) as administrator,
        Children(register=state.children, logs=state.logs) as servers,
    ):
        administrator.execute(f"CREATE DATABASE {name}")
        valkey = Valkey(state, Programs(state), state.sockets())
        valkey.start(servers, forgetful=True)
        replaced = {
            "DATABASE_URL": urlunsplit(server._replace(path=f"/{name}")),
            "REDIS_URL": valkey.url,
            "MEDIA_ROOT": str(state.media),
            "ERASURE_LEDGER": str(state.home / "erasures.jsonl"),
            "STATIC_ROOT": str(state.home / "static"),
            "HEARTBEAT_DIR": str(state.heartbeats),
            "PORT": str(free_port()),
        }
        with Children(register=state.children, logs=state.logs, needs=servers) as family:
            services = Containers(family=family, replaced=replaced)
            migrated = services.run("migrate", compose.services()["migrate"]["command"])
            assert (migrated.returncode, migrated.stderr) == (0, "")
            yield services
        administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
    state.clear_away()


def test_no_service_keeps_its_log_for_ever() -> None:
    """The lines hold network addresses."""
    kept = {name: service["logging"]["options"] for name, service in compose.services().items()}

    assert kept == {name: {"max-size": "20m", "max-file": "10"} for name in compose.services()}
    assert sorted(kept) == ["beat", "db", "mail", "migrate", "redis", "web", "worker"]


def test_the_file_fits_the_compose_schema() -> None:
    command = ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    answer = subprocess.run(
        [str(ROOT / ".venv" / "bin" / "python"), "-m", "check_jsonschema", *command[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (answer.returncode, answer.stdout.strip()) == (0, "ok -- validation done")


def test_the_file_describes_the_whole_portal() -> None:
    assert sorted(compose.services()) == ["beat", "db", "mail", "migrate", "redis", "web", "worker"]


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_long_running_service_is_watched_restarted_and_unprivileged(name: str) -> None:
    service = compose.services()[name]

    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert set(service["healthcheck"]) == {"test", "interval", "timeout", "retries", "start_period"}
    assert service["user"].partition(":")[0] not in {"", "0", "root"}
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])


def test_everything_that_must_be_kept_is_in_a_named_volume() -> None:
    kept = {
        volume.partition(":")[0]: volume.partition(":")[2]
        for service in compose.services().values()
        for volume in service.get("volumes", [])
    }

    assert kept == {
        "ledger": "/srv/ledger",
        "media": "/srv/media",
        "postgres": "/var/lib/postgresql",
        "redis": "/data",
    }
    assert set(yaml.safe_load(WRITTEN)["volumes"]) == set(kept)


def test_no_secret_stands_in_the_file() -> None:
    written = yaml.safe_load(WRITTEN)["services"]
    secrets = {
        (service, name): value
        for service, described in written.items()
        for name, value in described.get("environment", {}).items()
        if name.endswith(("_KEY", "PASSWORD"))
    }

    assert {key for key, value in secrets.items() if not re.fullmatch(r"\$\{[A-Z_]+:(\?.+|-)\}", value)} == set()


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "LINK_KEY", "POSTGRES_PASSWORD", "ORIGIN", "ALLOWED_HOSTS", "DEFAULT_FROM_EMAIL"]
)
def test_a_missing_variable_stops_the_start_and_is_named(name: str) -> None:
    values = compose.example_values() | {name: ""}

    with pytest.raises(compose.Missing, match=f"^{name}: write it into .env$"):
        compose.services(values)


def test_every_variable_is_explained_in_the_example() -> None:
    in_the_file = {found["name"] for found in compose.VARIABLE.finditer(WRITTEN) if found["name"]}
    in_the_code = {
        name
        for path in [*ROOT.glob("portal/**/*.py"), *ROOT.glob("offers/**/*.py")]
        for name in re.findall(r'\benv\.(?:text|flag|number|words)\(\s*"([A-Z_]+)"', path.read_text(encoding="utf-8"))
    }
    explained = set(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", EXPLAINED, flags=re.MULTILINE))

    assert in_the_file - set(compose.example_values()) == set()
    assert (in_the_file | in_the_code) - explained == set()
    assert explained - (in_the_file | in_the_code) == {"DATABASE_URL", "PORT"}


def test_web_is_well_behind_its_proxy_and_not_when_it_has_stopped(containers: Containers) -> None:
    gathered = containers.run("web", ["python", "manage.py", "collectstatic", "--no-input", "--verbosity", "0"])
    assert (gathered.returncode, gathered.stderr) == (0, "")
    web = containers.start("web")
    assert containers.becomes_well("web")
    host = containers.environment("web")["ALLOWED_HOSTS"]
    address = f"http://127.0.0.1:{containers.replaced['PORT']}/"

    through_proxy = urllib.request.Request(address, headers={"Host": host, "X-Forwarded-Proto": "https"})
    with urllib.request.urlopen(through_proxy, timeout=30) as page:
        assert page.status == 200
        assert page.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
        assert re.findall(r'href="(/static/css/portal\.\w+\.css)"', page.read().decode()) != []
    stranger = urllib.request.Request(address, headers={"Host": "somebody.else", "X-Forwarded-Proto": "https"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(stranger, timeout=30)

    containers.stop(web)
    assert not containers.is_well("web")


@pytest.mark.parametrize("name", ["worker", "beat"])
def test_worker_and_beat_keep_their_heartbeat_fresh_until_they_stop(containers: Containers, name: str) -> None:
    child = containers.start(name)
    assert containers.becomes_well(name)

    containers.let_heartbeats_age(60)
    assert containers.becomes_well(name)

    containers.stop(child)
    containers.let_heartbeats_age(60)
    assert not containers.is_well(name)
