"""The main job from end to end, as people do it: invite, describe, review, find, enrol, remind, follow up, guide.

Once with JavaScript; and once more with JavaScript off for everybody but the coordinator, whose desk may need it.
"""

import re
from datetime import date, datetime, timedelta

import pytest

from tests.e2e.conftest import NewVisitor, Visitor
from tests.e2e.walk import (
    COORDINATOR,
    TEACHER,
    Course,
    describe,
    enrol,
    enter_by_link,
    fill,
    find,
    link_in,
    send_in,
    submit,
)

pytestmark = pytest.mark.e2e
AMBASSADOR = "ambassadoer@fjordby.example"


class Checks:
    """Collects axe's violations along the way, so that one run names them all."""

    def __init__(self, *, javascript: bool) -> None:
        self.javascript = javascript
        self.found: dict[str, list[str]] = {}

    def look(self, visitor: Visitor) -> None:
        if self.javascript and (violations := visitor.axe()):
            self.found[visitor.page.url] = violations


def demo_today(visitor: Visitor) -> date:
    """Return the day that the demo's clock shows."""
    visitor.open("/demo/ur/")
    stamp = visitor.page.locator("main time").first.get_attribute("datetime")
    assert stamp
    return datetime.fromisoformat(stamp).date()


def make_company(desk: Visitor, course: Course) -> None:
    """At the desk: a new company with a contact, and the invitation to describe a course."""
    desk.open("/admin/companies/company/add/")
    page = desk.page
    page.fill("input[name=name]", course.company)
    page.locator("input[name=industries]").first.check()
    if not page.locator("input[name=contacts-0-name]").count():
        page.locator("a", has_text=re.compile("Tilføj endnu|Add another")).first.click()
    page.fill("input[name=contacts-0-name]", "Signe Bæk")
    page.fill("input[name=contacts-0-email]", course.contact)
    page.locator("button[name=_continue], input[name=_continue]").first.click()
    page.wait_for_load_state()
    page.goto(re.sub(r"/change/.*$", "/inviter/", page.url))
    page.fill("textarea[name=greeting]", "Vi vil så gerne vise 8. klasse, hvad I kan.")
    page.locator("form:has(textarea[name=greeting]) button[type=submit]").first.click()
    page.wait_for_load_state()


def offer_at_desk(desk: Visitor, course: Course) -> str:
    """Find the course among those to review and open it; return its address at the desk."""
    desk.open("/admin/")
    desk.page.locator("a", has_text=course.title).first.click()
    desk.page.wait_for_load_state()
    return re.sub(r"/change/.*$", "", desk.page.url)


def deed(desk: Visitor, address: str, **values: str) -> None:
    """Open a deed's confirmation page at the desk, fill it, and do it."""
    desk.page.goto(address)
    form = desk.page.locator("main form[method=post]:has(button[type=submit])").last
    for name, value in values.items():
        target = desk.page.locator(f"[name={name}]").first
        if target.evaluate("element => element.tagName") == "SELECT":
            target.select_option(value)
        else:
            target.fill(value)
    form.locator("button[type=submit]").last.click()
    desk.page.wait_for_load_state()


