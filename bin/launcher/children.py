"""Processes that live no longer than the launcher.

Each child leads a session of its own, so Ctrl-C reaches the launcher alone and the launcher decides the
order. Should the launcher be killed, the kernel signals its children (Linux); whatever is left all the same
is found by the register and stopped at the next start.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType

from launcher import ROOT
from launcher.console import give_up
from launcher.state import Account

PR_SET_PDEATHSIG = 1
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Loaded before a fork: a child must not load libraries between fork and exec.
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Stopped(Exception):
    """Somebody pressed Ctrl-C, or asked the launcher to end."""


def end_on_signals() -> None:
    """Turn Ctrl-C, a polite kill and a closed terminal into ``Stopped``."""

    def end(number: int, _frame: FrameType | None) -> None:
        for name in END_SIGNALS:
            signal.signal(name, signal.SIG_IGN)
        raise Stopped(signal.Signals(number).name)

    for name in END_SIGNALS:
        signal.signal(name, end)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let signals change nothing while children are stopped."""
    before = {name: signal.signal(name, signal.SIG_IGN) for name in END_SIGNALS}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def dies_with_launcher(death_signal: signal.Signals) -> Callable[[], None]:
    """Return what a new child does before its program begins (it has its user by then)."""
    launcher = os.getpid()

    def prepare() -> None:
        for name in END_SIGNALS:
            signal.signal(name, signal.SIG_DFL)
        if LIBC is not None:
            LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != launcher:
            os._exit(1)

    return prepare


def started_at(pid: int) -> str | None:
    """Return when a process began, None when there is none. A number is used again, a time is not."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return None if words[0] == "Z" else words[19]
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
    except ProcessLookupError:
        return None
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def program_of(pid: int) -> str:
    """Return the name of the program that a process runs; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/comm").exists():
            return ""
    answer = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip()


def wait_until_gone(pids: Sequence[int], seconds: float) -> bool:
    """Wait for processes that are not our children to end; False when some still run."""
    deadline = time.monotonic() + seconds
    while any(started_at(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a whole session, if it is still there."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def stop_leftovers(register: Path) -> list[str]:
    """Stop what an earlier launcher left behind; return the names of those processes."""
    left: dict[int, tuple[str, signal.Signals]] = {}
    if register.exists():
        for line in register.read_text(encoding="utf-8").splitlines():
            number, began, how, name = line.split("\t")
            if started_at(int(number)) == began:
                left[int(number)] = (name, signal.Signals(int(how)))
        for pid, (_, stop_signal) in left.items():
            signal_group(pid, stop_signal)
        if not wait_until_gone(list(left), 10):
            for pid in left:
                signal_group(pid, signal.SIGKILL)
            wait_until_gone(list(left), 5)
        register.unlink()
    return [name for name, _ in left.values()]


@dataclass(frozen=True)
class Child:
    """A running process and where it writes what it says."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path | None
    stop_signal: signal.Signals

    def said(self) -> str:
        """Return what the process wrote; empty when it wrote to the terminal."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log else ""

    def last_words(self, lines: int = 15) -> str:
        """Return the end of what the process wrote."""
        return "\n".join(self.said().splitlines()[-lines:])


class Children:
    """A family of processes that is stopped as a whole when its block ends.

    ``needs`` is the family that must live for this one to make sense: the servers behind the portal.
    """

    def __init__(self, *, register: Path, logs: Path, needs: "Children | None" = None) -> None:
        self.register = register
        self.logs = logs
        self.needs = needs
        self.living: list[Child] = []

    def __enter__(self) -> "Children":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with undisturbed():
            self.stop()

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        folder: Path = ROOT,
        account: Account | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        pass_fds: Sequence[int] = (),
        to_terminal: bool = False,
    ) -> Child:
        """Start a process that writes to its own log (or to the terminal)."""
        log = None if to_terminal else self.logs / f"{name.replace(' ', '-')}.log"
        output = None if log is None else log.open("wb")
        try:
            process = subprocess.Popen(
                [str(word) for word in command],
                env=dict(env),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=None if output is None else subprocess.STDOUT,
                pass_fds=pass_fds,
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                preexec_fn=dies_with_launcher(stop_signal),  # noqa: PLW1509 (the launcher has one thread)
            )
        finally:
            if output is not None:
                output.close()
        child = Child(name=name, process=process, log=log, stop_signal=stop_signal)
        self.living.append(child)
        with self.register.open("a", encoding="utf-8") as register:
            register.write(f"{process.pid}\t{started_at(process.pid)}\t{int(stop_signal)}\t{name}\n")
        return child

    def run(self, name: str, command: Sequence[str | Path], *, env: Mapping[str, str]) -> int:
        """Run a command in the terminal and return its exit code; give up when a server falls meanwhile."""
        child = self.start(name, command, env=env, to_terminal=True)
        while child.process.poll() is None:
            self.check(but=child)
            time.sleep(0.02)
        self.living.remove(child)
        return child.process.returncode

    def fallen(self, but: Child | None = None) -> Child | None:
        """Return a child, of this family or the one it needs, that has ended though nobody asked it to."""
        kin = [*(self.needs.living if self.needs else []), *self.living]
        return next((child for child in kin if child is not but and child.process.poll() is not None), None)

    def check(self, but: Child | None = None) -> None:
        """Give up, with its last words, when a child has ended."""
        if child := self.fallen(but):
            where = f" It wrote to {child.log}:\n{child.last_words()}" if child.log else ""
            give_up(f"{child.name} ended by itself (code {child.process.returncode}), so all is stopped.{where}")

    def stop(self, seconds: float = 8) -> None:
        """Ask every child to end, wait, and end by force those that do not."""
        for child in self.living:
            if child.process.poll() is None:
                signal_group(child.process.pid, signal.SIGCONT)
                child.process.send_signal(child.stop_signal)
        deadline = time.monotonic() + seconds
        for child in self.living:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.05, deadline - time.monotonic()))
            # Also for one that has ended: whatever it had started goes with it.
            signal_group(child.process.pid, signal.SIGKILL)
            child.process.wait()
        self.living.clear()
