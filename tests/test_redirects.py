"""Nobody is sent where an address says: what a browser names as *next* is read by one function only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import RequestFactory

from portal.http import local_address

ROOT = Path(__file__).resolve().parents[1]
APPS = ("portal", "offers", "companies", "schools")
RAW = {"GET", "POST", "META", "COOKIES", "headers", "body"}
READERS = {"local_address", "_known", "urlencode"}  # what comes out of them lies in this portal, or in a query
SENDERS = {"redirect", "HttpResponseRedirect", "HttpResponsePermanentRedirect"}


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def is_raw(node: ast.AST, tainted: set[str]) -> bool:
    """Return whether an expression carries what the browser sent, unread by the one function that may."""
    # What a form was made of is no address, and a comparison is yes or no.
    made = isinstance(node, ast.Call) and (name_of(node) in READERS or name_of(node)[:1].isupper())
    if made or isinstance(node, ast.Compare):
        return False
    if isinstance(node, ast.Attribute) and node.attr in RAW and getattr(node.value, "id", "") == "request":
        return True
    if isinstance(node, ast.Name) and node.id in tainted:
        return True
    return any(is_raw(inner, tainted) for inner in ast.iter_child_nodes(node))


def raw_redirects(source: str) -> Iterator[int]:
    """Yield the lines of redirections to what the browser sent."""
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        tainted: set[str] = set()
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and is_raw(node.value, tainted):
                tainted |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            if isinstance(node, ast.NamedExpr) and is_raw(node.value, tainted):
                tainted.add(node.target.id)
        for node in ast.walk(function):
            # Arguments of a named route are put into its address; the first argument says where to go.
            if isinstance(node, ast.Call) and name_of(node) in SENDERS and node.args and is_raw(node.args[0], tainted):
                yield node.lineno
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
                key = node.targets[0].slice
                if isinstance(key, ast.Constant) and key.value == "Location" and is_raw(node.value, tainted):
                    yield node.lineno


def test_no_view_sends_anybody_to_what_the_browser_named() -> None:
    sources = [path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]

    found = [f"{path.relative_to(ROOT)}:{line}" for path in sources for line in raw_redirects(path.read_text())]

    assert len(sources) > 100
    assert found == []


@pytest.mark.parametrize(
    "body",
    [
        "return redirect(request.GET['next'])",
        "return redirect(request.POST.get('next', '/'))",
        "return redirect(request.POST.get('next') or 'home')",
        "wanted = request.GET.get('next')\n    return HttpResponseRedirect(wanted)",
        "if wanted := request.GET.get('next'):\n        return redirect(wanted)",
        "return redirect(request.META['HTTP_REFERER'])",
        "return redirect(request.headers['Referer'])",
        "answer['Location'] = request.GET['next']",
        "return redirect(f\"/{request.GET['next']}\")",
    ],
)
def test_the_look_sees_a_careless_view(body: str) -> None:
    assert list(raw_redirects(f"def view(request):\n    {body}\n")) != []


@pytest.mark.parametrize(
    "body",
    [
        "return redirect(local_address(request, request.GET.get('next', '')) or 'home')",
        "wanted = local_address(request, request.POST.get('next', ''))\n    return redirect(wanted or 'home')",
        "return redirect('offer', request.GET['id'])",
        "return redirect(request.get_full_path())",
    ],
)
def test_the_look_lets_a_careful_view_be(body: str) -> None:
    assert list(raw_redirects(f"def view(request):\n    {body}\n")) == []


@pytest.mark.parametrize(
    ("wanted", "goes"),
    [
        ("/forloeb/?q=robot", "/forloeb/?q=robot"),
        ("http://testserver/forloeb/", "http://testserver/forloeb/"),
        ("//ond.example", None),
        ("///ond.example", None),
        ("/\\ond.example", None),
        ("\\\\ond.example", None),
        ("https:ond.example", None),
        ("https://ond.example/", None),
        ("http://testserver@ond.example/", None),
        ("http://testserver.ond.example/", None),
        ("javascript:alert(1)", None),
        ("java\tscript:alert(1)", None),
        ("data:text/html,x", None),
        ("/ok\x00", None),
        ("/ok\r\nSet-Cookie: a=b", None),
        ("/ok\u2028", None),
        (" //ond.example", None),
        ("", None),
        ("/" + "a" * 2000, None),
    ],
)
def test_where_somebody_wanted_to_go_lies_in_this_portal_or_nowhere(wanted: str, goes: str | None) -> None:
    assert local_address(RequestFactory().get("/"), wanted) == goes
