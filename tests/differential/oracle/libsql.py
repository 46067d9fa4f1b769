"""Tables of a libSQL server by its HTTP API with JSON, which the connector does not use."""

import base64
import json
import urllib.request

from destinations import Found, of_sqlite
from sources import names, records, sqlite_value
from tables import Table


def run(url: str, statements: list) -> list:
    """Each is SQL and its values; returns the rows of each. Throws where one fails."""
    requests = [
        {"type": "execute", "stmt": {"sql": sql, "args": [_argument(value) for value in values]}} for sql, values in statements
    ]
    body = json.dumps({"baton": None, "requests": [*requests, {"type": "close"}]}).encode()
    request = urllib.request.Request(f"{url}/v2/pipeline", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        results = json.load(answer)["results"]
    for result in results:
        if result["type"] != "ok":
            raise RuntimeError(f"libsql: {result['error']}")
    return [[[_value(cell) for cell in row] for row in one["response"]["result"]["rows"]] for one in results[:-1]]


def _argument(value) -> dict:
    match value:
        case None:
            return {"type": "null"}
        case int():
            return {"type": "integer", "value": str(value)}
        case float():
            return {"type": "float", "value": value}
        case bytes():
            return {"type": "blob", "base64": base64.b64encode(value).decode()}
    return {"type": "text", "value": value}


def _value(cell: dict):
    match cell["type"]:
        case "null":
            return None
        case "integer":
            return int(cell["value"])
        case "float":
            return float(cell["value"])
        case "blob":
            return base64.b64decode(cell["base64"] + "==")
    return cell["value"]


def write_libsql(url: str, tables: list[Table], prefix: str) -> None:
    for table in tables:
        declared = ["INTEGER", *(column.type for column in table.columns)]
        columns = ", ".join(f"{_quoted(name)} {type_}" for name, type_ in zip(names(table), declared))
        marks = ", ".join("?" * len(declared))
        made = _quoted(f"{prefix}{table.name}")
        insert = f"INSERT INTO {made} VALUES ({marks})"
        rows = [(insert, [sqlite_value(value, type_) for value, type_ in zip(record, declared)]) for record in records(table)]
        run(url, [(f"CREATE TABLE {made} ({columns})", []), ("BEGIN", []), *rows, ("COMMIT", [])])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def read_libsql(url: str, table: str) -> Found:
    [described] = run(url, [(f"PRAGMA table_info({_quoted(table)})", [])])
    found = [column[1] for column in described]
    types = [column[2] for column in described]
    # JSON has no infinity: the server says null.
    selected = ", ".join(f"CASE {name} WHEN 9e999 THEN 'inf' WHEN -9e999 THEN '-inf' ELSE {name} END" for name in map(_quoted, found))
    [rows] = run(url, [(f"SELECT {selected} FROM {_quoted(table)}", [])])
    return Found(found, [list(map(of_sqlite, row, types)) for row in rows], types)


__all__ = ["read_libsql", "write_libsql"]
