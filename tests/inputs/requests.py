"""What should never be sent to an address, and what may be answered (reliability: URL and request)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

from tests.inputs.ground import Ground, Route, raised

CALM = frozenset(range(200, 500))
REFUSED = frozenset({400})
NOTHING_THERE = frozenset({301, 302, 400, 403, 404, 405, 410})
NOT_ALLOWED = frozenset({302, 400, 403, 404, 405})
ELSEWHERE = "https://evil.example/"


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request, and the statuses that may answer it."""

    row: str
    method: str = "GET"
    address: str
    options: dict[str, Any] = field(default_factory=dict)
    may: frozenset[int] = CALM


def trouble(ask: Ask, answer: Any) -> str:
    """Return what is wrong with an answer, or nothing."""
    if wrong := broken(answer):
        return wrong
    if answer.status_code not in ask.may:
        return f"answers {answer.status_code}"
    return astray(answer)


def broken(answer: Any) -> str:
    """Return what no request may ever be answered with: an error, or a refusal that was the database's alone."""
    if answer.status_code >= 500:
        return " ".join([f"answers {answer.status_code}", *raised])
    if getattr(answer, "caught_by_the_net", False):
        return "only the database refused it"
    return ""


def astray(answer: Any) -> str:
    """Return what no answer may ever do: lead elsewhere, set a header of the sender's, show a tag as it was sent."""
    where = answer.headers.get("Location", "")
    if where and (where.startswith(("//", "/\\", "\\")) or urlsplit(where).netloc not in {"", "testserver"}):
        return f"leads to {where}"
    if where and urlsplit(where).scheme not in {"", "http", "https"}:
        return f"leads to {where}"
    if "injected" in answer.cookies or "X-Injected" in answer.headers:
        return "lets the sender set a header"
    if not answer.streaming and b"<x-probe" in answer.content:
        return "shows a tag as it was sent"
    return ""


# Values for a parameter of a list. What cannot be a value at all is refused; the rest is answered calmly.
JUNK = [
    "", "abc", "-1", "0", "99", "99999999999999999999", "1" * 5000, "１", "٣", "1e3", "NaN", "1_0",
    "(", "[", "{}", "\\", "'",
    '"', "%", "a,b", "null", "None", "True", "__proto__", "2026-02-31", "31-02-2026", "0001-01-01", "9999-12-31",
    "i morgen", "?", "-", ".", "title__x", "password", "<x-probe>", "\u202e", "e\u0301" * 50, "😀",
    str(uuid4()), "\n", "a\tb",
]  # fmt: skip
RAW = ["%ff%fe", "%ED%A0%80", "%", "%zz", "%u0041", "a=b=c", "&&&", "%0a%0d"]
NUL = ["%00", "a%00b", "%01", "%7f"]

# Names that are on no list. None may become a lookup, and none may change what is shown.
UNKNOWN = [
    "id=", "id=1&id=abc", "pk=abc", "title__regex=(", "title__x=1", "password__startswith=pbkdf2", "user__password=a",
    "municipality__users__password=a", "company__contacts__email__startswith=k", "teacher__password__startswith=a",
    "contact__email__contains=%40", "__class__=1", "format=json", "callback=alert", "fields=password", "depth=100",
    "_to_field=password", "_popup=1", "_changelist_filters=x", "e=1", "all=", "o=999.-999",
    "o=abc", "p=9999999", "p=-1",
    "p=abc", "action=delete_selected", "_method=DELETE", "debug=1", "lang=xx", "utm_source=x", "page=abc", "sort=?",
    "next=//evil.example", "aendr=1&aendr=2", "skole=abc", "klasse=abc", "vis=abc",
]  # fmt: skip

NEXT = [
    "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "https://testserver@evil.example",
    "https://evil.example", "http:evil.example", "/%0d%0aSet-Cookie:%20injected=1",
    "%0d%0aX-Injected:1", "///evil.example",
    "https:///evil.example", "data:text/html,x", "//testserver.evil.example/", "\t//evil.example",
]  # fmt: skip

