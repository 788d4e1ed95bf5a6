"""Install what is missing: virtual environment, locked packages, system libraries, compiled translations."""

import ctypes
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from launcher import BIN, ROOT
from launcher.console import give_up, step
from launcher.state import one_at_a_time

VENV = ROOT / ".venv"
PYTHON = str(VENV / "bin" / "python")
STAMP = VENV / "installed-from-locks.txt"

# What WeasyPrint loads at run time, and the Debian packages that hold it.
PDF_LIBRARIES = ("libpango-1.0.so.0", "libpangoft2-1.0.so.0", "libharfbuzz-subset.so.0")
PDF_PACKAGES = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "fonts-dejavu-core")
# The browser tests: the browser, a font, and what Playwright's own Node.js is linked to.
CHROMIUM_PACKAGES = ("chromium", "fonts-dejavu-core", "libatomic1")
CHROMIUM_LIBRARY = "libatomic.so.1"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def prepare(lock: str) -> None:
    """Make the virtual environment agree with a lock file, and compile the translations."""
    # Half a dozen processes load the same modules: compiling them once is what makes a second start quick.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with one_at_a_time(ROOT):
        if not environment_works():
            with step("virtual environment"):
                make_environment()
        missing = pins(lock) - installed()
        if missing:
            with step(f"packages ({len(missing)} of {lock})"):
                install(lock)
        if stale_translations():
            with step("translations"):
                run_quietly([PYTHON, "-m", "launcher.translations"], folder=BIN, what="The translations")


def environment_works() -> bool:
    """Tell whether the virtual environment has a Python that we support."""
    command = [PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def make_environment() -> None:
    """Make the virtual environment anew; install python3-venv first where the system keeps it apart."""
    if VENV.exists():
        shutil.rmtree(VENV)
    uv = shutil.which("uv")
    if importlib.util.find_spec("ensurepip") is None and not uv:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        if not apt_install([version]) and not apt_install(["python3-venv"]):
            give_up(f"Python's venv module is missing and cannot be installed: sudo apt-get install {version}")
    if importlib.util.find_spec("ensurepip") is None and uv:
        run_quietly([uv, "venv", "--seed", "--python", sys.executable, VENV], what="The virtual environment")
    else:
        run_quietly([sys.executable, "-m", "venv", VENV], what="The virtual environment")


def pins(lock: str) -> set[str]:
    """Return what a lock file pins: ``name==version ; marker`` for each package."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return set(re.findall(r"^([A-Za-z0-9][^ \\]*==[^\\\n]*?) *\\?$", text, flags=re.MULTILINE))


def installed() -> set[str]:
    """Return the pins that are installed already: a small lock's are among those of the large one."""
    return set(STAMP.read_text(encoding="utf-8").splitlines()) if STAMP.exists() else set()


def install(lock: str) -> None:
    """Install exactly what a lock file lists, checked by hashes: with uv when it is there, else with pip."""
    wanted = pins(lock)
    replaced = {pin.partition("==")[0] for pin in wanted}
    kept = {pin for pin in installed() if pin.partition("==")[0] not in replaced}
    STAMP.unlink(missing_ok=True)
    exact = ["--require-hashes", "--no-deps", "-r", str(ROOT / lock)]
    uv = shutil.which("uv")
    if not (uv and succeeds([uv, "pip", "install", "--quiet", "--python", PYTHON, "--compile-bytecode", *exact])):
        if not succeeds([PYTHON, "-m", "pip", "--version"]):
            run_quietly([PYTHON, "-m", "ensurepip"], what="pip")
        pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        run_quietly([*pip, *exact], what="The packages", hint="Is the package index reachable?")
    STAMP.write_text("\n".join(sorted(kept | wanted)) + "\n", encoding="utf-8")


def site_packages() -> Path:
    """Return the folder of the virtual environment's packages."""
    return next((VENV / "lib").glob("python3.*/site-packages"))


def stale_translations() -> bool:
    """Tell whether a translation was changed after it was compiled."""
    for source in (ROOT / "locale").glob("*/LC_MESSAGES/*.po"):
        compiled = source.with_suffix(".mo")
        if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
            return True
    return False


def pdf_libraries() -> str | None:
    """Install the libraries that PDFs are made with; return what to say when that cannot be done."""
    if all(loads(library) for library in PDF_LIBRARIES):
        return None
    if apt_get() is not None:
        with step("libraries for PDF"):
            apt_install(PDF_PACKAGES)
    if all(loads(library) for library in PDF_LIBRARIES):
        return None
    how = "brew install pango" if sys.platform == "darwin" else f"sudo apt-get install {' '.join(PDF_PACKAGES)}"
    return f"PDFs cannot be made here; all else works. To have them: {how}"


def chromium() -> Path | None:
    """Return the Chromium for the browser tests, installed if need be; None when there is none."""
    if (found := find_chromium()) or apt_get() is None:
        return found
    with step("Chromium"):
        apt_install(CHROMIUM_PACKAGES)
    return find_chromium()


def find_chromium() -> Path | None:
    """Return the Chromium that the environment names, or the first one on the path, if it can be driven."""
    if sys.platform == "linux" and not loads(CHROMIUM_LIBRARY):
        return None
    names = [named] if (named := os.environ.get("CHROMIUM")) else CHROMIUM_NAMES
    return next((Path(path) for name in names if (path := shutil.which(name))), None)


def loads(library: str) -> bool:
    """Tell whether a shared library is there."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return sys.platform == "darwin" and on_mac(library)
    return True


def on_mac(library: str) -> bool:
    """Tell whether Homebrew has a library."""
    name = library.removesuffix(".so.0")
    return any(list(Path(folder).glob(f"{name}*.dylib")) for folder in ("/opt/homebrew/lib", "/usr/local/lib"))


def apt_get() -> list[str] | None:
    """Return how this user may call apt-get: as root or through sudo without a password; None when not at all."""
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return quiet
    return ["sudo", "-n", *quiet] if shutil.which("sudo") and succeeds(["sudo", "-n", "true"]) else None


def apt_install(packages: Sequence[str]) -> bool:
    """Install Debian packages; False when that cannot be done."""
    if (apt := apt_get()) is None:
        return False
    command = [*apt, "install", "--yes", "--no-install-recommends", *packages]
    # The lists of a fresh machine are empty or old: fetch them when the first attempt fails.
    return succeeds(command) or (succeeds([*apt, "update"]) and succeeds(command))


def succeeds(command: Sequence[str | Path]) -> bool:
    """Run a command silently; tell whether it succeeded."""
    return subprocess.run([str(word) for word in command], capture_output=True, check=False).returncode == 0


def run_quietly(command: Sequence[str | Path], *, what: str, folder: Path = ROOT, hint: str = "") -> None:
    """Run a command; when it fails, show what it said and give up."""
    answer = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, cwd=folder)
    if answer.returncode != 0:
        said = "\n".join((answer.stdout + answer.stderr).strip().splitlines()[-20:])
        give_up(f"{what} could not be made ready. {hint}\n{said}")
