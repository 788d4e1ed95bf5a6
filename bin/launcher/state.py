"""The folders where a run keeps its database, mails, keys and logs."""

import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from launcher import ROOT
from launcher.console import GaveUp, give_up

LONGEST_SOCKET_PATH = 100
LONGEST_SOCKET_NAME = ".s.PGSQL.5432.lock"


@dataclass(frozen=True)
class Account:
    """The unprivileged user that the servers run as when the launcher is root: PostgreSQL refuses root."""

    uid: int
    gid: int


def server_account() -> Account | None:
    """Return the account for the servers, or None when the launcher itself is an ordinary user."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    raise GaveUp("There is neither a user postgres nor a user nobody, and PostgreSQL does not run as root.")


def fingerprint(text: str) -> str:
    """Return ten characters that stand for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def home_of_states() -> Path:
    """Return the folder of all states: ``var`` in the repository; for root where the servers' user can go."""
    if os.geteuid() == 0:
        return Path("/var/tmp") / f"open-school-{fingerprint(str(ROOT))}"
    return ROOT / "var"


def make_own(folder: Path, mode: int) -> Path:
    """Make a folder that belongs to us and to nobody else, or give up."""
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    except PermissionError:
        give_up(f"{folder} cannot be made by this user. Run this as the owner of {ROOT}, or in your own clone.")
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        give_up(f"{folder} belongs to somebody else. Remove it, or run this as its owner.")
    folder.chmod(mode)
    return folder


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Let one launcher at a time do something with a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class State:
    """One run's folder, locked for as long as this object lives."""

    def __init__(self, home: Path) -> None:
        self.home = make_own(home, 0o711)
        self.account = server_account()
        self.lock_file = home / "lock"
        self.seeded = home / "seeded"
        self.children = home / "children"
        self.logs = home / "logs"
        self.mails = home / "mails"
        self.media = home / "media"
        self.static = home / "static"
        self.heartbeats = home / "heartbeats"
        self._lock: int | None = None

    def lock(self) -> bool:
        """Take the folder for this process; False when another one has it. The kernel lets go when we die."""
        handle = os.open(self.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._lock = handle
        return True

    def unlock(self) -> None:
        """Give the folder back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def empty(self) -> None:
        """Forget everything but the lock: the next start begins anew."""
        for entry in self.home.iterdir():
            if entry == self.lock_file:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def clear_away(self) -> None:
        """Remove the folder: this run's data are not kept."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.unlock()

    def prepare(self) -> None:
        """Make the folders that the portal's own processes write to."""
        for folder in (self.logs, self.mails, self.media, self.static, self.heartbeats):
            make_own(folder, 0o700)

    def folder_for_servers(self, name: str) -> Path:
        """Make a private folder that the servers' user owns."""
        return self._hand_over(self.home / name)

    def sockets(self) -> Path:
        """Make the private folder of the sockets, short enough for their addresses (107 bytes)."""
        folder = self.home / "sockets"
        if len(os.fsencode(folder / LONGEST_SOCKET_NAME)) > LONGEST_SOCKET_PATH:
            folder = Path(tempfile.gettempdir()) / f"open-school-{os.geteuid()}-{fingerprint(str(self.home))}"
        self._hand_over(folder)
        for leftover in folder.iterdir():
            leftover.unlink()
        return folder

    def key(self, name: str) -> str:
        """Return the secret of this name, made once and kept."""
        path = self.home / f"{name.lower()}.key"
        if not path.exists():
            unfinished = path.with_suffix(".new")
            unfinished.touch(mode=0o600)
            unfinished.write_text(secrets.token_urlsafe(48), encoding="ascii")
            unfinished.rename(path)
        return path.read_text(encoding="ascii")

    def _hand_over(self, folder: Path) -> Path:
        if self.account is None:
            return make_own(folder, 0o700)
        if folder.is_symlink() or (folder.exists() and folder.stat().st_uid not in {0, self.account.uid}):
            give_up(f"{folder} belongs to somebody else. Remove it.")
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        os.chown(folder, self.account.uid, self.account.gid)
        return folder


def passing_state(purpose: str) -> State:
    """Make and lock a fresh folder for one run, and clear away those whose runs have ended."""
    home = make_own(home_of_states(), 0o711)
    with one_at_a_time(home):
        return _passing_state(home, purpose)


def _passing_state(home: Path, purpose: str) -> State:
    for old in home.glob(f"{purpose}-[0-9]*"):
        remains = State(old)
        if remains.lock():
            remains.unlock()
            shutil.rmtree(old, ignore_errors=True)
    state = State(home / f"{purpose}-{os.getpid()}")
    if not state.lock():
        give_up(f"{state.home} is in use.")
    state.prepare()
    return state


def listening_socket(first: int, tries: int = 100) -> socket.socket:
    """Return a socket on this machine's own address, on the first free port from ``first`` on (0: any)."""
    for port in range(first, first + tries) if first else [0]:
        try:
            return socket.create_server(("127.0.0.1", port), backlog=128)
        except OSError:
            continue
    raise GaveUp(f"No port between {first} and {first + tries - 1} is free. Choose another with --port.")