HEADERS: list[tuple[str, dict[str, Any], frozenset[int]]] = [
    ("a foreign host", {"HTTP_HOST": "evil.example"}, REFUSED),
    ("a host that is none", {"HTTP_HOST": "$nonsense"}, REFUSED),
    ("a host with a user", {"HTTP_HOST": "testserver@evil.example"}, REFUSED),
    ("a forwarded host", {"HTTP_X_FORWARDED_HOST": "evil.example"}, CALM),
    ("a long header", {"HTTP_X_LONG": "a" * 65536}, CALM),
    ("twenty thousand languages", {"HTTP_ACCEPT_LANGUAGE": "da," * 20000}, CALM),
    ("a language that is none", {"HTTP_ACCEPT_LANGUAGE": "\u00ff;q=x,*;q=9"}, CALM),
    ("a forged list of addresses", {"HTTP_X_FORWARDED_FOR": "1.2.3.4, unknown, ::1, " + "9" * 2000}, CALM),
    ("an address that is none", {"HTTP_X_FORWARDED_FOR": "'; DROP", "REMOTE_ADDR": ""}, CALM),
    ("a browser that forges log lines", {"HTTP_USER_AGENT": "x\n{} ${jndi:ldap://x}\x1b[31m"}, CALM),
    ("a page it comes from that is none", {"HTTP_REFERER": "javascript:alert(1)\x00"}, CALM),
    ("an origin of nobody", {"HTTP_ORIGIN": "null"}, CALM),
    ("an old copy", {"HTTP_IF_NONE_MATCH": 'W/"x", *', "HTTP_IF_MODIFIED_SINCE": "i går"}, CALM),
    ("a range", {"HTTP_RANGE": "bytes=99999999999-"}, CALM | {206, 416}),
    ("htmx from nowhere", {"HTTP_HX_REQUEST": "true", "HTTP_HX_CURRENT_URL": "//evil.example/%ff"}, CALM),
    ("a type that is none", {"HTTP_ACCEPT": "*/*;q=abc,\u00e6"}, CALM),
    ("a session that never was", {"cookie": "session=abc; csrf=x"}, CALM),
    ("an overlong session", {"cookie": "session=" + "a" * 5000}, CALM),
    ("a session with a null byte", {"cookie": 'session="a\\000b"'}, REFUSED),
    ("a broken cookie", {"cookie": 'session="; =; ;;;csrf=\\"; django_language=xx'}, CALM),
    ("a hundred cookies", {"cookie": "; ".join(f"c{n}=x" for n in range(100))}, CALM),
    ("a language by cookie with a null byte", {"cookie": 'django_language="\\000"'}, REFUSED),
]

BODIES: list[tuple[str, dict[str, Any], frozenset[int]]] = [
    ("a null byte in a form", {"data": "a=%00", "content_type": "application/x-www-form-urlencoded"}, REFUSED),
    ("a null byte in a name", {"data": "a%00b=1", "content_type": "application/x-www-form-urlencoded"}, REFUSED),
    ("a multipart body without a boundary", {"data": b"x", "content_type": "multipart/form-data"}, REFUSED),
    ("an empty boundary", {"data": b"--\r\n", "content_type": "multipart/form-data; boundary="}, REFUSED),
    ("a boundary of another world", {"data": b"x", "content_type": "multipart/form-data; boundary=\xe6\xf8"}, REFUSED),
    ("half a multipart body", {
        "data": b'--b\r\nContent-Disposition: form-data; name="a', "content_type": "multipart/form-data; boundary=b",
    }, CALM),
    ("a file with a null byte in its name", {
        "data": b'--b\r\nContent-Disposition: form-data; name="f"; filename="a\x00b.pdf"\r\n\r\nx\r\n--b--\r\n',
        "content_type": "multipart/form-data; boundary=b",
    }, CALM),
    ("a multipart value with a null byte", {
        "data": b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\x00y\r\n--b--\r\n',
        "content_type": "multipart/form-data; boundary=b",
    }, REFUSED),
    ("base64 that is none", {
        "data": b'--b\r\nContent-Disposition: form-data; name="a"\r\n'
        b'Content-Transfer-Encoding: base64\r\n\r\n!\r\n--b--\r\n',
        "content_type": "multipart/form-data; boundary=b",
    }, CALM),
    ("a character set that is none", {
        "data": b"a=1", "content_type": "application/x-www-form-urlencoded; charset=klingon",
    }, CALM),
    ("a character set that is no text", {
        "data": b"a=1", "content_type": "application/x-www-form-urlencoded; charset=hex",
    }, CALM),
    ("another character set", {
        "data": b"a=%e6", "content_type": "application/x-www-form-urlencoded; charset=utf-16",
    }, CALM),
    ("broken letters", {"data": b"a=\xff\xfe&%ED%A0%80=1", "content_type": "application/x-www-form-urlencoded"}, CALM),
    ("a length that is none", {
        "data": b"a=1", "content_type": "application/x-www-form-urlencoded", "CONTENT_LENGTH": "abc",
    }, CALM),
    ("a negative length", {
        "data": b"a=1", "content_type": "multipart/form-data; boundary=b", "CONTENT_LENGTH": "-1",
    }, CALM),
    ("1,001 fields", {
        "data": "&".join(f"f{n}=1" for n in range(1001)), "content_type": "application/x-www-form-urlencoded",
    }, REFUSED),
    ("three megabytes", {
        "data": "a=" + "x" * 3_000_000, "content_type": "application/x-www-form-urlencoded",
    }, frozenset({413})),
    ("JSON", {"data": '{"a": "\\u0000", "b": NaN}', "content_type": "application/json"}, CALM),
    ("JSON 100,000 deep", {"data": "[" * 100_000, "content_type": "application/json"}, CALM),
    ("no body at all", {"data": "", "content_type": ""}, CALM),
]  # fmt: skip


