"""Agreeing on a time and asking a host, page by page; before the walks that move the clock past the times proposed."""

import pytest

from tests.e2e.conftest import NewVisitor
from tests.e2e.look import Look, first
from tests.e2e.walk import TEACHER, enter_by_link, link_in, submit

pytestmark = pytest.mark.e2e


def test_finding_a_time_and_asking_the_host(visitor: NewVisitor) -> None:
    teacher = visitor()
    teacher.sign_in(TEACHER)
    look = Look(teacher)
    talk = first(teacher, "/tilmeldinger/", "main a[href*='/foresporgsler/']")
    yes = first(teacher, talk, "main a[href*='/ja/']")
    offer = first(teacher, "/forloeb/?aftale=1", "#hits .offer-grid a")
    ask = first(teacher, offer, "main a[href*='/spoergsmaal/ny/']")
    propose = first(teacher, offer, "main a[href*='/foresporgsler/ny/']")
    for way in (talk, yes, f"{talk}svar/", f"{talk}traek/", propose, ask, "/forloeb/?aftale=1", offer):
        look.at(way)
    for way in (f"{talk}svar/", propose, ask):
        teacher.open(way)
        submit(teacher, "main form.form button[type=submit]")
        look.at(named=f"{way} in error")
    teacher.page.fill("textarea[name=text]", "er der en elevator?")
    submit(teacher, "main form.form button[type=submit]")
    look.at(named="a question that was asked")

    host = visitor()
    enter_by_link(host, link_in(host.mail("fjordbladet", "Forespørgsel om et besøg")))
    look_as_host = Look(host)
    look_as_host.at()
    asked = first(host, host.page.url, "main a[href*='/foresporgsler/']")
    agree = first(host, asked, "main a[href*='/ja/']")
    for way in (asked, agree, f"{asked}svar/", f"{asked}ikke-nu/"):
        look_as_host.at(way)
    submit(host, "main form.form button[type=submit]")
    look_as_host.at(named="not now, without a reason")

    assert look.result() == ({}, set())
    assert look_as_host.result() == ({}, set())
