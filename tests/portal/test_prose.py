"""What people write in long texts becomes what they meant, and nothing that lives."""

import time
from html.parser import HTMLParser

import pytest
from django.template import Context, Template

from portal.domain.prose import TAGS, to_html, to_plain


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("", ""),
        ("Velkommen til værftet.", "<p>Velkommen til værftet.</p>"),
        ("Et\n\nTo", "<p>Et</p>\n<p>To</p>"),
        ("Et\nTo", "<p>Et<br>\nTo</p>"),
        ("Et\r\nTo\r\n\r\nTre", "<p>Et<br>\nTo</p>\n<p>Tre</p>"),
        ("*stille* og **højt**", "<p><em>stille</em> og <strong>højt</strong></p>"),
        ("- hjelm\n- sko", "<ul>\n<li>hjelm</li>\n<li>sko</li>\n</ul>"),
        ("• hjelm\n• sko", "<ul>\n<li>hjelm</li>\n<li>sko</li>\n</ul>"),
        ("1. mød op\n2. skift tøj", "<ol>\n<li>mød op</li>\n<li>skift tøj</li>\n</ol>"),
        ("# Sikkerhed\nHjelm", "<h3>Sikkerhed</h3>\n<p>Hjelm</p>"),
        ("### Sikkerhed", "<h3>Sikkerhed</h3>"),
        (
            "[Se her](https://virksomhed.example/x)",
            '<p><a href="https://virksomhed.example/x" rel="noopener noreferrer">Se her</a></p>',
        ),
        # What people write without meaning a list, a heading or emphasis.
        ("8. klasse er velkommen.", "<p>8. klasse er velkommen.</p>"),
        ("1. juni holder vi lukket.", "<p>1. juni holder vi lukket.</p>"),
        ("3. maj\n4. maj", "<p>3. maj<br>\n4. maj</p>"),
        ("+ 2 voksne", "<p>+ 2 voksne</p>"),
        ("9.00 Velkomst\n9.30 Rundvisning", "<p>9.00 Velkomst<br>\n9.30 Rundvisning</p>"),
        ("Titel\n-----", "<p>Titel<br>\n-----</p>"),
        ("2 * 3 * 4", "<p>2 * 3 * 4</p>"),
        ("    indrykket", "<p>indrykket</p>"),
        ("et_navn_med_streger", "<p>et_navn_med_streger</p>"),
        (r"\*stjerner\*", "<p>*stjerner*</p>"),
        ("A & B < C", "<p>A &amp; B &lt; C</p>"),
        ("> citat", "<p>&gt; citat</p>"),
        ("`kode`", "<p>`kode`</p>"),
        # What must not live.
        ("<b>fed</b>", "<p>&lt;b&gt;fed&lt;/b&gt;</p>"),
        ("&lt;b&gt;", "<p>&amp;lt;b&amp;gt;</p>"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("[x](http://virksomhed.example)", "<p>[x](http://virksomhed.example)</p>"),
        ("[x](//ond.example)", "<p>[x](//ond.example)</p>"),
        ("[x](https://skole.dk@ond.example/)", "<p>[x](https://skole.dk@ond.example/)</p>"),
        ("[x](https://127.0.0.1/)", "<p>[x](https://127.0.0.1/)</p>"),
        ("[x](https://2130706433/)", "<p>[x](https://2130706433/)</p>"),
        ("[x](https://localhost/)", "<p>[x](https://localhost/)</p>"),
        ("[x](https://[::1]/)", "<p>[x](https://[::1]/)</p>"),
        ("[x](data:text/html;base64,PHA+)", "<p>[x](data:text/html;base64,PHA+)</p>"),
        (
            "![spion](https://ond.example/pixel.gif)",
            '<p>!<a href="https://ond.example/pixel.gif" rel="noopener noreferrer">spion</a></p>',
        ),
        ("https://virksomhed.example", "<p>https://virksomhed.example</p>"),
        ("<https://virksomhed.example>", "<p>&lt;https://virksomhed.example&gt;</p>"),
    ],
)
def test_a_text_becomes_what_was_meant(text: str, made: str) -> None:
    assert to_html(text) == made


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("*stille* og **højt**", "stille og højt"),
        ("# Sikkerhed\nHjelm", "Sikkerhed\n\nHjelm"),
        ("- hjelm\n- sko\n\nSlut", "- hjelm\n- sko\n\nSlut"),
        ("1. mød op\n2. skift tøj", "1. mød op\n2. skift tøj"),
        ("[Se her](https://virksomhed.example/x)", "Se her (https://virksomhed.example/x)"),
        ("Et\nTo\n\nTre", "Et\nTo\n\nTre"),
        ("8. klasse", "8. klasse"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        (r"\*stjerner\*", "*stjerner*"),
        ("- a\n  - b", "- a\n  - b"),
    ],
)
def test_a_text_becomes_plain_words(text: str, plain: str) -> None:
    assert to_plain(text) == plain


