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
