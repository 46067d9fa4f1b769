"""Reads what Sluice wrote, by readers that it is not built from: a row's number to its values by column."""

import csv
import io
import re
import sqlite3
import subprocess
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sources import NUMBER, _UNITS_NS
from values import Date, Duration, JsonText, Pairs, Stamp, Time, float32, parse_duration, parse_json, parse_moment


class Found:
    """A table as it was read."""

    def __init__(self, names: list[str], rows: list[list], types: list[str] | None = None):
        self.names = names
        self.types = types or [""] * len(names)
        place = names.index(NUMBER)
        self.rows = {int(row[place]): dict(zip(names, row)) for row in rows}
        if len(self.rows) != len(rows):
            raise ValueError("a row comes twice")


def read_csv(path: Path, delimiter: str = ",") -> Found:
    text = path.read_bytes().decode()
    csv.field_size_limit(2**30)
    lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    quoted = _quoted(text, delimiter)
    if [len(row) for row in quoted] != [len(line) for line in lines]:
        raise ValueError("the file is not RFC 4180: two readers see other fields")
    rows = [
        [None if field == "" and not is_quoted else field for field, is_quoted in zip(line, marks)]
        for line, marks in zip(lines[1:], quoted[1:])
    ]
    return Found(lines[0], rows)


def _quoted(text: str, delimiter: str) -> list[list[bool]]:
    """Of each field whether it is in quotes, which Python's module does not tell."""
    rows: list[list[bool]] = [[]]
    place, is_start = 0, True
    while place < len(text):
        if is_start:
            rows[-1].append(text[place] == '"')
            is_start = False
            if text[place] == '"':
                place += 1
                while text[place] != '"' or text[place + 1 : place + 2] == '"':
                    place += 2 if text[place] == '"' else 1
                place += 1
                continue
        character = text[place]
        place += 1
        if character == delimiter:
            is_start = True
            if place == len(text):
                rows[-1].append(False)
        elif character == "\n":
            is_start = True
            if place < len(text):
                rows.append([])
    return rows


def read_json_lines(path: Path) -> Found:
    return _of_objects([parse_json(line) for line in path.read_bytes().decode().split("\n") if line != ""])


def read_json(path: Path) -> Found:
    return _of_objects(parse_json(path.read_bytes().decode()))


def _of_objects(objects: list[dict]) -> Found:
    names = list(dict.fromkeys(name for one in objects for name in one))
    return Found(names or [NUMBER], [[one.get(name) for name in names] for one in objects])


def read_parquet(path: Path) -> Found:
    return _of_arrow(pq.ParquetFile(path).read())


def read_arrow(path: Path) -> Found:
    with pa.OSFile(str(path)) as source:
        return _of_arrow(pa.ipc.open_file(source).read_all())


def _of_arrow(table: pa.Table) -> Found:
    table.validate(full=True)
    columns = [[_plain(scalar) for scalar in column] for column in table.columns]
    return Found(table.schema.names, [list(row) for row in zip(*columns)], [str(field.type) for field in table.schema])


def _plain(scalar: pa.Scalar):
    """The value without a library's idea of times."""
    type_ = scalar.type
    if isinstance(scalar, pa.ExtensionScalar):
        return _plain(scalar.value) if scalar.value is not None else None
    if not scalar.is_valid:
        return None
    if pa.types.is_date32(type_):
        return Date({2**31 - 1: "infinity", -(2**31) + 1: "-infinity"}.get(scalar.value, scalar.value))
    if pa.types.is_time(type_):
        return Time(scalar.value * _UNITS_NS[type_.unit])
    if pa.types.is_timestamp(type_):
        ends = {2**63 - 1: "infinity", -(2**63) + 1: "-infinity"}
        return Stamp(ends.get(scalar.value, scalar.value * _UNITS_NS[type_.unit]), type_.tz is not None)
    if pa.types.is_struct(type_):
        return {type_[place].name: _plain(scalar[place]) for place in range(type_.num_fields)}
    if pa.types.is_map(type_):
        return Pairs(tuple((_plain(pair["key"]), _plain(pair["value"])) for pair in scalar.values))
    if pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        return [_plain(item) for item in scalar.values]
    if pa.types.is_duration(type_):
        return Duration(0, 0, scalar.value * _UNITS_NS[type_.unit])
    if pa.types.is_interval(type_):
        return Duration(*scalar.as_py())
    if pa.types.is_dictionary(type_):
        return _plain(scalar.value)
    return scalar.as_py()


def read_sqlite(path: Path, table: str) -> Found:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.text_factory = lambda raw: raw.decode("utf-8")
    try:
        declared = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
        rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()
    finally:
        connection.close()
    types = [column[2] for column in declared]
    return Found([column[1] for column in declared], [list(map(of_sqlite, row, types)) for row in rows], types)


def of_sqlite(value, declared: str):
    if value is None:
        return None
    if declared.startswith("BOOL") and value in (0, 1):
        return bool(value)
    return value


def read_postgres(url: str, table: str) -> Found:
    """By psql's text output, of each column as PostgreSQL's own text."""
    describe = (
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        f"WHERE attrelid = '\"{table}\"'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    )
    columns = _copy(url, describe)
    names = [name for name, _ in columns]
    types = [type_ for _, type_ in columns]
    rows = _copy(url, f'SELECT * FROM "{table}"')
    return Found(names, [list(map(_of_postgres, row, types)) for row in rows], types)


def psql(url: str, script: str) -> str:
    """Throws where a statement fails."""
    settings = "-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=iso_8601 -c client_encoding=UTF8"
    done = subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", url],
        input=script.encode(), capture_output=True, env={**__import__("os").environ, "PGOPTIONS": settings}, check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"psql: {done.stderr.decode()}")
    return done.stdout.decode()


def _copy(url: str, select: str) -> list[list[str | None]]:
    output = psql(url, f"COPY ({select}) TO STDOUT;\n")
    return [[_uncopied(field) for field in line.split("\t")] for line in output.split("\n")[:-1]]


_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _uncopied(field: str) -> str | None:
    if field == r"\N":
        return None
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), field, flags=re.DOTALL)


def _of_postgres(text: str | None, type_: str):
    if text is None:
        return None
    if type_.endswith("[]"):
        return _array(text, type_.removesuffix("[]"))
    if type_ in ("smallint", "integer", "bigint"):
        return int(text)
    if type_.startswith("numeric") and text not in ("NaN", "Infinity", "-Infinity"):
        return Decimal(text)
    if type_ == "real":
        return float32(float(text))
    if type_ == "double precision":
        return float(text)
    if type_ == "boolean":
        return text == "t"
    if type_ == "bytea":
        return bytes.fromhex(text[2:])
    if type_.startswith(("timestamp", "date", "time")):
        return text if text.endswith("infinity") else parse_moment(text)
    return parse_duration(text) if type_ == "interval" else text


def _array(text: str, element: str) -> list:
    """An array literal of one dimension."""
    items, place = [], 1
    while text[place] != "}":
        found = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,}]*)', re.DOTALL).match(text, place)
        quoted, plain = found.groups()
        value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
        items.append(None if quoted is None and plain == "NULL" else _of_postgres(value, element))
        place = found.end() + (text[found.end()] == ",")
    return items


__all__ = ["Found", "JsonText", "of_sqlite", "psql", "read_arrow", "read_csv", "read_json", "read_json_lines", "read_parquet", "read_postgres"]
