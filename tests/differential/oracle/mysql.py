"""Tables of MySQL and MariaDB by their own command line, each value as hexadecimal of the server's own text."""

import os
import subprocess
from decimal import Decimal
from urllib.parse import unquote, urlsplit

from destinations import Found
from sources import names, records
from tables import Table
from values import Date, Float32, JsonText, Stamp, Time, Uuid, clock_text, date_text, parse_moment, stamp_text


def run(url: str, script: str) -> str:
    """Throws where a statement fails."""
    place = urlsplit(url)
    done = subprocess.run(
        [
            "mariadb", "--no-defaults", "--batch", "--raw", "--skip-column-names", "--binary-mode", "--default-character-set=utf8mb4",
            f"--host={place.hostname}", f"--port={place.port}", f"--user={unquote(place.username or '')}", place.path.lstrip("/"),
        ],
        input=f"SET time_zone = '+00:00';\n{script}".encode(),
        capture_output=True,
        env={**os.environ, "MYSQL_PWD": unquote(place.password or "")},
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"mariadb: {done.stderr.decode()}")
    return done.stdout.decode()


def mysql_sql(table: Table, prefix: str = "") -> str:
    """Statements that make the table, its name behind the prefix."""
    declared = ["bigint", *(column.type.replace(" with nul", "") for column in table.columns)]
    columns = ", ".join(f"{_quoted(name)} {type_}" for name, type_ in zip(names(table), declared))
    rows = ",\n".join(f"({', '.join(map(_literal, record))})" for record in records(table))
    made = _quoted(f"{prefix}{table.name}")
    return f"CREATE TABLE {made} ({columns}) CHARACTER SET utf8mb4;\nINSERT INTO {made} VALUES {rows};\n"


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _literal(value) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return "1" if value else "0"
        case int():
            return str(value)
        case Decimal():
            return format(value, "f")
        case float():
            return f"{value:.17e}"
        case Float32():
            return f"{value.value:.17e}"
        case bytes():
            return f"X'{value.hex()}'"
        case Date():
            return f"'{date_text(value.days)}'"
        case Time():
            return f"'{clock_text(value.ns)}'"
        case Stamp():
            return f"'{stamp_text(Stamp(value.ns, False))}'"
        case JsonText() | Uuid():
            return _text(value.text)
    return _text(value)


def _text(value: str) -> str:
    return f"CONVERT(X'{value.encode().hex()}' USING utf8mb4)"


def read_mysql(url: str, table: str) -> Found:
    described = run(
        url,
        f"SELECT HEX(COLUMN_NAME), COLUMN_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() "
        f"AND TABLE_NAME = '{table}' ORDER BY ORDINAL_POSITION;\n",
    )
    columns = [line.split("\t") for line in described.splitlines()]
    found = [bytes.fromhex(name).decode() for name, _ in columns]
    types = [type_ for _, type_ in columns]
    selected = ", ".join(_hex_of(name, type_) for name, type_ in zip(found, types))
    lines = run(url, f"SELECT {selected} FROM {_quoted(table)};\n").splitlines()
    rows = [list(map(_value, line.split("\t"), types)) for line in lines]
    return Found(found, rows, types)


def _hex_of(name: str, type_: str) -> str:
    quoted = _quoted(name)
    if type_.endswith(("blob", ")")) and "binary" in type_ or type_.endswith("blob"):
        return f"HEX({quoted})"
    if type_.startswith(("float", "double")):
        # The server shows six digits of a float.
        return f"HEX(CONVERT(CAST({quoted} AS DOUBLE) USING utf8mb4))"
    return f"HEX(CONVERT({quoted} USING utf8mb4))"


def _value(text: str, type_: str):
    if text == "NULL":
        return None
    raw = bytes.fromhex(text)
    if type_.endswith("blob") or "binary" in type_:
        return raw
    shown = raw.decode()
    if type_ == "tinyint(1)" and shown in ("0", "1"):
        return shown == "1"
    if "int" in type_:
        return int(shown)
    if type_.startswith("decimal"):
        return Decimal(shown)
    if type_.startswith(("float", "double")):
        return float(shown)
    if type_.startswith(("date", "time")):
        return parse_moment(shown)
    return shown


__all__ = ["mysql_sql", "read_mysql", "run"]
