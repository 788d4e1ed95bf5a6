"""The test of the test: every check of the portal is removed once, and at least one cell of the matrix must notice.

The checks are found in the syntax trees (``tests.permissions.checks``). First the whole matrix is played, noting which
functions each cell calls; then, for each check, a fork of the portal without it plays the cells that call its function
until the first one fails.

``PROVE_PERMISSIONS_ONLY=text`` removes only the checks in whose line (``path:line function: kind text``) the text
stands, without playing the matrix first: each is then tried on the cells nearest to it, and after those on all others.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from queue import Queue
from typing import Any

from tests.permissions.checks import Check, every_check
from tests.prove.figures import Figure
from tests.prove.ground import ROOT, environment, fresh_database

WORKERS = 2
ONLY = os.environ.get("PROVE_PERMISSIONS_ONLY", "")

SHOWN = "what is shown in a menu or as a button; each page asks again"
CLOSED = "the form that the rows stand in is closed to others"
TYPES = "everybody here has signed in; it only says so to the types"
NOBODY = "who is no person has no role at any school; it only says so to the types"
DEMO = "outside the demo there is no such page"
HOUSES = "no other house is configured in the matrix; each answer that lies: tests/portal/test_other_houses.py"
NO_LINK = "who holds no link has neither purpose nor object, and finds nothing"

# Places that look like a check but keep nobody out, because another check stands behind them or nothing is there to be
# had: file, function, text, and why. They are named in the proof's output, and counted apart.
NO_DOORS: dict[tuple[str, str, str], str] = {
    ("portal/admin.py", "Desk.has_module_permission", "def has_module_permission"): SHOWN,
    ("portal/admin.py", "Desk.get_actions_detail", "self.may_act(request)"): SHOWN,
    ("portal/admin.py", "Desk.deed_on_several", "not self.may_act(request)"): "the list knows no such action for them",
    ("portal/admin.py", "Desk.deed_on_several", "self.may_act(request)"): "the list knows no such action for them",
    ("portal/desk.py", "DeskSite.login", "login_not_required"): "with or without it one is sent to sign in",
    ("portal/exports.py", "Exporting.export_chosen", "not self.may_export(request)"): "the list knows no such action",
    ("portal/exports.py", "Exporting.export_chosen", "self.may_export(request)"): "the list knows no such action",
    ("portal/domain/people.py", "take_off_factor", "user"): "whose factors go",
    ("portal/domain/people.py", "change_address", "user"): "whose earlier addresses go",
    **{
        ("offers/domain/handover.py", function, text): "what is handed over, not who may"
        for function, text in (
            ("leave_school", "colleague is not None and colleague.pk == user.pk"),
            ("leave_school", "user"),
            ("_let_go", "teacher"),
            ("_give", "by.user_id != before.pk"),
        )
    },
    **{
        ("offers/views/enrolment.py", "my_enrolments", text): "two filters, each of which is enough"
        for text in ("Enrolment.objects.visible_to(person)", "school__in", "teacher")
    },
    ("offers/views/members.py", "welcome", "login_not_required"): "without a verified address it leads to sign in",
    ("offers/views/members.py", "_asked", "is_coordinator(_person(request))"): "who welcomes nobody finds nothing",
    ("offers/views/members.py", "_person", "not isinstance(request.user, User)"): TYPES,
    ("offers/views/school.py", "_person", "not isinstance(request.user, User)"): TYPES,
    ("offers/views/school.py", "_led", "Enrolment.objects.visible_to(person)"): "only schools that the person leads",
    ("offers/views/personal_data.py", "_contact", "found is None"): "the links of an erased contact are gone too",
    ("offers/views/surveys.py", "_tellable", "by.user_id is not None"): TYPES,
    ("offers/views/surveys.py", "_tellable", "rows.none()"): TYPES,
    ("portal/privacy.py", "user_as_subject", "user"): "whose addresses are looked for, not who looks",
    ("portal/views/pages.py", "security_txt", "not contact"): "there is an address in every municipality's settings",
    ("portal/views/sign_in.py", "elsewhere", "login_not_required"): "without a beginning elsewhere it leads to sign in",
    ("portal/views/sign_in.py", "code", "login_not_required"): "without a code it leads to sign in",
    ("schools/admin.py", "MunicipalRoleRows.has_view_permission", "def has_view_permission"): CLOSED,
    ("schools/admin.py", "PersonDesk.changes_role", "user"): "whether a fresh proof of identity is asked for",
    ("schools/domain/approval.py", "is_needed", "by.is_coordinator"): "a rule; tests/offers/test_approval.py",
    ("schools/domain/approval.py", "is_needed", "by.user_id is not None"): "a rule; tests/offers/test_approval.py",
    ("schools/domain/approval.py", "demand_approval", "by.user_id is not None"): NO_LINK,
    ("schools/domain/membership.py", "awaited_by", "user"): "shows a school and a role, and no person",
    ("offers/admin/offer.py", "CommentRows.rights", "def rights"): CLOSED,
    ("offers/admin/offer.py", "RevisionRows.rights", "def rights"): CLOSED,
    ("offers/admin/offer.py", "OfferDesk.get_fieldsets", "self.has_change_permission(request, obj)"): SHOWN,
    ("offers/admin/offer.py", "OfferDesk.change_view", "self.has_change_permission(request, offer)"): (
        "the use-case refuses (offers.authoring.edit_offer), and the page behind it"
    ),
    ("portal/admin.py", "Rows.rights", "def rights"): CLOSED,
    ("portal/admin.py", "Rows.has_view_permission", "def has_view_permission"): CLOSED,
    ("portal/admin.py", "Rows.has_add_permission", "def has_add_permission"): CLOSED,
    ("portal/admin.py", "Rows.has_change_permission", "def has_change_permission"): CLOSED,
    ("portal/admin.py", "ReadRows.has_add_permission", "def has_add_permission"): "no field of the rows can be written",
    ("portal/admin.py", "ReadRows.has_change_permission", "def has_change_permission"): "no field can be written",
    (
        "portal/desk.py",
        "DeskSite.search",
        "desk.has_view_permission(request)",
    ): "it walks through what one may see",
    ("portal/http.py", "actor_of", "not isinstance(request.user, User)"): TYPES,
    ("offers/views/enrolment.py", "_person", "not isinstance(request.user, User)"): TYPES,
    **{
        ("portal/views/demo.py", "caught", text): DEMO
        for text in (
            "not name.replace('-', '').replace('_', '').replace('.', '').isalnum()",
            "not path.is_file()",
            "not name.replace('-', '').replace('_', '').replace('.', '').isalnum() or not path.is_file()",
        )
    },
    ("portal/views/demo.py", "demo_mail_file", "index >= len(parts)"): DEMO,
    ("offers/admin/dashboard.py", "navigation", "desk.has_view_permission(request)"): SHOWN,
    ("offers/admin/session.py", "SessionDesk.proposal", "found is None"): "whether there is a move to carry out",
    ("offers/admin/timetable.py", "SessionAsAWhole.log_of", "desk.may_read_history(request)"): (
        "who sees a session is a coordinator, and reads every history"
    ),
    ("offers/domain/authoring.py", "offers_for", "by.kind != 'link'"): NO_LINK,
    ("offers/domain/authoring.py", "offers_for", "offers.none()"): "only reviewers and links come so far",
    ("offers/domain/approval.py", "answer_for_school", "by.user_id is None"): NO_LINK,
    ("offers/admin/school.py", "PersonWithDeedsDesk.ahead", "teacher"): "what a coordinator's page names",
    ("offers/domain/authoring.py", "offers_for", "by.reference_id is None"): NO_LINK,
    ("offers/domain/authoring.py", "invites_for", "by.kind == 'link'"): NO_LINK,
    ("offers/domain/authoring.py", "invites_for", "by.reference_id is not None"): NO_LINK,
    ("offers/domain/planning.py", "hosts", "by.kind != 'link'"): NO_LINK,
    ("offers/domain/planning.py", "hosts", "by.reference_id is None"): NO_LINK,
    ("portal/domain/links.py", "send_on", "by.kind != 'link'"): NO_LINK,
    ("portal/domain/links.py", "send_on", "parent.has_ended(now)"): "who holds an ended link does not come so far",
    ("portal/domain/links.py", "withdraw", "by.kind == 'link'"): NO_LINK,
    ("portal/domain/privacy.py", "ask_for_erasure", "by.kind == 'link'"): NO_LINK,
    ("portal/domain/privacy.py", "hand_out", "by.kind == 'link'"): NO_LINK,
    ("portal/domain/privacy.py", "_erase_one", "by.id in subject.ids"): "only what stands in the log",
    ("portal/domain/tables.py", "keep_table", "by.user_id is None"): NO_LINK,
    ("portal/domain/tables.py", "keep_table", "owner"): "whose oldest tables make room, not who may",
    ("portal/domain/people.py", "close_account", "roles.is_last_administrator(user)"): "a rule, not a door",
    ("portal/domain/sign_in.py", "ask", "may_enter(email)"): "whom a code is mailed to; tests/portal/test_sign_in.py",
    ("portal/exports.py", "Exporting.list_buttons", "self.may_export(request)"): SHOWN,
    ("portal/imports.py", "Importing.list_buttons", "self.may_import(request)"): SHOWN,
    ("portal/views/sign_in.py", "again", "not isinstance(person, User)"): TYPES,
    **{
        (f"offers/views/{module}.py", "_person", "not isinstance(request.user, User)"): TYPES
        for module in ("calendar", "dialogue", "questions")
    },
    ("offers/domain/dialogue.py", "_speaker", "by.user_id is not None"): NOBODY,
    ("offers/domain/dialogue.py", "withdraw", "by.user_id != dialogue.teacher_id"): (
        "whether it is mailed to who did it; tests/offers/test_dialogue.py"
    ),
    ("offers/domain/dialogue.py", "ask_for_a_time", "by.is_coordinator"): (
        "a rule: as whose words a note stands; tests/offers/test_dialogue.py"
    ),
    ("offers/domain/dialogue.py", "_make_visit", "by.is_coordinator"): (
        "a rule: for whom the leader is asked; tests/offers/test_dialogue.py"
    ),
    ("offers/domain/encounters.py", "_settle", "by.user_id != enrolment.teacher_id"): (
        "whether it is mailed to who said it; tests/offers/test_encounters.py"
    ),
    ("offers/domain/enrolment.py", "_enrol", "by.user_id != teacher.pk"): (
        "whether a mail names who enrolled; tests/offers/test_several.py"
    ),
    ("offers/views/enrolment.py", "_enrol_several", "Enrolment.objects.visible_to(_person(request))"): (
        "whether it is said that a colleague was first; tests/offers/test_several.py"
    ),
    ("offers/views/enrolment.py", "give_on", "Enrolment.objects.visible_to(_person(request))"): (
        "where one is led afterwards, to a page that asks again; tests/offers/test_cancelling.py"
    ),
    ("offers/domain/enrolment.py", "cancel_enrolment", "by.is_coordinator"): "only the word for who cancelled",
    ("offers/domain/enrolment.py", "cancel_enrolment", "by.user_id == enrolment.teacher_id"): "only the word for it",
    ("offers/views/enrolment.py", "calendar", "method is None"): "an enrolment without dates has no calendar file",
    ("offers/views/catalogue.py", "home", "Offer.objects.published()"): "a number and names of industries, no course",
}

LENGTH = "how long a session lasts, not who may do what: tests/portal/test_staying.py"
NO_DOORS |= {
    (
        "schools/admin.py",
        "MunicipalRoleRows.get_queryset",
        "role__in=roles.GIVEN_AT_THE_DESK",
    ): "which roles stand at the desk: test_an_operators_role_is_neither_taken_nor_changed_at_the_desk",
    ("portal/http.py", "may_go_on", "def may_go_on"): LENGTH,
    ("portal/http.py", "ends_for_good", "may_go_on(request)"): LENGTH,
    ("portal/http.py", "stay", "may_go_on(request)"): LENGTH,
    ("portal/templatetags/session.py", "session_ends_soon", "may_go_on(request)"): LENGTH,
    ("portal/views/staying.py", "stay_signed_in", "may_go_on(request)"): LENGTH,
    **{
        ("portal/oidc/provider.py", function, text): HOUSES
        for function, text in (
            ("Answers.openid_config", "issuer != self.issuer"),
            ("Answers.identity", "wants_group and claims.get('aktoer_gruppe') != STAFF"),
            ("Answers.identity", "len(uid) > LONGEST_UID"),
            ("Answers.believed", "not isinstance(id_token, str)"),
            ("Answers.believed", "claims.get('azp', audience) != audience"),
            ("Answers.believed", "claims['iat'] > time.time() + LEEWAY"),
            ("Answers.believed", "not nonce"),
            ("Answers.believed", "not hmac.compare_digest(str(claims.get('nonce', '')), nonce)"),
            (
                "Answers.believed",
                "not nonce or not hmac.compare_digest(str(claims.get('nonce', '')), nonce)",
            ),
            ("Answers._key_of", "not wanted"),
            ("Answers._key_of", "header.get('alg') not in ALGORITHMS"),
            ("Answers._key_of", "not wanted or header.get('alg') not in ALGORITHMS"),
            ("Answers._userinfo", "told.get('sub') != subject"),
        )
    },
    **{
        ("portal/models/vocabulary.py", "VocabularyQuerySet.current", text): "which words stand to choose from"
        for text in (
            "Q(valid_from__isnull=True) | Q(valid_from__lte=on)",
            "Q(valid_until__isnull=True) | Q(valid_until__gte=on)",
        )
    },
    ("portal/models/account.py", "MunicipalRoleQuerySet.in_force", "user__is_active=True"): (
        "who has been closed out has no session (SignedIn.get_user) and no roles (municipal_roles) either"
    ),
    ("portal/admin.py", "ReadDesk", "can_add = False"): "nobody is an editor of such a list either",
    ("portal/domain/links.py", "colleagues_of", "link.children.live(now)"): "the own colleagues, whose links ended",
    ("offers/admin/links.py", "LivingFilter.queryset", "Link.objects.live(clock.now())"): "what a filter counts",
    ("offers/admin/links.py", "ContactDesk.get_queryset", "Link.objects.live(clock.now())"): "how many are counted",
    ("offers/admin/links.py", "ContactDesk.leaves", "contacts.links_of(contact).live(now)"): "what a page counts",
    ("offers/admin/session.py", "EnrolmentRows.get_queryset", "status__in=self.statuses"): "in which of two tables",
    ("offers/domain/authoring.py", "expired_invites", "Link.objects.live(now)"): "a nightly job, nobody asks",
    ("offers/domain/calendar_feed.py", "link_of", "Link.objects.about(Link.Purpose.CALENDAR, person.pk).live(now)"): (
        "the own calendar's address, which opens nothing once it has ended"
    ),
    (
        "offers/views/guides.py",
        "for_host",
        "_enrolments().known_to_host()",
    ): "what awaits its leader is never confirmed",
    ("offers/views/host.py", "_offers", "Link.objects.live(now)"): "the own way on, which opens nothing once it ended",
}


class Workers:
    """Processes that play the matrix, each with one job at a time."""

    def __init__(self, databases: list[str]) -> None:
        self.free: Queue[subprocess.Popen[str]] = Queue()
        self.all = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.permissions.worker"],
                cwd=ROOT,
                env=settings_of(database),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for database in databases
        ]
        for one in self.all:
            self.free.put(one)

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        """Give a job to the next free process and return its answer."""
        worker = self.free.get()
        try:
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write(json.dumps(job) + "\n")
            worker.stdin.flush()
            answer: dict[str, Any] = json.loads(worker.stdout.readline())
            return answer
        finally:
            self.free.put(worker)

    def end(self) -> None:
        for one in self.all:
            if one.stdin is not None:
                one.stdin.close()
            one.wait()


def prove() -> Iterator[Figure]:
    """Play the matrix, then remove every check."""
    with ExitStack() as stack:  # two worlds in one database would wait for each other
        names = [f"prove_permissions_{number}" for number in range(WORKERS)]
        workers = Workers([stack.enter_context(fresh_database(name)) for name in names])
        stack.callback(workers.end)
        yield from some(workers) if ONLY else figures(workers)


def settings_of(database: str) -> dict[str, str]:
    """Return the environment in which the matrix is played."""
    more = {"ORIGIN": "http://testserver", "ALLOWED_HOSTS": "testserver"}
    return {**environment(database, **more), "DJANGO_SETTINGS_MODULE": "portal.settings"}


def figures(workers: Workers) -> Iterator[Figure]:
    """Measure; survivors are named."""
    played = shared_out(workers, turns=True)
    touched: dict[str, list[int]] = {}
    for one in played:
        for place, numbers in one.get("touched", {}).items():
            touched.setdefault(place, []).extend(numbers)

    found = every_check()
    doors = [check for check in found if reason(check) is None]
    yield Figure(name="checks found", value=len(found), goal="> 0", held=bool(found))
    stale = set(NO_DOORS) - {(check.path, check.function, check.text) for check in found}
    yield Figure(name="of these no door, as said", value=len(found) - len(doors), goal="each is there", held=not stale)
    for path, function, text in sorted(stale):
        print(f"     not there any more: {path} {function} {text}")
    for check in found:
        if why := reason(check):
            print(f"     no door: {check} ({why})")

    lock = threading.Lock()

    def remove(check: Check) -> bool:
        cells = touched.get(f"{check.path}:{check.first_line}", []) if check.first_line else None
        if check.kind in {"decorator", "open to all", "asks again"}:
            cells = None  # by its routes: whom it turns away never comes to the function
        elif cells:
            cells = sorted(cells, key=lambda number: number * 7919 % 10007)
        answer = workers.ask({"check": asdict(check), "cells": cells})
        if not answer["killed"]:
            with lock:
                why = f", {answer['broke']}" if answer.get("broke") else ""
                print(f"     survived: {check} ({answer['played']} cells{why})", flush=True)
        return bool(answer["killed"])

    with ThreadPoolExecutor(WORKERS) as pool:
        killed = sum(pool.map(remove, doors))
    yield Figure(name="checks removed, one by one", value=len(doors), goal=f"{len(doors)}", held=True)
    played += shared_out(workers, turns=False)
    wrong = [line for one in played for line in one.get("wrong", [one.get("broke", "")])]
    for line in wrong[:20]:
        print(f"     {line}")
    cells = sum(one["played"] for one in played)
    yield Figure(name="cells checked", value=cells, goal="all as declared", held=not wrong)
    yield Figure(
        name="removals noticed by a cell",
        value=killed,
        goal=f"{len(doors)}",
        held=killed == len(doors),
        control=f"with every check in place {len(wrong)} cells fail",
    )


def some(workers: Workers) -> Iterator[Figure]:
    """Remove only the checks that are asked for; what notices them is named."""
    wanted = [check for check in every_check() if ONLY in str(check)]

    def remove(check: Check) -> bool:
        answer = workers.ask({"check": asdict(check), "cells": None})
        noticed = answer["killed"] or answer.get("broke") or "survived"
        print(f"     {check}: {noticed} ({answer['played']} cells, {answer['seconds']:.0f} s)", flush=True)
        return bool(answer["killed"])

    with ThreadPoolExecutor(WORKERS) as pool:
        killed = sum(pool.map(remove, wanted))
    yield Figure(
        name=f"removals noticed by a cell, of those with {ONLY!r}",
        value=killed,
        goal=f"{len(wanted)}, and more than none",
        held=0 < killed == len(wanted),
    )


def shared_out(workers: Workers, *, turns: bool) -> list[dict[str, Any]]:
    """Let the processes play the cells between them: those of an ordinary run of the tests, or all the others."""
    with ThreadPoolExecutor(WORKERS) as pool:
        jobs = [{"share": number, "of": WORKERS, "turns": turns} for number in range(WORKERS)]
        return list(pool.map(workers.ask, jobs))


def reason(check: Check) -> str | None:
    """Return why removing a check opens nothing, where that is so."""
    return NO_DOORS.get((check.path, check.function, check.text))