def rows_about_addresses(base: str) -> Iterator[Ask]:
    """Yield what an address itself may look like."""
    path = urlsplit(base).path
    bare = path.rstrip("/")
    for row, address, may in [
        ("a null byte in the address", f"{bare}%00/", REFUSED),
        ("a line end in the address", f"{bare}%0d%0a/", REFUSED),
        ("without the last slash", bare or "/", CALM),
        ("in capitals", path.upper(), CALM),
        ("two slashes", path.replace("/", "//") + "/", CALM),
        ("an encoded slash", path.replace("/", "%2F", 2).replace("%2F", "/", 1), CALM),
        ("dots", f"{path}../..{path}", CALM),
        ("encoded dots", f"{path}%2e%2e/%2e%2e/etc/passwd", NOTHING_THERE),
        ("a semicolon", f"{bare};jsessionid=1/", CALM),
        ("broken letters in the address", f"{bare}/%ff%fe/", CALM),
        ("half a surrogate in the address", f"{bare}/%ED%A0%80/", CALM),
        ("9,000 signs", f"{path}{'a' * 9000}/", CALM),
        ("a query of 9,000 signs", f"{path}?q={'a' * 9000}", CALM),
        ("10,000 parameters", f"{path}?{'&'.join(f'x{n}=1' for n in range(10_000))}", REFUSED),
        ("the same parameter 900 times", f"{path}?{'&'.join(['q=a'] * 900)}", CALM),
        *[("a null byte in the query", f"{path}?q={value}", REFUSED) for value in NUL],
        *[("a null byte in a parameter's name", f"{path}?a{value}=1", REFUSED) for value in NUL],
        *[("a broken query", f"{path}?q={value}", CALM) for value in RAW],
        *[("an unknown parameter", f"{path}?{query}", CALM) for query in UNKNOWN],
        *[("a way on", f"{path}?next={quote(value, safe='%')}", CALM) for value in NEXT],
    ]:
        yield Ask(row=row, address=address, may=may)


def rows_about_methods(base: str) -> Iterator[Ask]:
    """Yield methods that no page knows, and bodies that no form sends."""
    for method in ("TRACE", "FOO", "PUT", "PATCH", "DELETE", "CONNECT", "get"):
        yield Ask(row=f"method {method}", method=method, address=base)
    yield Ask(row="OPTIONS", method="OPTIONS", address=base)
    for row, options, may in HEADERS:
        yield Ask(row=row, address=base, options=options, may=may)
    for row, options, may in BODIES:
        refused = may | {302, 403, 404, 405} if may == CALM else may
        yield Ask(row=row, method="POST", address=base, options=options, may=refused)


def rows_about_keys(route: Route, ground: Ground) -> Iterator[Ask]:
    """Yield addresses of objects that do not exist, or cannot."""
    keys = [
        str(uuid4()), str(uuid4()).upper(), "0", "1", "-1", "99999999999999999999", "9" * 5000, "1.0", "１", "None",
        "abc",
        "%ff", "..", "a'b", "<x-probe>", "{}", "%25", "æøå", "00000000-0000-0000-0000-000000000000", "1_0", "a_2Fb",
        "_5F", "_zz",
    ]  # fmt: skip
    usual = {name: ground.objects_for(route, name)[0] for name in route.parameters}
    for name in route.parameters:
        for key in keys:
            address = route.address({**usual, name: quote(key, safe="%")})
            yield Ask(row=f"no such {name}", address=address)


def rows_about_lists(base: str, names: list[str]) -> Iterator[Ask]:
    """Yield every parameter of a list with every kind of junk, alone; then all of them at once."""
    path = urlsplit(base).path
    for value in JUNK:
        for name in names:
            yield Ask(row=f"{name} is junk", address=f"{path}?{quote(name)}={quote(value)}")
        if len(names) > 1:
            together = "&".join(f"{quote(name)}={quote(value[:300])}" for name in names)
            yield Ask(row="every parameter is junk", address=f"{path}?{together}")
    for name in names:
        many = "&".join([f"{quote(name)}=1", f"{quote(name)}=abc"] * 100)
        yield Ask(row=f"{name} 200 times", address=f"{path}?{many}")
        for value in RAW:
            yield Ask(row=f"{name} is broken", address=f"{path}?{quote(name)}={value}")
        for value in NUL:
            yield Ask(row=f"{name} holds a null byte", address=f"{path}?{quote(name)}={value}", may=REFUSED)
        yield Ask(row=f"{name} as a list", address=f"{path}?{quote(name)}[]=1&{quote(name)}[a]=1")
        yield Ask(row=f"{name} with a lookup", address=f"{path}?{quote(name)}__regex=(&{quote(name)}__x__y=1")


Sample = Callable[[list[Ask], int], list[Ask]]


def everything(rows: list[Ask], turn: int) -> list[Ask]:
    """Return all rows."""
    return rows


def some(count: int) -> Sample:
    """Return a choice of so many rows that moves on with every route: together the routes have them all."""

    def chosen(rows: list[Ask], turn: int) -> list[Ask]:
        if len(rows) <= count:
            return rows
        first = turn * count % len(rows)
        return (rows + rows)[first : first + count]

    return chosen
