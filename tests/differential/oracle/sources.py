"""Writes generated tables as a source has them, by nothing that Sluice is built from."""

import json
import sqlite3
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tables import Column, Table
from values import (
    DAY_NS, Date, Duration, Field, Float32, JsonNumber, JsonString, JsonText, Mixed, Pairs, Stamp, Time, Uuid, clock_text, date_text, stamp_text,
)

NUMBER = "n"
"""The column of the rows' numbers."""


def records(table: Table):
    for place, row in enumerate(table.rows):
        yield [row, *(column.values[place] for column in table.columns)]


def names(table: Table) -> list[str]:
    return [NUMBER, *(column.name for column in table.columns)]


def write_file(table: Table, path: Path) -> None:
    if table.source in ("csv", "tsv"):
        path.write_bytes(_separated(table, "," if table.source == "csv" else "\t"))
    elif table.source in ("ndjson", "json"):
        path.write_bytes(_json_file(table))
    elif table.source == "parquet":
        pq.write_table(arrow_table(table), path, row_group_size=7)
    elif table.source == "arrow":
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, arrow_table(table).schema) as writer:
            for batch in arrow_table(table).to_batches(max_chunksize=7):
                writer.write_batch(batch)


def _separated(table: Table, delimiter: str) -> bytes:
    """RFC 4180: a value is quoted where it has to be; nothing is NULL, and "" an empty text."""

    def field(value) -> str:
        if value is None:
            return ""
        text = value.text if isinstance(value, Field) else str(value)
        needs_quotes = text == "" or any(mark in text for mark in (delimiter, '"', "\n", "\r")) or text != text.strip()
        return '"' + text.replace('"', '""') + '"' if needs_quotes or text.startswith("\ufeff") else text

    lines = [delimiter.join(field(Field(name)) for name in names(table))]
    lines += [delimiter.join(map(field, record)) for record in records(table)]
    return ("\n".join(lines) + "\n").encode()


def json_text(value) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case JsonNumber():
            return value.text
        case Mixed():
            return json_text(value.value)
        case JsonString():
            # Half of the texts with escapes, half without.
            return json.dumps(value.text, ensure_ascii=len(value.text) % 2 == 0)
        case list():
            return "[" + ",".join(map(json_text, value)) + "]"
        case dict():
            return "{" + ",".join(f"{json.dumps(key)}:{json_text(item)}" for key, item in value.items()) + "}"
    raise TypeError(f"no JSON of {value!r}")


def _json_file(table: Table) -> bytes:
    """A key of a NULL is left out in every second row."""
    lines = [
        json_text({
            name: value for place, (name, value) in enumerate(zip(names(table), record))
            if value is not None or (place + record[0]) % 2 == 0
        })
        for record in records(table)
    ]
    text = "\n".join(lines) + "\n" if table.source == "ndjson" else "[" + ",\n".join(lines) + "]\n"
    return text.encode()


_NAMED_TYPES = {
    **{name: getattr(pa, name)() for name in ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]},
    "float32": pa.float32(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "string": pa.string(),
    "string with nul": pa.string(),
    "large_string": pa.large_string(),
    "dictionary": pa.dictionary(pa.int32(), pa.string()),
    "binary": pa.binary(),
    "fixed_binary": pa.binary(4),
    "date32": pa.date32(),
    "list<int64>": pa.list_(pa.int64()),
    "list<string>": pa.list_(pa.string()),
    "list<float64>": pa.list_(pa.float64()),
    "list<decimal>": pa.list_(pa.decimal128(18, 18)),
    "list<timestamp>": pa.list_(pa.timestamp("us")),
    "list<list<int64>>": pa.list_(pa.list_(pa.int64())),
    "fixed_list<int32>": pa.list_(pa.int32(), 2),
    "struct": pa.struct({"a": pa.int64(), "B b": pa.string(), "d": pa.date32()}),
    "struct of struct": pa.struct({"x": pa.struct({"y": pa.decimal128(38, 10), "z": pa.float64()})}),
    "list<struct>": pa.list_(pa.struct({"a": pa.int32(), "t": pa.timestamp("us", "UTC")})),
    "null": pa.null(),
    "map": pa.map_(pa.string(), pa.int64()),
    "month_day_nano_interval": pa.month_day_nano_interval(),
}


def arrow_type(label: str) -> pa.DataType:
    if label in _NAMED_TYPES:
        return _NAMED_TYPES[label]
    kind, _, inside = label.rstrip("])").replace("(", "[").partition("[")
    arguments = inside.split(", ")
    if kind in ("decimal128", "decimal256"):
        return getattr(pa, kind)(*map(int, arguments))
    if kind == "timestamp":
        return pa.timestamp(arguments[0], arguments[1][3:] if len(arguments) > 1 else None)
    return getattr(pa, kind)(inside)


