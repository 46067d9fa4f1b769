"""The second readers' side of the differential test, one command a step; see rounds.ts, which runs Sluice in between.

generate FOLDER: makes the tables of `plan.json`, which is {seed, tables, systems, most_rows} or {cases, systems}.
way_back FOLDER: the pipeline from the DuckDB file, for the loads into it that succeeded.
compare FOLDER: prints the differences as JSON.
show FOLDER TABLE: prints the source of a table, for a person.
"""

import json
import pickle
import random
import sys
from dataclasses import asdict, replace
from pathlib import Path

from compare import Difference, Outcome, compare, read_found, text_columns, unclear
from not_yet import is_read_again, is_written
from mysql import mysql_sql
from project import AGAIN, DESTINATIONS, FILE_DESTINATIONS, REMOTE, local_path, write_project, write_way_back
from sources import postgres_sql
from tables import DATABASES, FORMATS, Table, make_table

_TABLES = "tables.pickle"


def generate(folder: Path) -> None:
    plan = json.loads((folder / "plan.json").read_text())
    if "cases" in plan:
        tables, destinations = _cases(plan["cases"])
    else:
        rng = random.Random(plan["seed"])
        tables = [
            make_table(rng, f"t{number}", FORMATS[number % len(FORMATS)], plan["most_rows"], plan["long_share"]) for number in range(plan["tables"])
        ]
        destinations = {table.name: _destinations(rng, table) for table in tables}
    write_project(folder / "project", plan, tables, destinations)
    (folder / _TABLES).write_bytes(pickle.dumps((tables, destinations)))


def _destinations(rng: random.Random, table: Table) -> list[str]:
    """All of them for most; one alone for some, which then gets the rows while they are read."""
    if table.source in (*DATABASES, "arrow") and rng.random() < 0.3:
        return [rng.choice(["postgres", "arrow", "s3_arrow"])]
    types = [column.type for column in table.columns]
    remote = [f"{place}_{rng.choice(FILE_DESTINATIONS)}" for place in REMOTE]
    kinds = [kind for kind in (*DESTINATIONS, *remote) if is_written(kind, types)]
    again = rng.sample(kinds, min(2, len(kinds)))
    return kinds + [f"{kind} {AGAIN}" for kind in again if is_read_again(kind, types)]


def _cases(cases: list[dict]) -> tuple[list[Table], dict]:
    """Smaller forms of tables that have failed: {from, table, destination, columns, rows, name}."""
    tables, destinations = [], {}
    for case in cases:
        origin = next(table for table in _load(Path(case["from"]))[0] if table.name == case["table"])
        tables.append(replace(origin.only(case["columns"], case["rows"]), name=case["name"]))
        destinations[case["name"]] = sorted({case["destination"], case["destination"].removesuffix(f" {AGAIN}"), "parquet"})
    return tables, destinations


def _load(folder: Path) -> tuple[list[Table], dict]:
    return pickle.loads((folder / _TABLES).read_bytes())


def way_back(folder: Path) -> None:
    _, outcomes = _outcomes(folder, "there")
    tables, destinations = _load(folder)
    failed = {outcome.step for outcome in outcomes}
    streams = []
    for table in tables:
        for destination in destinations[table.name]:
            kind = _read_back(destination)
            if kind is not None and not _is_failed(table.name, kind, failed):
                streams.append((table.name, kind))
    write_way_back(folder / "project", list(dict.fromkeys(streams)))


def _read_back(destination: str) -> str | None:
    """The destination that the way back reads, where the destination is compared after that only."""
    return "duckdb" if destination == "duckdb" else destination.removesuffix(f" {AGAIN}") if AGAIN in destination else None


def _outcomes(folder: Path, pipeline: str) -> tuple[bool, list[Outcome]]:
    path = folder / f"{pipeline}.json"
    if not path.exists():
        return False, []
    return True, [Outcome(**outcome) for outcome in json.loads(path.read_text())]


def _is_failed(table: str, destination: str, failed: set[str]) -> bool:
    return f"extract:{table}" in failed or f"load:{table}\u2192{destination}" in failed


def compare_all(folder: Path) -> None:
    plan = json.loads((folder / "plan.json").read_text())
    tables, destinations = _load(folder)
    by_name = {table.name: table for table in tables}
    _, there = _outcomes(folder, "there")
    _, back = _outcomes(folder, "back")
    failed = {outcome.step for outcome in there}
    failed_back = {outcome.step for outcome in back}
    differences: list[Difference] = []
    compared = 0
    for table in tables:
        texts = text_columns(folder / "project", table.name) if not _is_failed(table.name, "parquet", failed) else set()
        for destination in destinations[table.name]:
            kind = _read_back(destination)
            if _is_failed(table.name, kind or destination, failed):
                continue
            if kind is not None and _is_failed(f"{table.name}_{kind}", "parquet", failed_back):
                continue
            compared += 1
            differences += _compare_one(folder, plan["systems"], table, destination, texts)
    refusals = [outcome for outcome in there + back if outcome.message != ""]
    for outcome in refusals:
        stream, _, where = outcome.step.split(":", 1)[1].partition("\u2192")
        table = max((name for name in by_name if stream == name or stream.startswith(f"{name}_")), key=len)
        again = stream[len(table) + 1 :]
        why = unclear(outcome, by_name[table])
        if why is not None:
            where = f"{again} {AGAIN}" if again else where or "extract"
            differences.append(Difference(table, where, "", 0, 0, f"{outcome.step} {why}: {outcome.message}"))
    report = {
        "tables": len(tables),
        "compared": compared,
        "refusals": [asdict(outcome) for outcome in refusals],
        "differences": [{**asdict(difference), "columns": _columns(by_name, difference)} for difference in differences],
    }
    print(json.dumps(report))


def _columns(by_name: dict[str, Table], difference: Difference) -> list[str]:
    names = [column.name for column in by_name[difference.table].columns]
    return [difference.column] if difference.column else names


def _compare_one(folder: Path, systems: dict, table: Table, destination: str, texts: set[str]) -> list[Difference]:
    try:
        return compare(table, destination, read_found(folder / "project", systems, table.name, destination), texts)
    except Exception as error:  # A reader that cannot read what was written is what this is about.
        what = f"cannot be read: {type(error).__name__}: {error}"
        return [Difference(table.name, destination, "", 0, len(table.rows), what)]


def show(folder: Path, name: str) -> None:
    table = next(table for table in _load(folder)[0] if table.name == name)
    for column in table.columns:
        print(f"{column.name!r} {column.type}: {', '.join(repr(value) for value in column.values):.2000}")
    if table.source == "postgres":
        print(postgres_sql(table), end="")
    elif table.source == "mysql":
        print(mysql_sql(table), end="")
    elif table.source in ("csv", "tsv", "ndjson", "json"):
        print(local_path(folder / "project", table).read_bytes()[:4_000])


if __name__ == "__main__":
    command, place, *rest = sys.argv[1:]
    {"generate": generate, "way_back": way_back, "compare": compare_all, "show": show}[command](Path(place), *rest)
