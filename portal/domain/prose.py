"""What people write in long texts: plain words with stars for emphasis and dashes for lists, and never anything else.

It is a small part of Markdown: paragraphs, lists, ``*emphasis*``, ``**strong**``, headings and links to https
addresses. HTML, pictures, tables, code and addresses of other kinds are words like others. What comes out has passed an
allow-list of tags, so it is safe wherever HTML is shown: pages, mails, paper.
"""

import html
import re
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

# Longer texts than any field takes are shown as plain paragraphs: no text may keep a page waiting.
LONGEST = 6_000
DEEPEST = 8
TAGS = {"p", "br", "ul", "ol", "li", "strong", "em", "h3", "a"}
ALLOWED = nh3.Cleaner(
    tags=TAGS,
    attributes={"a": {"href"}, "*": set()},
    url_schemes={"https"},
    link_rel="noopener noreferrer",
    strip_comments=True,
    clean_content_tags={"script", "style"},
)
ENDLESS_WORD = re.compile(r"\S{60,}")
WORDS = re.compile(r"[^<>]{60,}(?=<|$)")
HEADING = re.compile(r"(</?h)3>")
NUMBERED = re.compile(r"( *)([0-9]{1,9})([.)])(?= )")
BULLET = re.compile(r"^( *)[•·‣▪] +", re.MULTILINE)
# A plus or a rule at the beginning of a line is what it looks like, not a list and not a heading's underline.
PLUS = re.compile(r"^( *)(?=\+ )", re.MULTILINE)


def _is_plain_address(url: str) -> bool:
    """Return whether a link may lead there: https, a named host, no user name in front of it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port
    except ValueError:
        return False
    if parts.scheme != "https" or "@" in parts.netloc or "." not in host or port not in {None, 443}:
        return False
    try:
        ip_address(host)
    except ValueError:
        return not host.replace(".", "").isdigit()
    return False


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    reader = MarkdownIt("zero", {"html": False, "linkify": False, "breaks": True, "maxNesting": DEEPEST})
    reader.enable(["list", "heading", "emphasis", "link", "newline", "escape"])
    reader.validateLink = _is_plain_address  # type: ignore[method-assign]
    return reader


def _literal_where_no_list_is_meant(text: str) -> str:
    """Return the text with a backslash before what only looks like a list: ``8. klasse kommer``, ``+ 2 voksne``.

    Numbers are a list when they count from 1 and there are at least two; as a list they would be counted anew.
    """
    text = PLUS.sub(r"\1\\", BULLET.sub(r"\1- ", text))
    lines = text.split("\n")
    counting: dict[str, list[int]] = {}
    literal: set[int] = set()

    def close(indent: str) -> None:
        if len(run := counting.pop(indent, [])) == 1:
            literal.update(run)

    for at, line in enumerate(lines):
        found = NUMBERED.match(line)
        if found is None:
            continue
        indent, number = found[1], int(found[2])
        if number == len(counting.get(indent, [])) + 1:
            counting.setdefault(indent, []).append(at)
            continue
        close(indent)
        if number == 1:
            counting[indent] = [at]
        else:
            literal.add(at)
    for indent in list(counting):
        close(indent)
    for at in literal:
        lines[at] = NUMBERED.sub(r"\1\2\\\3", lines[at], count=1)
    return "\n".join(lines)


def _tokens(text: str) -> list[Token]:
    tokens = _reader().parse(_literal_where_no_list_is_meant(text))
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = "h3"
    return tokens


def _lines(text: object) -> str:
    return str(text or "").replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")


@lru_cache(maxsize=2048)
def _to_html(text: str) -> str:
    if len(text) > LONGEST:
        paragraphs = [html.escape(part).replace("\n", "<br>") for part in re.split(r"\n{2,}", text.strip())]
        made = "".join(f"<p>{part}</p>" for part in paragraphs)
    else:
        reader = _reader()
        made = str(reader.renderer.render(_tokens(text), reader.options, {}))
    return ALLOWED.clean(made).strip()


def to_html(text: object, *, level: int = 3) -> str:
    """Return a long text as safe HTML; its headings stand at ``level`` (3 to 6)."""
    made = _to_html(_lines(text))
    return made if level == 3 else HEADING.sub(rf"\g<1>{min(max(level, 3), 6)}>", made)


def soft(text: str) -> str:
    """Return the text with places to break in its endless words: without them the layout takes many times as long."""
    return ENDLESS_WORD.sub(lambda word: "\u200b".join(re.findall(r".{1,24}", word[0])), text)


def to_paper(text: object, *, level: int = 3) -> str:
    """Return a long text as :func:`to_html` does, its endless words with places to break."""
    made = to_html(text, level=level)
    return WORDS.sub(lambda words: html.escape(soft(html.unescape(words[0])), quote=False), made)


def to_plain(text: object) -> str:
    """Return a long text as plain words, for mails, calendars, tables and search: without stars, links spelled out."""
    text = _lines(text)
    if len(text) > LONGEST:
        return text.strip()
    out: list[str] = []
    counters: list[int | None] = []
    for token in _tokens(text):
        if token.type in {"bullet_list_open", "ordered_list_open"}:
            counters.append(None if token.type == "bullet_list_open" else 0)
        elif token.type in {"bullet_list_close", "ordered_list_close"}:
            counters.pop()
            if not counters:
                out.append("\n")
        elif token.type == "list_item_open":
            if (count := counters[-1]) is not None:
                counters[-1] = count + 1
            mark = "- " if count is None else f"{count + 1}. "
            out.append("  " * (len(counters) - 1) + mark)
        elif token.type == "inline":
            out.append(_plain_inline(token.children or []))
            out.append("\n" if counters else "\n\n")
    return re.sub(r"\n{3,}", "\n\n", "".join(out)).strip()


def _plain_inline(children: list[Token]) -> str:
    said: list[str] = []
    addresses: list[str] = []
    for child in children:
        if child.type in {"softbreak", "hardbreak"}:
            said.append("\n")
        elif child.type == "link_open":
            addresses.append(str(child.attrs.get("href", "")))
        elif child.type == "link_close":
            said.append(f" ({addresses.pop()})")
        else:
            said.append(child.content)
    return "".join(said)