def arrow_table(table: Table) -> pa.Table:
    types = [pa.int64(), *(arrow_type(column.type) for column in table.columns)]
    columns = [table.rows, *(column.values for column in table.columns)]
    arrays = [_arrow_array(column, type_) for column, type_ in zip(columns, types)]
    return pa.Table.from_arrays(arrays, names=names(table))


_UNITS_NS = {"s": 10**9, "ms": 10**6, "us": 1_000, "ns": 1}


def _arrow_array(values, type_: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(type_):
        return pa.array(values, pa.string()).dictionary_encode().cast(type_)
    if pa.types.is_struct(type_):
        members = [_arrow_array([None if v is None else v[f.name] for v in values], f.type) for f in type_]
        mask = pa.array([value is None for value in values], pa.bool_())
        return pa.StructArray.from_arrays(members, fields=list(type_), mask=mask)
    if pa.types.is_fixed_size_list(type_):
        size = type_.list_size
        flat = [item for value in values for item in (value if value is not None else [None] * size)]
        mask = pa.array([value is None for value in values], pa.bool_())
        return pa.FixedSizeListArray.from_arrays(_arrow_array(flat, type_.value_type), type=type_, mask=mask)
    if pa.types.is_list(type_):
        offsets, total = [], 0
        for value in values:
            offsets.append(None if value is None else total)
            total += 0 if value is None else len(value)
        flat = [item for value in values if value is not None for item in value]
        return pa.ListArray.from_arrays(pa.array([*offsets, total], pa.int32()), _arrow_array(flat, type_.value_type))
    return pa.array([_arrow_value(value, type_) for value in values], _storage(type_)).cast(type_)


def _storage(type_: pa.DataType) -> pa.DataType:
    """Times are handed to Arrow as the integers that they are."""
    if pa.types.is_timestamp(type_) or pa.types.is_time64(type_) or pa.types.is_duration(type_):
        return pa.int64()
    return pa.int32() if pa.types.is_time32(type_) or pa.types.is_date32(type_) else type_


def _arrow_value(value, type_: pa.DataType):
    match value:
        case Float32():
            return value.value
        case Date():
            return value.days
        case Time() | Stamp():
            return value.ns // _UNITS_NS[type_.unit]
        case Duration():
            if pa.types.is_duration(type_):
                return value.ns // _UNITS_NS[type_.unit]
            return pa.MonthDayNano((value.months, value.days, value.ns))
        case Pairs():
            return list(value.items)
    return value


def write_sqlite(tables: list[Table], path: Path) -> None:
    connection = sqlite3.connect(path)
    for table in tables:
        quoted = [f'"{name}"'.replace('"', '""')[1:-1] for name in names(table)]
        declared = ["INTEGER", *(column.type for column in table.columns)]
        columns = ", ".join(f"{name} {type_}" for name, type_ in zip(quoted, declared))
        connection.execute(f'CREATE TABLE "{table.name}" ({columns})')
        marks = ", ".join("?" * len(quoted))
        connection.executemany(
            f'INSERT INTO "{table.name}" VALUES ({marks})',
            ([sqlite_value(value, type_) for value, type_ in zip(record, declared)] for record in records(table)),
        )
    connection.commit()
    connection.close()


def sqlite_value(value, declared: str):
    match value:
        case bool():
            return int(value)
        case Decimal():
            return str(value) if "TEXT" in declared else float(value)
        case Date():
            return date_text(value.days)
        case Time():
            return clock_text(value.ns)
        case Stamp():
            return stamp_text(value, "T" if value.ns % 2 else " ")
        case JsonText() | Uuid():
            return value.text
    return value


def postgres_sql(table: Table) -> str:
    """Statements that make the table: what a person needs who wants to see a failure again."""
    declared = ["bigint", *(column.type for column in table.columns)]
    quoted = ['"' + name.replace('"', '""') + '"' for name in names(table)]
    columns = ", ".join(f"{name} {type_}" for name, type_ in zip(quoted, declared))
    lines = [f'CREATE TABLE "{table.name}" ({columns});']
    for record in records(table):
        literals = [_literal(value, type_) for value, type_ in zip(record, declared)]
        lines.append(f'INSERT INTO "{table.name}" VALUES ({", ".join(literals)});')
    return "\n".join(lines) + "\n"


def _literal(value, declared: str) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        element = declared.removesuffix("[]")
        return f"ARRAY[{', '.join(_literal(item, element) for item in value)}]::{declared}"
    text = postgres_text(value)
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'::{declared}"


def postgres_text(value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Float32():
            return repr(value.value)
        case bytes():
            return "\\x" + value.hex()
        case Date():
            return date_text(value.days)
        case Time():
            return clock_text(value.ns)
        case Stamp():
            return stamp_text(value)
        case Duration():
            return f"{value.months} months {value.days} days {value.ns // 1_000} microseconds"
        case JsonText() | Uuid():
            return value.text
        case Decimal():
            return format(value, "f")
    return str(value)


__all__ = ["Column", "DAY_NS", "arrow_table", "json_text", "names", "postgres_sql", "records", "sqlite_value", "write_file", "write_sqlite"]
