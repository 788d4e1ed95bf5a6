"""Compiled statements: SQL that is needed all day is written by the ORM once, and afterwards only filled in.

Building a QuerySet and writing its SQL takes the processor several times as long as PostgreSQL takes to find a row by
its key. Where people wait for it in crowds (above all when enrolment opens), a question is a :class:`CompiledQuery`:
still written as a QuerySet, with a :class:`Slot` wherever a value differs from one time to the next; and what is added
goes through :func:`insert`. PostgreSQL plans such a statement once a connection, too (``DATABASE_PREPARE_AFTER``).

``bin/prove enrolment`` measures what it is good for. Everything else asks and saves in the ordinary way.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Any, Generic, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models import query as queries
from django.db.models.query import FlatValuesListIterable, ModelIterable
from django.db.models.sql import UpdateQuery
from django.db.transaction import TransactionManagementError

Row = TypeVar("Row")


@dataclass(frozen=True)
class _Blank:
    """What stands among the parameters of the SQL where a value is filled in."""

    name: str


class Slot(models.Expression):
    """Where the value of that name is filled in: one value of a lookup, never a list and never *nothing*."""

    def __init__(self, name: str) -> None:
        super().__init__(output_field=models.Field())
        self.name = name

    def as_sql(self, _compiler: Any, _connection: Any) -> tuple[str, list[Any]]:
        """Return a placeholder."""
        return "%s", [_Blank(self.name)]


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """The SQL, and how a row becomes what the QuerySet would have yielded."""

    sql: str
    parameters: tuple[Any, ...]
    locks: bool
    converters: list[tuple[int, list[Callable[..., Any]], Any]]
    made: Callable[[Any], Any]

    def converted(self, row: Any, here: Any) -> list[Any]:
        """Return the row with every value as its field understands it."""
        values = list(row)
        for position, through, column in self.converters:
            for one in through:
                values[position] = one(values[position], column, here)
        return values


class CompiledQuery(Generic[Row]):
    """A QuerySet of rows, or of ``values_list``, whose SQL is written once in the life of a process.

    ``build`` is called once, with a :class:`Slot` for each of the names. What ``select_related`` and ``annotate`` say
    comes along; ``prefetch_related`` does not.
    """

    def __init__(self, build: Callable[..., Any], *names: str) -> None:
        self.build, self.names = build, names

    def __call__(self, **values: Any) -> list[Row]:
        """Ask, with these values, and return the rows.

        Raises TypeError for a name too many or too few and for None, which SQL would compare with nothing; and
        TransactionManagementError when rows are to be locked and no transaction would hold them.
        """
        here, plan = _here(), self._plan
        if plan.locks and here.get_autocommit():
            raise TransactionManagementError("select_for_update cannot be used outside of a transaction.")
        with _cursor(here) as cursor:
            cursor.execute(plan.sql, _filled(plan.parameters, self.names, values))
            rows = cursor.fetchall()
        if plan.converters:
            rows = [plan.converted(row, here) for row in rows]
        return [plan.made(row) for row in rows]

    def first(self, **values: Any) -> Row | None:
        """Return the first row, or None."""
        return next(iter(self(**values)), None)

    @cached_property
    def _plan(self) -> _Plan:
        queryset = self.build(**{name: Slot(name) for name in self.names})
        compiler = queryset.query.get_compiler(DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        found = compiler.get_converters([one[0] for one in compiler.select])
        return _Plan(
            sql=sql,
            parameters=tuple(parameters),
            locks=queryset.query.select_for_update,
            converters=[(position, *how) for position, how in found.items()],
            made=_instances_of(compiler) if queryset._iterable_class is ModelIterable else _values_of(queryset),
        )


class CompiledUpdate:
    """An ``update()`` of the rows of a QuerySet whose SQL is written once; both are given by ``build``."""

    def __init__(self, build: Callable[..., tuple[Any, dict[str, Any]]], *names: str) -> None:
        self.build, self.names = build, names

    def __call__(self, **values: Any) -> int:
        """Write, with these values, and return how many rows there were. Raises TypeError as a question does."""
        sql, parameters = self._statement
        with _cursor(_here()) as cursor:
            cursor.execute(sql, _filled(parameters, self.names, values))
            return int(cursor.rowcount)

    @cached_property
    def _statement(self) -> tuple[str, tuple[Any, ...]]:
        rows, changes = self.build(**{name: Slot(name) for name in self.names})
        query = rows.query.chain(UpdateQuery)
        query.add_update_values(changes)
        sql, parameters = query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
        return sql, tuple(parameters)


def _filled(parameters: tuple[Any, ...], names: tuple[str, ...], values: dict[str, Any]) -> list[Any]:
    """Return the parameters with the values where they belong."""
    if values.keys() != set(names) or None in values.values():
        raise TypeError(f"each of {names} needs a value, and nothing else does: {values}")
    return [values[one.name] if isinstance(one, _Blank) else one for one in parameters]


def _values_of(queryset: Any) -> Callable[[Any], Any]:
    """Return what makes of a row what ``values_list`` yields."""
    return itemgetter(0) if queryset._iterable_class is FlatValuesListIterable else tuple


def _instances_of(compiler: Any) -> Callable[[Any], Any]:
    """Return what makes of a row an instance, with those that ``select_related`` names, as ``ModelIterable`` does."""
    about, select, annotations = compiler.klass_info, compiler.select, compiler.annotation_col_map or {}
    model, first, end = about["model"], about["select_fields"][0], about["select_fields"][-1] + 1
    names = [one[0].target.attname for one in select[first:end]]
    populator: Any = vars(queries)["RelatedPopulator"]  # the stubs leave it out
    related = [populator(one, select, DEFAULT_DB_ALIAS) for one in about.get("related_klass_infos", [])]

    def made(row: Any) -> Any:
        instance = model.from_db(DEFAULT_DB_ALIAS, names, row[first:end])
        for one in related:
            one.populate(row, instance)
        for name, position in annotations.items():
            setattr(instance, name, row[position])
        return instance

    return made


def insert(*rows: models.Model, ignore_conflicts: bool = False) -> None:
    """Insert new rows of one model in one statement, as ``bulk_create`` does: no signals, nothing read back.

    Every value must be there already: a default of the database's is not asked for, and of a key that the database
    counts up nothing is known afterwards. With ``ignore_conflicts`` a row that a constraint keeps out is left out.
    """
    fields, head = _head_of(type(rows[0]))
    here = _here()
    values = [field.get_db_prep_save(field.pre_save(row, add=True), here) for row in rows for field in fields]
    each = f"({', '.join(['%s'] * len(fields))})"
    ending = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    with _cursor(here) as cursor:
        cursor.execute(f"{head} VALUES {', '.join([each] * len(rows))}{ending}", values)
    for row in rows:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


@lru_cache
def _head_of(model: type[models.Model]) -> tuple[list[Any], str]:
    """Return the fields that are written, and how the statement begins."""
    meta, quoted = model._meta, _here().ops.quote_name
    fields = [one for one in meta.local_concrete_fields if not isinstance(one, models.AutoField)]
    return fields, f"INSERT INTO {quoted(meta.db_table)} ({', '.join(quoted(one.column) for one in fields)})"


def _here() -> Any:
    """Return this thread's connection itself: the proxy looks it up anew for every attribute."""
    return connections[DEFAULT_DB_ALIAS]


def _cursor(here: Any) -> Any:
    """Return a cursor that leaves the values to PostgreSQL, which then plans only once what it is asked often."""
    here.close_if_health_check_failed()
    here.ensure_connection()
    with here.wrap_database_errors:
        return here._prepare_cursor(psycopg.Cursor(here.connection))
