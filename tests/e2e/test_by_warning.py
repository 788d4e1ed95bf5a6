"""The warning before a session ends, in a real browser (WCAG 2.2.1); before the walks that move the clock by weeks."""

import pytest

from tests.e2e.conftest import NewVisitor

pytestmark = pytest.mark.e2e


def test_two_minutes_before_the_end_one_is_asked_and_one_press_is_enough(visitor: NewVisitor) -> None:
    teacher = visitor(width=360)
    teacher.sign_in("laerer@fjordby.example")
    page = teacher.page
    # The server is asked once more before the warning; the browser's clock alone is moved here.
    page.route("**/konto/bliv/?*", lambda asked: asked.fulfill(json={"left": 100}))
    page.clock.install()
    teacher.open("/konto/")
    warning = page.locator("dialog.session-warning")
    assert warning.is_visible() is False

    page.clock.fast_forward((12 * 60 * 60 - 110) * 1000)
    warning.wait_for(state="visible")
    assert teacher.axe() == []
    warning.get_by_role("button", name="Jeg er her stadig").click()
    warning.wait_for(state="hidden")

    assert teacher.complaints == []


def test_where_the_end_cannot_be_put_off_the_warning_says_so_once_and_then_that_one_is_out(visitor: NewVisitor) -> None:
    teacher = visitor(width=360)
    teacher.sign_in("laerer@fjordby.example")
    page = teacher.page
    page.route("**/konto/bliv/?*", lambda asked: asked.fulfill(json={"left": 100, "final": True}))
    page.clock.install()
    teacher.open("/konto/")
    warning = page.locator("dialog.session-warning")

    page.clock.fast_forward((12 * 60 * 60 - 110) * 1000)
    warning.wait_for(state="visible")
    assert teacher.axe() == []
    assert warning.get_by_role("button", name="Jeg er her stadig").is_visible() is False
    assert "kan af sikkerhedshensyn ikke udskydes" in warning.inner_text()
    warning.get_by_role("button", name="Luk").click()
    warning.wait_for(state="hidden")
    page.clock.fast_forward(31 * 1000)
    assert warning.is_visible() is False
    page.unroute("**/konto/bliv/?*")
    page.route("**/konto/bliv/?*", lambda asked: asked.fulfill(json={"left": 0}))
    page.clock.fast_forward(31 * 1000)
    warning.wait_for(state="visible")

    assert "Du er blevet logget ud" in warning.inner_text()
    assert teacher.complaints == []
