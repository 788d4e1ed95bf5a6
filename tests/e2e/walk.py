"""The steps of the main job, as a person takes them: filling fields, pressing buttons, reading mails."""

import re
from dataclasses import dataclass

from tests.e2e.conftest import Visitor

COORDINATOR = "koordinator@fjordby.example"
TEACHER = "laerer@fjordby.example"
LEADER = "leder@fjordby.example"


@dataclass(frozen=True)
class Course:
    """What the company tells."""

    title: str
    company: str
    contact: str


def link_in(text: str) -> str:
    """Return the portal's secret address in a mail."""
    found = re.search(r"https?://\S+/l/\S+?/", text)
    assert found, text
    return found.group(0)


def fill(visitor: Visitor, **values: str) -> None:
    """Fill fields by their names; a select takes its value."""
    for name, value in values.items():
        target = visitor.page.locator(f"main [name={name}]").first
        kind = target.evaluate("element => element.tagName + ':' + (element.type || '')")
        if kind.startswith("SELECT"):
            target.select_option(value)
        elif kind.endswith((":radio", ":checkbox")):
            visitor.page.locator(f"main [name={name}][value='{value}']").check()
        else:
            target.fill(value)


def submit(visitor: Visitor, button: str = "main form button[type=submit]") -> None:
    """Press the page's first submit button, or the one named by a selector."""
    visitor.page.locator(button).first.click()
    visitor.page.wait_for_load_state()


def enter_by_link(visitor: Visitor, address: str) -> None:
    """Open a secret address and press its one button."""
    visitor.open(address)
    submit(visitor)


def describe(visitor: Visitor, address: str, course: Course) -> None:
    """Open the invitation and describe a course in six steps, leaving once and coming back by the link."""
    enter_by_link(visitor, address)
    submit(visitor, "main button[name=action]")
    fill(
        visitor,
        about="Vi bygger både i træ og lærer unge op.",
        address="Bådekajen 3",
        postal_code="9999",
        city="Fjordby",
        contact_name="Signe Bæk",
        contact_title="værkfører",
        contact_phone="70 00 55 66",
    )
    submit(visitor, "main button[value=next]")
    fill(
        visitor,
        title=course.title,
        teaser="Høvl en planke, så den passer, og mærk forskel på fyr og eg.",
        description="Klassen arbejder ved høvlebænkene sammen med to bådebyggere.",
        purpose="Eleverne lærer, hvordan mål og materiale hænger sammen.",
        pupil_activity="Eleverne måler, høvler og samler en lille planke.",
        activity_type="virksomhedsbesoeg",
        industry="byggeri",
        jobs="bådebygger, tømrer",
    )
    submit(visitor, "main button[value=later]")
    enter_by_link(visitor, address)
    visitor.page.locator("main a", has_text=re.compile("For hvem|For whom", re.IGNORECASE)).first.click()
    visitor.page.wait_for_load_state()
    fill(visitor, grade_from="7", grade_to="9", subjects="matematik")
    submit(visitor, "main button[value=next]")
    fill(
        visitor,
        before="Tegn en båd i målestok 1:10.",
        before_minutes="45",
        during="15 min.: rundtur. 75 min.: høvlebænk. 30 min.: spørgsmål.",
        after="Skriv en vejledning til den næste klasse.",
        after_minutes="45",
    )
    submit(visitor, "main button[value=next]")
    fill(
        visitor,
        duration_minutes="120",
        meetings="1",
        places="24",
        adults="2",
        venue="host",
        meeting_point="Ved den røde port",
        safety="Vi udleverer briller og handsker.",
        closes_days="7",
    )
    submit(visitor, "main button[value=next]")


def send_in(visitor: Visitor) -> None:
    """Press *Send to the municipality* on the last step."""
    visitor.page.locator("form[action$='/send/'] button[type=submit]").first.click()
    visitor.page.wait_for_load_state()


def find(visitor: Visitor, title: str) -> None:
    """Search the catalogue for a title and open the course."""
    visitor.open("/forloeb/")
    visitor.page.locator("main input[name=q]").first.fill(title)
    visitor.page.locator("main input[name=q]").first.press("Enter")
    visitor.page.wait_for_load_state()
    visitor.page.locator("#hits .offer-grid a", has_text=title).first.click()
    visitor.page.wait_for_load_state()


def enrol(visitor: Visitor, *, pupils: str, choice: int = 0) -> None:
    """From a course's page: choose its first date and a class that suits, and confirm. Ends on the receipt."""
    visitor.page.locator("main a[href*='/tilmeld/']").first.click()
    visitor.page.wait_for_load_state()
    classes = visitor.page.locator("main [name=school_class]")
    if classes.first.evaluate("element => element.tagName") == "SELECT":
        values = classes.first.locator("option").evaluate_all(
            "options => options.filter(o => o.value && !o.disabled).map(o => o.value)"
        )
        classes.first.select_option(values[choice])
    else:
        classes.nth(choice).check()
    fill(visitor, pupils=pupils, adults="2")
    if not visitor.page.locator("main [name=phone]").is_visible():  # who has enrolled before sees three fields
        visitor.page.locator("main details:has([name=phone]) > summary").click()
    fill(visitor, phone="70 00 20 21")
    submit(visitor, "main form[method=post] button[type=submit]")