def plan(desk: Visitor, offer: str, day: date) -> date:
    """Plan one session on that day or the first one after it on which pupils go to school."""
    for _try in range(30):
        deed(desk, f"{offer}/nyt-tidspunkt/", day_1=day.isoformat(), time_1="09:00", places="24")
        if "nyt-tidspunkt" not in desk.page.url:
            return day
        day += timedelta(days=1)
    raise AssertionError(desk.page.locator("body").inner_text()[:1500])


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_the_main_job_from_invitation_to_guide(visitor: NewVisitor, javascript: bool) -> None:
    suffix = "med" if javascript else "uden"
    course = Course(
        title=f"Høvl en planke {suffix} bådebyggeren",
        company=f"Bådebyggeriet {suffix.title()}",
        contact=f"signe.{suffix}@baadebyggeriet.example",
    )
    checks = Checks(javascript=javascript)
    mails = visitor()

    # 1 Invite
    desk = visitor()
    desk.sign_in(COORDINATOR)
    make_company(desk, course)
    invitation = link_in(mails.mail(course.contact, "Invitation"))

    # 2 Describe: opening the link changes nothing, six steps, saved as one goes, left and taken up again
    host = visitor(javascript=javascript)
    host.open(invitation)
    checks.look(host)
    describe(host, invitation, course)
    checks.look(host)
    assert course.title in host.text()
    send_in(host)
    assert "beskriv" in host.page.url
    checks.look(host)

    # 3 Review: send back with a comment, take in again, publish, plan
    offer = offer_at_desk(desk, course)
    deed(desk, f"{offer}/send-retur/", text_1="Skriv, hvad eleverne skal have på.")
    back = link_in(mails.mail(course.contact, "Sendt retur", course.title))
    enter_by_link(host, back)
    assert "Skriv, hvad eleverne skal have på." in host.text()
    host.open(re.sub(r"(/beskriv/[^/]+/).*", r"\g<1>5/", host.page.url))
    fill(host, clothing="Praktisk tøj og lukkede sko")
    submit(host, "main button[value=next]")
    send_in(host)
    deed(desk, f"{offer}/udgiv/")
    today = demo_today(mails)
    day = plan(desk, offer, today + timedelta(days=21))

    # 4 Find, without signing in
    guest = visitor(javascript=javascript)
    find(guest, course.title)
    assert guest.heading() == course.title
    assert "Praktisk tøj og lukkede sko" in guest.text()
    checks.look(guest)
    assert guest.context.cookies() == []

    # 5 Enrol: one class takes all places, the next one waits, gets the place that becomes free, and says yes
    first = visitor(javascript=javascript, width=360)
    first.sign_in(TEACHER)
    find(first, course.title)
    enrol(first, pupils="fireogtyve")
    checks.look(first)
    assert first.page.locator("main [name=pupils]").input_value() == "fireogtyve"
    assert first.page.locator("main [name=pupils]").get_attribute("aria-invalid") == "true"
    fill(first, pupils="24")
    submit(first, "main form[method=post] button[type=submit]")
    checks.look(first)
    receipt = first.page.url
    assert re.search(r"/tilmeldinger/[0-9a-f-]{36}/$", receipt)
    assert ".ics" in mails.mail(TEACHER, "Tilmelding bekræftet", course.company)

    second = visitor(javascript=javascript)
    second.sign_in(AMBASSADOR)
    find(second, course.title)
    enrol(second, pupils="20")
    checks.look(second)
    assert re.search(r"\b1\b", second.text())
    waiting = second.page.url

    first.open(receipt)
    first.page.locator("main a[href$='/afmeld/']").click()
    checks.look(first)
    submit(first, "main form[method=post] button[type=submit]")
    assert mails.mail(AMBASSADOR, "Plads tilbudt", course.company)
    second.open(waiting)
    second.page.locator("main a[href$='/plads/']").click()
    checks.look(second)
    submit(second, "main form[method=post] button[type=submit]")
    second.open("/tilmeldinger/")
    checks.look(second)
    assert course.title in second.text()

    # 6 Remind, once each: beat plans what was agreed a moment ago before the clock leaps over weeks
    mails.catch_up()
    while demo_today(mails) < day - timedelta(days=7):
        mails.move_clock("week")
    while demo_today(mails) < day:
        mails.move_clock("day")
    assert mails.mail(AMBASSADOR, "Påmindelse", course.company)
    sheet = mails.mail(course.contact, "Snart besøg", course.company)
    mails.open(f"/demo/mails/?to={AMBASSADOR}")
    reminders = mails.page.locator("main tbody a").filter(has_text="Påmindelse").filter(has_text=course.company)
    once_each = len(set(reminders.all_inner_texts())) <= reminders.count() <= 2
    assert once_each

    # 7 Follow up: the host says it was held, the teacher agrees, both are asked how it was
    mails.move_clock("hour", 3)
    enter_by_link(host, link_in(sheet))
    host.open(re.sub(r"(/vaert/[^/]+/).*", r"\1", host.page.url))
    checks.look(host)
    host.page.locator("main a[href*='/afholdt/']").first.click()
    checks.look(host)
    host.page.locator("main [name=outcome][value=held]").first.check()
    fill(host, pupils="19")
    submit(host, "main form[method=post] button[type=submit]")
    second.open(f"{waiting}afholdt/")
    checks.look(second)
    second.page.locator("main [name=outcome][value=held]").first.check()
    fill(second, pupils="19")
    submit(second, "main form[method=post] button[type=submit]")
    while not mails.mails(AMBASSADOR, "Evaluering", course.company).count():  # no school from a Friday to a Monday
        assert demo_today(mails) < day + timedelta(days=21)
        mails.move_clock("day")
    survey = link_in(mails.mail(AMBASSADOR, "Evaluering", course.company))
    anybody = visitor(javascript=javascript, width=360)
    enter_by_link(anybody, survey)
    checks.look(anybody)
    names = anybody.page.locator("main input[type=radio]").evaluate_all("all => [...new Set(all.map(one => one.name))]")
    for name in names:
        anybody.page.locator(f"main input[name={name}]").last.check()
    fill(anybody, comment="Eleverne talte om det hele vejen hjem.")
    submit(anybody, "main form[method=post] button[type=submit]")
    checks.look(anybody)
    desk.open("/admin/offers/surveyrequest/")
    assert course.title in desk.page.locator("body").inner_text()

    # 8 Guide
    for address in (f"/guide/tilmelding/{waiting.rstrip('/').split('/')[-1]}.pdf", offer_guide(guest)):
        answer = second.context.request.get(second.portal.path(address), timeout=60_000)
        assert (answer.status, answer.headers["content-type"], answer.body()[:5]) == (200, "application/pdf", b"%PDF-")
    assert checks.found == {}


def offer_guide(guest: Visitor) -> str:
    """Return the address of the course's guide, as its page gives it."""
    href = guest.page.locator("main a[href*='/guide/forloeb/']").first.get_attribute("href")
    assert href
    return href
