"""Compares what came out at each destination with what was generated."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq

from destinations import Found, read_arrow, read_csv, read_json, read_json_lines, read_parquet, read_postgres, read_sqlite
from libsql import read_libsql
from mysql import read_mysql
from sources import NUMBER
from tables import Table
from project import AGAIN, TEXT_FORMATS, format_of
from values import Either, Field, JsonString, Stamp, after_text, parse_moment, same


@dataclass(frozen=True)
class Difference:
    table: str
    destination: str
    """Empty where the table as a whole is meant."""
    column: str
    """Of the first row that differs, and of how many; 0 where the table as a whole is meant."""
    row: int
    rows: int
    what: str


@dataclass(frozen=True)
class Outcome:
    """What a run said of a step that was not done."""

    step: str
    code: str
    message: str


def read_found(folder: Path, systems: dict, table: str, destination: str) -> Found:
    out = folder / "out"
    if AGAIN in destination or destination == "duckdb":
        return read_parquet(out / f"back_{table}_{destination.removesuffix(f' {AGAIN}')}.parquet")
    match destination:
        case "sqlite":
            return read_sqlite(out / "report.sqlite", table)
        case "postgres":
            return read_postgres(systems["postgres"]["url"], table)
        case "mysql":
            return read_mysql(systems["mysql"]["url"], table)
        case "libsql":
            return read_libsql(systems["libsql"]["url"], table)
    place, _, format_ = destination.rpartition("_")
    path = (folder / "at" / place if place else folder) / "out" / f"{table}.{format_}"
    match format_:
        case "csv":
            return read_csv(path)
        case "tsv":
            return read_csv(path, "\t")
        case "ndjson":
            return read_json_lines(path)
        case "json":
            return read_json(path)
        case "arrow":
            return read_arrow(path)
    return read_parquet(path)


def compare(table: Table, destination: str, found: Found, text_columns: set[str]) -> list[Difference]:
    """`text_columns` are those that Sluice holds as text, so that their texts have to be the same."""
    whole = lambda what: Difference(table.name, destination, "", 0, len(table.rows), what)  # noqa: E731
    if AGAIN in destination and format_of(destination) in ("csv", "tsv"):
        # Blanks around a name in a header are no part of it.
        table = replace(table, columns=tuple(replace(column, name=column.name.strip()) for column in table.columns))
    expected = [NUMBER, *(column.name for column in table.columns)]
    # Keys of JSON that no row has are no columns; nor are they among what is found where all are NULL.
    shown = [
        NUMBER,
        *(column.name for column in table.columns if column.name in found.names or any(v is not None for v in column.values)),
    ]
    is_json = "json" in table.source or "json" in destination
    if (sorted if is_json else list)(found.names) != (sorted(shown) if is_json else expected):
        return [whole(f"the columns are {found.names!r} instead of {expected!r}")]
    if sorted(found.rows) != sorted(table.rows):
        lost, more = set(table.rows) - set(found.rows), set(found.rows) - set(table.rows)
        return [whole(f"rows are missing: {sorted(lost)}; rows are too many: {sorted(more)}")]
    differences = []
    for column in table.columns:
        is_typed = column.name not in text_columns
        bad = [
            (row, value, found.rows[row].get(column.name))
            for row, value in zip(table.rows, column.values)
            if not same(_held(value, destination), found.rows[row].get(column.name), is_typed)
        ]
        if bad:
            row, value, other = bad[0]
            what = f"{column.type}: {value!r:.200} became {other!r:.200}"
            differences.append(Difference(table.name, destination, column.name, row, len(bad), what))
    return differences


def _held(value, destination: str):
    kind, _, again = destination.partition(" ")
    if kind in ("sqlite", "libsql", "mysql") and isinstance(value, float) and value == 0:
        # SQLite and MariaDB themselves store no sign of a zero.
        return 0.0
    if kind == "mysql":
        return _in_mysql(value)
    return after_text(value, "json" in kind) if again and format_of(kind) in TEXT_FORMATS else value


def _in_mysql(value):
    """A moment with a zone is the clock's time in UTC there, also where it was found in a text; true is 1."""
    if isinstance(value, Stamp):
        return replace(value, has_zone=False)
    if isinstance(value, bool):
        return Either((value, int(value)))
    if isinstance(value, (Field, JsonString)) and isinstance(moment := parse_moment(value.text), Stamp) and moment.has_zone:
        return Either((value, replace(moment, has_zone=False)))
    if isinstance(value, Field) and value.text.lower() in ("true", "false"):
        return Either((value, int(value.text.lower() == "true")))
    return value


def text_columns(folder: Path, table: str) -> set[str]:
    """By Parquet's schema, where the table was loaded into Parquet too."""
    path = folder / "out" / f"{table}.parquet"
    if not path.exists():
        return set()
    return {field.name for field in pq.read_schema(path) if str(field.type) in ("string", "large_string")}


def unclear(outcome: Outcome, table: Table) -> str | None:
    """Why a failure is none that a person can do something with; None where it is."""
    if outcome.code == "internal":
        return "is an internal error"
    names_column = any(column.name in outcome.message for column in table.columns)
    names_place = re.search(r"\b(line|row|rowid|value)\b", outcome.message) is not None
    return None if names_column or names_place else "names neither a column nor a row"


__all__ = ["Difference", "Outcome", "compare", "read_found", "text_columns", "unclear"]