HOSTILE = {
    "ten thousand stars": "*" * 10_000,
    "stars and words": "*a " * 2_000,
    "strong without end": "**a" * 2_000,
    "brackets": "[" * 6_000,
    "closed brackets": "[]" * 3_000,
    "links without end": "[a](" * 1_500,
    "nested lists": "\n".join("  " * depth + "- a" for depth in range(75)),
    "lists five hundred deep": "- " * 2_990 + "a",
    "numbers": "\n".join(f"{n}. a" for n in range(900)),
    "numbers from one": "1. a\n" * 1_200,
    "headings": "# a\n" * 1_500,
    "backslashes": "\\" * 6_000,
    "underscores": "_a_" * 2_000,
    "mixed emphasis": "*_" * 3_000,
    "empty lines": "\n" * 6_000,
    "blanks": " " * 6_000,
    "tabs": "\t- a\n" * 1_200,
    "angle brackets": "<" * 6_000,
    "scripts": "<script>" * 750,
    "entities": "&" * 6_000,
    "one word": "a" * 6_000,
    "a megabyte": "a* " * 350_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_keeps_a_page_waiting(name: str) -> None:
    to_html("warm")

    took = []
    for tail in ("", " "):
        began = time.process_time()
        to_html(HOSTILE[name] + tail)
        took.append(time.process_time() - began)

    assert min(took) < 0.05


class Seen(HTMLParser):
    """Remembers every tag and attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}


@pytest.mark.parametrize(
    "text",
    [
        *HOSTILE.values(),
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '"><svg/onload=alert(1)>',
        "</textarea><script>",
        "<a href=javascript:alert(1)>x</a>",
        '[x](https://a.example/"onmouseover=alert(1))',
        "[x](https://a.example/ 'title')",
        "[<img src=x>](https://a.example/)",
        "*<b onclick=x>*",
        "- <iframe>\n- </ul><script>",
        "\u0000<script>",
        "<scr<script>ipt>",
        "<math><mi//xlink:href='data:x,<script>'>",
        "[x]: https://a.example/\n\n[x]",
    ],
)
def test_only_the_allowed_tags_and_addresses_come_out(text: str) -> None:
    seen = Seen()

    seen.feed(to_html(text))

    assert seen.tags <= TAGS
    assert {name for name, _value in seen.attributes} <= {"href", "rel"}
    assert all(value.startswith("https://") for name, value in seen.attributes if name == "href")


def test_headings_stand_where_the_page_wants_them() -> None:
    assert to_html("# A", level=5) == "<h5>A</h5>"
    assert to_html("# A", level=9) == "<h6>A</h6>"


def test_the_filters_of_templates() -> None:
    page = Template("{% load prose %}{{ text|prose }}|{{ text|prose:4 }}|{{ text|plain }}")

    assert page.render(Context({"text": "# <b>"})) == "<h3>&lt;b&gt;</h3>|<h4>&lt;b&gt;</h4>|&lt;b&gt;"
    assert page.render(Context({"text": None})) == "||"
