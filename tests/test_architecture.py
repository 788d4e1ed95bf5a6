"""The plan of the house, where import-linter cannot see it."""

import tomllib
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db.models import CheckConstraint, UniqueConstraint

LADDER = {"portal": 0, "companies": 1, "schools": 1, "offers": 2}
OURS = [model for model in apps.get_models() if model._meta.app_label in LADDER]


def test_every_relation_points_to_its_own_app_or_lower() -> None:
    upward = [
        f"{model._meta.label}.{field.name} → {field.related_model._meta.label}"
        for model in OURS
        for field in model._meta.get_fields()
        if field.is_relation and not field.auto_created and field.related_model is not None
        if not isinstance(field.related_model, str)
        if (other := field.related_model._meta.app_label) in LADDER
        if other != model._meta.app_label and LADDER[other] >= LADDER[model._meta.app_label]
    ]

    assert upward == []


def test_every_constraint_has_a_name_that_reads_as_a_sentence() -> None:
    odd = [
        constraint.name
        for model in OURS
        for constraint in model._meta.constraints
        if isinstance(constraint, CheckConstraint | UniqueConstraint) and len(constraint.name.split("_")) < 3
    ]

    assert odd == []


def test_every_public_model_says_what_a_row_means() -> None:
    assert [model.__name__ for model in OURS if not model.__doc__ or model.__doc__.startswith(model.__name__)] == []


@pytest.mark.parametrize("word", ["utils", "helpers", "manager", "service", "services", "base", "misc", "common"])
def test_no_module_has_a_name_that_says_nothing(word: str) -> None:
    root: Path = settings.BASE_DIR
    found = [str(path.relative_to(root)) for app in LADDER for path in (root / app).rglob(f"{word}.py")]

    assert found == []


def test_the_top_level_holds_what_the_plan_names() -> None:
    root: Path = settings.BASE_DIR
    named = {
        ".ci", ".dockerignore", ".env.example", ".git", ".gitignore", "CHANGELOG.md", "Dockerfile", "LICENSE",
        "README.md", "SECURITY.md", "bin", "companies", "docker-compose.yml", "docs", "locale", "manage.py", "offers",
        "portal", "pyproject.toml", "requirements-demo.txt", "requirements-dev.txt", "requirements.txt", "schools",
        "static", "templates", "tests",
    }  # fmt: skip
    made = {
        ".venv", "var", "media", "staticfiles", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache",
        ".hypothesis", ".env", "__pycache__",
    }  # fmt: skip

    assert {path.name for path in root.iterdir()} - made == named


def test_no_lock_file_names_an_index() -> None:
    root: Path = settings.BASE_DIR
    for lock in root.glob("requirements*.txt"):
        text = lock.read_text()
        assert ("://" in text, "--index-url" in text) == (False, False), lock.name


def test_dependencies_of_the_project_are_all_locked() -> None:
    root: Path = settings.BASE_DIR
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    lock = (root / "requirements.txt").read_text().lower()
    names = [name.split("[")[0].split(">")[0].split("=")[0].split("<")[0] for name in project["dependencies"]]

    assert [name for name in names if f"\n{name}==" not in f"\n{lock}"] == []
