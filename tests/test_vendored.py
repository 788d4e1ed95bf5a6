"""What we carry along from others is unchanged, licensed, listed, and fetches nothing."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"
LIBRARIES = tomllib.loads((VENDOR / "VENDORED.toml").read_text())["library"]


def _listed() -> dict[str, str]:
    return {file["file"]: file["sha256"] for library in LIBRARIES for file in library["file"]}


def test_every_vendored_file_is_listed_with_its_checksum() -> None:
    found = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "VENDORED.toml"
    }
    assert found == _listed()


def test_every_vendored_library_names_its_version_and_brings_its_licence() -> None:
    lacking = [
        library["name"]
        for library in LIBRARIES
        if not (library["version"] and library["licence"] and (VENDOR / library["licence_file"]).is_file())
    ]
    assert lacking == []


def test_no_style_sheet_of_ours_or_others_reaches_out_to_another_address() -> None:
    static = VENDOR.parent
    reaching = {
        (sheet.relative_to(static).as_posix(), address)
        for sheet in static.rglob("*.css")
        for address in re.findall(r"""(?:@import\s+|url\(\s*)["']?([^"')\s;]+)""", sheet.read_text())
        if re.match(r"(?i)(https?:)?//", address)
    }
    assert reaching == set()
