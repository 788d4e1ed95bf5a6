"""A list of 20,000 people: filled, taken out carefully and carelessly, and let in again; prints figures as JSON."""

import io
import json
import os
import resource
import sys
import time
from datetime import date
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

import openpyxl
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.db.models import Prefetch
from django.test import Client, override_settings
from django.urls import reverse

from portal.domain import tables
from portal.models import User
from portal.spreadsheets import read_table, write_xlsx
from schools.domain.imports import KINDS_OF_TABLES
from schools.models import Membership, School
from tests import factories

ASKED_CARELESSLY = 2000  # rows; asking for all of them would take minutes and show the same
HEADINGS = ["Navn", "E-mail", "Roller", "Kommune", "Aktiv", "Telefon", "Sprog", "Siden"]


class Counting:
    """Counts queries; keeping their text would take more time than asking them."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.count += 1
        return execute(sql, params, many, context)


def peak() -> float:
    """Return the most memory this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fill(count: int) -> dict[str, Any]:
    """Make so many people with a role at one of 40 schools; some are called as a formula is."""
    factories.MunicipalityFactory.create()
    schools = [School(name=f"Skole {number}") for number in range(40)]
    School.objects.bulk_create(schools)
    people = [
        User(email=f"l{number}@skole.fjordby.example", name=f"=1+{number}" if number % 4 == 0 else f"Lærer {number}")
        for number in range(count)
    ]
    User.objects.bulk_create(people, batch_size=2000)
    Membership.objects.bulk_create(
        [Membership(user=one, school=schools[place % 40]) for place, one in enumerate(people)], batch_size=2000
    )
    return {"people": count}


def export(count: int) -> dict[str, Any]:
    """Take the list out as the desk does."""
    client = Client()
    client.force_login(factories.CoordinatorFactory.create())
    address = reverse("admin:portal_user_export")
    client.get(address)  # what every first request pays
    queries, before, began = Counting(), peak(), time.perf_counter()
    with connection.execute_wrapper(queries):
        answer: Any = client.post(address, {"form": "xlsx"})
        content = b"".join(answer.streaming_content)
    seconds, grown = time.perf_counter() - began, peak() - before
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    rows = formulas = 0
    for row in book.worksheets[0].iter_rows():
        rows += 1
        formulas += sum(cell.data_type == "f" for cell in row)
    return {
        "seconds": seconds,
        "megabytes": grown,
        "queries": queries.count,
        "rows": rows - 1,
        "formulas": formulas,
        "limit": limit(count),
    }


def limit(count: int) -> float:
    """Return the seconds it takes to fetch the same rows and to write as many, with nothing in between."""
    row = ["Lærer 1", "l1@skole.fjordby.example", "Skole 1 (lærer)", "", "ja", "", "Dansk", "2026-09-08 10:00"]
    current = Membership.objects.filter(ended_on__isnull=True).select_related("school")
    people = User.objects.prefetch_related(Prefetch("memberships", current, to_attr="current"), "municipal_roles")
    began = time.perf_counter()
    for _one in people.order_by("name").iterator(chunk_size=2000):
        pass
    write_xlsx(io.BytesIO(), title="x", headings=HEADINGS, rows=(row for _number in range(count)))
    return time.perf_counter() - began


def careless(count: int) -> dict[str, Any]:
    """Take the same list out as one would without thinking: all rows at once, a question for each, an open sheet."""
    queries, before, began = Counting(), peak(), time.perf_counter()
    with connection.execute_wrapper(queries):
        book = openpyxl.Workbook()
        sheet: Any = book.active
        sheet.append(HEADINGS)
        for place, one in enumerate(list(User.objects.all())):
            asked = one.memberships.all() if place < ASKED_CARELESSLY else ()
            roles = ", ".join(f"{role.school} ({role.get_role_display()})" for role in asked)
            sheet.append([one.name, one.email, roles, "", one.is_active, one.phone, one.language, str(one.date_joined)])
        target = io.BytesIO()
        book.save(target)
    formulas = sum(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)
    return {
        "seconds": time.perf_counter() - began,
        "megabytes": peak() - before,
        "queries": queries.count,
        "formulas": formulas,
    }


def look_over(count: int) -> dict[str, Any]:
    """Look over a file with everybody in it, and some lines that are new."""
    lines = [f"Ny {number};l{number}@skole.fjordby.example;Skole {number % 40}" for number in range(count)]
    content = ("Navn;E-mail;Skole\r\n" + "\r\n".join(lines)).encode()
    kind = KINDS_OF_TABLES["teachers"]
    queries, before, began = Counting(), peak(), time.perf_counter()
    with connection.execute_wrapper(queries):
        table = read_table(SimpleUploadedFile("alle.csv", content))
        rows, _unused = tables.arrange(kind.columns, table.headings, table.rows)
        report = kind.report(rows, end_missing=True, today=date(2026, 9, 8))
    return {
        "seconds": time.perf_counter() - began,
        "megabytes": peak() - before,
        "queries": queries.count,
        "lines": len(report.lines),
        "limit": limit(count),
    }


if __name__ == "__main__":
    work = {"fill": fill, "export": export, "careless": careless, "look_over": look_over}[sys.argv[1]]
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        print(json.dumps(work(int(sys.argv[2]))))
