"""Every page once as it is, and once in error: accessible, quiet, within the screen, and nothing from elsewhere."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.e2e.conftest import NewVisitor
from tests.e2e.look import Look, first
from tests.e2e.walk import COORDINATOR, LEADER, TEACHER, enter_by_link, link_in, submit

pytestmark = pytest.mark.e2e

# What the theme of the desk itself leaves open, rule by rule; our own templates leave nothing.
THEMES_OWN = {"region", "landmark-unique"}


def test_pages_that_anybody_may_open(visitor: NewVisitor) -> None:
    guest = visitor()
    look = Look(guest)
    offer = first(guest, "/forloeb/?ledige=on", "#hits .offer-grid a")

    for address in ("/", "/forloeb/", "/forloeb/?klassetrin=8&fag=matematik", offer, "/tilgaengelighed/", "/privatliv/",
                    "/konto/login/", "/demo/ur/", "/demo/mails/", "/demo/koder/"):  # fmt: skip
        look.at(address)
    look.at("/forloeb/?q=zzzzzzqqq", named="nothing found")
    look.at("/forloeb/?fra=31-02-2026", named="a day that does not exist")
    look.at("/forloeb/?page=99999", named="beyond the last page")
    look.at("/findes-ikke/", named="404")
    guest.open("/konto/login/")
    guest.page.fill("input[name=email]", "nogen@fjordby")
    submit(guest, "main button[type=submit]")
    look.at(named="half an address")
    guest.page.fill("input[name=email]", "nogen@andetsteds.example")
    submit(guest, "main button[type=submit]")
    look.at(named="type the code")
    guest.page.fill("input[name=code]", "FORKERT")
    submit(guest, "main button[type=submit]")
    look.at(named="wrong code")

    assert look.result() == ({}, set())


def test_a_teachers_pages(visitor: NewVisitor) -> None:
    teacher = visitor()
    teacher.sign_in(TEACHER)
    look = Look(teacher)
    look.at("/tilmeldinger/")
    places = set(
        teacher.page.locator("main a[href*='/tilmeldinger/']").evaluate_all("all => all.map(one => one.pathname)")
    )
    enrolments = sorted({match.group(0) for one in places if (match := re.match(r"/tilmeldinger/[0-9a-f-]{36}/", one))})
    assert enrolments
    for address in enrolments[:4]:
        look.at(address)
        ways = teacher.page.locator("main a[href*='/tilmeldinger/']").evaluate_all(
            "all => all.map(one => one.pathname)"
        )
        for way in sorted(
            {
                one
                for one in ways
                if one.startswith(address)
                and one.endswith(("/aendr/", "/afmeld/", "/plads/", "/afholdt/", "/giv-videre/", "/flytning/"))
            }
        ):
            look.at(way)
            if way.endswith("/aendr/"):
                teacher.page.fill("main [name=pupils]", "1_0")
                submit(teacher, "main form[method=post] button[type=submit]")
                look.at(named="change, in error")
    for address in ("/konto/mine-oplysninger/", "/konto/mine-oplysninger/slet/", "/konto/kalender/"):
        look.at(address)
    teacher.open("/konto/mine-oplysninger/")
    submit(teacher, "main form[action$='/hent/'] button[value=page]")
    look.at(named="own data to print")
    look.at(first(teacher, "/tilmeldinger/", "main a[href*='kalender']"))
    offer = first(teacher, "/forloeb/?klassetrin=8&ledige=on", "#hits .offer-grid a")
    form = first(teacher, offer, "main a[href*='/tilmeld/']")
    look.at(form)
    submit(teacher, "main form[method=post] button[type=submit]")
    look.at(named="enrol, in error")
    assert teacher.page.locator("main [aria-invalid=true]").count() > 0

    assert look.result() == ({}, set())


def test_the_pages_of_an_account(visitor: NewVisitor) -> None:
    newcomer = visitor()
    look = Look(newcomer)
    newcomer.sign_in("ny.laerer@fjordby.example")
    look.at(named="welcome")
    submit(newcomer, "main form[method=post] button[type=submit]")
    look.at(named="welcome, in error")
    newcomer.page.fill("input[name=name]", "Ny Lærer")
    newcomer.page.locator("select[name=school]").select_option(index=1)
    submit(newcomer, "main form[method=post] button[type=submit]")
    for address in ("", "steder/", "to-trin/", "to-trin/app/", "to-trin/adgangsnoegler/", "to-trin/adgangsnoegler/ny/",
                    "igen/", "logout/", "lukket/"):  # fmt: skip
        look.at(f"/konto/{address}")
    newcomer.open("/konto/to-trin/app/")
    submit(newcomer, "main form[method=post] button[type=submit]")
    look.at(named="an app, in error")

    assert look.result() == ({}, set())


def test_a_schools_ambassador_confirms_a_newcomer(visitor: NewVisitor) -> None:
    ambassador = visitor()
    ambassador.sign_in("ambassadoer@fjordby.example")
    look = Look(ambassador)
    look.at("/skolen/medlemmer/")

    assert look.result() == ({}, set())


def test_a_passkey_is_made_and_opens_the_portal_alone(visitor: NewVisitor) -> None:
    teacher = visitor()
    # A passkey belongs to a name; a number is none.
    teacher.portal = replace(teacher.portal, url=teacher.portal.url.replace("127.0.0.1", "localhost"))
    tools = teacher.context.new_cdp_session(teacher.page)
    tools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
               "isUserVerified": True, "automaticPresenceSimulation": True}  # fmt: skip
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    teacher.sign_in(TEACHER)
    teacher.open("/konto/to-trin/adgangsnoegler/ny/")
    teacher.page.check("input[name=passwordless]")
    teacher.page.click("#passkey-button")
    teacher.page.wait_for_url("**/noedkoder/")
    look = Look(teacher)
    look.at(named="recovery codes")
    for address in ("/konto/to-trin/", "/konto/to-trin/adgangsnoegler/"):
        look.at(address)
    teacher.open("/konto/logout/")
    submit(teacher, "main form button[type=submit]")
    teacher.open("/konto/login/")
    teacher.page.click("#passkey-button")
    teacher.page.wait_for_url(re.compile(r"localhost:[0-9]+/$"))
    teacher.page.wait_for_load_state()
    teacher.open("/tilmeldinger/")
    assert "/konto/login/" not in teacher.page.url
    teacher.open("/konto/to-trin/adgangsnoegler/")
    teacher.page.locator("main a[href$='/fjern/']").first.click()
    teacher.page.wait_for_load_state()
    look.at(named="remove a passkey")
    submit(teacher, "main form[method=post] button[type=submit]")

    assert look.result() == ({}, set())


def test_a_leaders_pages(visitor: NewVisitor) -> None:
    leader = visitor()
    leader.sign_in(LEADER)
    look = Look(leader)
    look.at("/skolen/")
    submit(leader, "main form[action='/skolen/godkendelse/'] button[type=submit]")
    look.at(named="the school, approval switched")
    submit(leader, "main form[action='/skolen/godkendelse/'] button[type=submit]")

    assert look.result() == ({}, set())


def test_a_hosts_pages(visitor: NewVisitor) -> None:
    host = visitor()
    host.open("/demo/mails/")
    mail = host.page.locator("main tbody a").filter(has_text=re.compile("Ny klasse|Snart besøg|Anmodning fra"))
    mail.first.click()
    host.page.wait_for_load_state()
    address = link_in(host.text())
    look = Look(host)
    look.at(address, named="the landing page of a link")
    enter_by_link(host, address)
    home = host.page.url
    look.at()
    mine = host.page.locator("main a[href$='/mine-oplysninger/']").first.get_attribute("href")
    ways: Callable[[str], list[str]] = lambda part: sorted(  # noqa: E731
        set(host.page.locator(f"main a[href*='{part}']").evaluate_all("all => all.map(one => one.pathname)"))
    )
    sessions, reports, answers = ways("/tidspunkt/"), ways("/afholdt/"), ways("/svar/")
    dates, days = ways("/tider/"), ways("/dag/")
    for way in [*sessions[:2], *reports[:1], *answers[:1], *dates[:1], *days[:1]]:
        look.at(way)
        if host.page.locator("main form[method=post]").count():
            submit(host, "main form[method=post] button[type=submit]")
            look.at(named=f"{way} in error")
    look.at(f"{home}kollega/")
    submit(host, "main form.form button[type=submit]")
    look.at(named="sending on, in error")
    for deed in ("aflys", "flyt"):
        for way in sessions:  # a visit that is being moved, or has begun, has no form
            look.at(f"{way}{deed}/")
            if host.page.locator("main form[method=post]").count():
                submit(host, "main form[method=post] button[type=submit]")
                look.at(named=f"{deed} without a reason")
                break

    look.at(str(mine))
    look.at(f"{mine}slet/")

    host.open("/demo/mails/")
    host.page.locator("main tbody a").filter(has_text=re.compile("Evaluering|Fortæl om besøget")).first.click()
    host.page.wait_for_load_state()
    declining = re.search(r"/l/uns_[\w-]{64}/", host.text())
    assert declining is not None
    look.at(declining[0], named="declining mails")
    submit(host, "main form.form button[type=submit]")
    look.at(named="mails declined")

    assert look.result() == ({}, set())


def test_the_coordinators_desk_adds_nothing_to_what_its_theme_leaves_open(visitor: NewVisitor) -> None:
    desk = visitor()
    desk.sign_in(COORDINATOR)
    found: dict[str, list[str]] = {}
    session = first(desk, "/admin/offers/session/?when=free", "#result_list a[href*='/change/']").split("change/")[0]
    for address in ("/admin/", f"{session}change/", f"{session}flyt/", f"{session}aflys/",
                    "/admin/offers/offer/", "/admin/offers/session/", "/admin/offers/enrolment/",
                    "/admin/offers/session/kalender/",
                    "/admin/offers/dialogue/", "/admin/offers/question/",
                    "/admin/companies/company/", "/admin/portal/message/", "/admin/portal/municipality/",
                    "/admin/portal/user/importer/", "/admin/schools/school/eksport/",
                    "/admin/portal/erasurerequest/", "/admin/portal/erasure/", "/admin/portal/legalhold/"):  # fmt: skip
        desk.open(address)
        ours = [line for line in desk.axe() if line.split(":")[0] not in THEMES_OWN]
        if ours:
            found[address] = ours

    assert found == {}
