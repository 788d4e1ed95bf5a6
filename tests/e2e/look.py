"""Looking at page after page: accessible, quiet, within the screen, and nothing from elsewhere."""

from tests.e2e.conftest import Visitor


class Look:
    """Looks at page after page and keeps what is wrong with each."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.wrong: dict[str, list[str]] = {}

    def at(self, address: str = "", *, named: str = "") -> None:
        """Open the address (or stay) and look: axe, one h1, no sideways scrolling at 320 px."""
        if address:
            self.visitor.open(address)
        page = self.visitor.page
        troubles = self.visitor.axe()
        if page.locator("h1").count() != 1:
            troubles.append(f"{page.locator('h1').count()} h1")
        page.set_viewport_size({"width": 320, "height": 800})
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 320:
            troubles.append(f"{width} px wide at 320")
        page.set_viewport_size({"width": 1280, "height": 900})
        if troubles:
            self.wrong[named or address or page.url] = troubles

    def result(self) -> tuple[dict[str, list[str]], set[str]]:
        return self.wrong, self.visitor.foreign


def first(visitor: Visitor, address: str, selector: str) -> str:
    """Return the first link of that kind on a page."""
    visitor.open(address)
    href = visitor.page.locator(selector).first.get_attribute("href")
    assert href, f"no {selector} on {address}"
    return href
