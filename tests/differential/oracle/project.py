"""The project whose pipelines carry generated tables through Sluice: each table a stream, each destination a load."""

import json
from pathlib import Path

from destinations import psql
from libsql import write_libsql
from mysql import mysql_sql
from mysql import run as run_mysql
from sources import NUMBER, postgres_sql, write_file, write_sqlite
from tables import DATABASES, PLACES, Table

TEXT_FORMATS = ("csv", "tsv", "ndjson", "json")
AGAIN = "again"
"""Behind a destination: what was written there is read by Sluice again."""
FILE_DESTINATIONS = ("csv", "tsv", "ndjson", "json", "parquet", "arrow")
DESTINATIONS = (*FILE_DESTINATIONS, "sqlite", "postgres", "duckdb", "mysql", "libsql")
REMOTE = ("s3", "sftp")
"""Where files are loaded to, besides the disk; a destination there is named as s3_csv."""


def format_of(kind: str) -> str | None:
    """Of a destination of files."""
    format_ = kind.removesuffix(f" {AGAIN}").rpartition("_")[2]
    return format_ if format_ in FILE_DESTINATIONS else None


def write_project(folder: Path, plan: dict, tables: list[Table], destinations: dict[str, list[str]]) -> None:
    """`destinations` of each table by name. Makes the tables in their sources too, but for files that are elsewhere:
    those are left at `at/<place>/data`, to be brought there."""
    for part in ("pipelines", "data", "out", *(f"at/{place}/data" for place in PLACES)):
        (folder / part).mkdir(parents=True, exist_ok=True)
    systems = plan["systems"]
    url = systems["postgres"]["url"]
    connectors = {
        **{place: systems[place] for place in PLACES if place != "disk"},
        **{f"{place}_{kind}": systems[place] for place in REMOTE for kind in FILE_DESTINATIONS},
        "disk": {"type": "file"},
        **{kind: {"type": "file"} for kind in FILE_DESTINATIONS},
        "sea": systems["mysql"],
        "mysql": systems["mysql"],
        "turso": systems["libsql"],
        "libsql": systems["libsql"],
        "source": {"type": "sqlite", "path": "data/source.sqlite"},
        "sqlite": {"type": "sqlite", "path": "out/report.sqlite"},
        "duckdb": {"type": "duckdb", "path": "out/lake.duckdb"},
        "shop": {"type": "postgres", "url": url, "schema": "source"},
        "postgres": {"type": "postgres", "url": url},
    }
    (folder / "connectors.yaml").write_text(json.dumps(connectors, indent=1))
    for table in tables:
        if table.source not in DATABASES:
            write_file(table, local_path(folder, table))
    of = lambda source: [table for table in tables if table.source == source]  # noqa: E731
    if of("sqlite"):
        write_sqlite(of("sqlite"), folder / "data" / "source.sqlite")
    if of("mysql"):
        run_mysql(systems["mysql"]["url"], "".join(mysql_sql(table, _IN_SOURCE) for table in of("mysql")))
    write_libsql(systems["libsql"]["url"], of("libsql"), _IN_SOURCE)
    script = "".join(postgres_sql(table) for table in of("postgres"))
    (folder / "data" / "source.sql").write_text(script)
    psql(url, f"CREATE SCHEMA IF NOT EXISTS source;\nSET search_path = source;\nBEGIN;\n{script}COMMIT;\n")
    write_pipeline(
        folder,
        "there",
        {table.name: _stream(table) for table in tables},
        {
            table.name: [_target(table.name, kind) for kind in destinations[table.name] if AGAIN not in kind]
            for table in tables
        },
    )


_IN_SOURCE = "source_"
"""What tables of the source are named with where those of the destination are beside them."""


def local_path(folder: Path, table: Table) -> Path:
    return folder / table.path if table.place == "disk" else folder / "at" / table.place / table.path


def write_pipeline(folder: Path, name: str, extract: dict, load: dict) -> None:
    """Each stream and each load on a line of its own, so that a fault's line says which it is."""

    def block(entries: dict) -> str:
        return ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in entries.items())

    text = f'{{"extract": {{\n{block(extract)}\n}},\n"load": {{\n{block(load)}\n}}}}\n'
    (folder / "pipelines" / f"{name}.yaml").write_text(text)


def _stream(table: Table) -> dict:
    if table.source == "sqlite":
        return {"connector": "source", "stream": table.name}
    if table.source == "postgres":
        return {"connector": "shop", "stream": f"source.{table.name}"}
    if table.source in ("mysql", "libsql"):
        return {"connector": {"mysql": "sea", "libsql": "turso"}[table.source], "stream": f"{_IN_SOURCE}{table.name}"}
    return {"connector": table.place, "path": table.path}


def _target(table: str, kind: str) -> dict:
    if (format_ := format_of(kind)) is not None:
        return {"connector": kind, "path": f"out/{table}.{format_}"}
    return {"connector": kind, "table": table}


def write_way_back(folder: Path, streams: list[tuple[str, str]]) -> None:
    """Reads what the first pipeline left into Parquet: that of the DuckDB file, which nothing but DuckDB reads, and
    of other destinations. Each stream is a table and a destination."""
    extract = {f"{table}_{kind}": _stream_of(table, kind) for table, kind in streams}
    loads = {name: [{"connector": "parquet", "path": f"out/back_{name}.parquet"}] for name in extract}
    write_pipeline(folder, "back", extract, loads)


def _stream_of(table: str, kind: str) -> dict:
    if (format_ := format_of(kind)) is not None:
        return {"connector": kind, "path": f"out/{table}.{format_}"}
    return {"connector": kind, "stream": table}


__all__ = [
    "AGAIN", "DESTINATIONS", "FILE_DESTINATIONS", "NUMBER", "REMOTE", "TEXT_FORMATS",
    "format_of", "local_path", "write_project", "write_way_back",
]
