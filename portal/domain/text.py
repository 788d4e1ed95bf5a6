"""What people type, as it is kept: composed letters, nothing that cannot be seen, nothing that turns the writing round.

Every query and every form passes here before a view reads it (``portal.middleware.TidyWords``); imports and machines
call it themselves. It never refuses anything: what must be refused is said by the fields (``portal.forms.fields``).
"""

import re
import unicodedata

# Everything below the space but tab and line feed, delete, and the second set of controls that nobody knows.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# Blank signs that count as letters or marks: the Hangul and Khmer fillers, Braille's blank, the grapheme joiner.
BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
JOINER = "\u200d"
JOINED_BEFORE = frozenset({"So", "Sk", "Sm", "Mn"})
JOINED_AFTER = frozenset({"So", "Sm"})
MOST_MARKS = 4


def tidy(text: str) -> str:
    """Return the text composed (NFC), with ``\\n`` for every line's end.

    Taken out are control characters, signs without width, those that change the direction of writing, and all but
    the first four of a heap of combining marks. The joiner within an emoji stays.
    """
    text = CONTROLS.sub("", LINE_ENDS.sub("\n", text))
    if text.isascii():
        return text
    composed = unicodedata.normalize("NFC", text)
    kept: list[str] = []
    marks = 0
    for place, sign in enumerate(composed):
        kind = unicodedata.category(sign)
        if kind == "Cf" or sign in BLANKS:
            before = unicodedata.category(kept[-1]) if kept else ""
            after = unicodedata.category(composed[place + 1]) if place + 1 < len(composed) else ""
            if sign != JOINER or before not in JOINED_BEFORE or after not in JOINED_AFTER:
                continue
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        if marks <= MOST_MARKS:
            kept.append(sign)
    # Marks that stood apart may have come together: é̀ composes only when nothing stands between.
    return unicodedata.normalize("NFC", "".join(kept))


def one_line(text: str) -> str:
    """Return the text tidied on one line: a name, a title, an address. Nothing visible in it means an empty text."""
    return " ".join(tidy(text).split())


def paragraphs(text: str) -> str:
    """Return the text tidied, lines kept, without blanks around it."""
    return tidy(text).strip()
