"""The project whose pipelines carry generated tables through Sluice: each table a stream, each destination a load."""

import json
from pathlib import Path

from destinations import psql
from sources import NUMBER, postgres_sql, write_file, write_sqlite
from tables import Table

TEXT_FORMATS = ("csv", "tsv", "ndjson", "json")
AGAIN = "again"
"""Behind a destination: what was written there is read by Sluice again."""
FILE_DESTINATIONS = ("csv", "tsv", "ndjson", "json", "parquet", "arrow")
DESTINATIONS = (*FILE_DESTINATIONS, "sqlite", "postgres", "duckdb")


def write_project(folder: Path, url: str, tables: list[Table], destinations: dict[str, list[str]]) -> None:
    """`destinations` of each table by name. Makes the tables in their sources too."""
    for part in ("pipelines", "data", "out"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    connectors = {
        "files": {"type": "file"},
        **{kind: {"type": "file"} for kind in FILE_DESTINATIONS},
        "source": {"type": "sqlite", "path": "data/source.sqlite"},
        "sqlite": {"type": "sqlite", "path": "out/report.sqlite"},
        "duckdb": {"type": "duckdb", "path": "out/lake.duckdb"},
        "shop": {"type": "postgres", "url": url, "schema": "source"},
        "postgres": {"type": "postgres", "url": url},
    }
    (folder / "connectors.yaml").write_text(json.dumps(connectors, indent=1))
    for table in tables:
        if table.source not in ("sqlite", "postgres"):
            write_file(table, folder / "data" / f"{table.name}.{table.source}")
    if any(table.source == "sqlite" for table in tables):
        write_sqlite([table for table in tables if table.source == "sqlite"], folder / "data" / "source.sqlite")
    script = "".join(postgres_sql(table) for table in tables if table.source == "postgres")
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
    return {"connector": "files", "path": f"data/{table.name}.{table.source}"}


def _target(table: str, kind: str) -> dict:
    if kind in FILE_DESTINATIONS:
        return {"connector": kind, "path": f"out/{table}.{kind}"}
    return {"connector": kind, "table": table}


def write_way_back(folder: Path, streams: list[tuple[str, str]]) -> None:
    """Reads what the first pipeline left into Parquet: that of the DuckDB file, which nothing but DuckDB reads, and
    of other destinations. Each stream is a table and a destination."""
    extract = {f"{table}_{kind}": _stream_of(table, kind) for table, kind in streams}
    loads = {name: [{"connector": "parquet", "path": f"out/back_{name}.parquet"}] for name in extract}
    write_pipeline(folder, "back", extract, loads)


def _stream_of(table: str, kind: str) -> dict:
    if kind in FILE_DESTINATIONS:
        return {"connector": kind, "path": f"out/{table}.{kind}"}
    return {"connector": kind, "stream": table}


__all__ = ["AGAIN", "DESTINATIONS", "NUMBER", "TEXT_FORMATS", "write_project", "write_way_back"]
