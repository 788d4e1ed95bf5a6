"""Compile the translations without GNU gettext. Runs inside the virtual environment."""

import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]


def compile_translations(root: Path) -> list[Path]:
    """Write the ``.mo`` beside every ``.po`` under ``locale``, each in one go; return what was written."""
    written = []
    for source in sorted(root.glob("locale/*/LC_MESSAGES/*.po")):
        with source.open("rb") as text:
            catalogue = read_po(text, locale=source.parts[-3])
        compiled = source.with_suffix(".mo")
        unfinished = compiled.with_suffix(".mo.new")
        with unfinished.open("wb") as binary:
            write_mo(binary, catalogue)
        unfinished.rename(compiled)
        written.append(compiled)
    return written


if __name__ == "__main__":
    sys.exit(0 if compile_translations(ROOT) else "There is no translation to compile.")
