"""Generated tables: where each comes from, and the types that its columns have there."""

import math
import random
from dataclasses import dataclass, replace

import edges
from values import Duration, Field, JsonNumber, JsonString, JsonText, Mixed, Pairs, Stamp

FORMATS = ("csv", "tsv", "ndjson", "json", "parquet", "arrow", "sqlite", "postgres", "mysql", "libsql")
DATABASES = ("sqlite", "postgres", "mysql", "libsql")
PLACES = ("disk", "s3", "sftp", "http")
"""Where files are.  Half of them are on the disk."""


@dataclass(frozen=True)
class Column:
    name: str
    """As the format names it."""
    type: str
    values: tuple


@dataclass(frozen=True)
class Table:
    name: str
    source: str
    columns: tuple
    """Besides the columns, each row has its number: the column `n`."""
    rows: tuple
    place: str = "disk"

    @property
    def path(self) -> str:
        """Of a file, relative to the place."""
        return f"data/{self.name}.{self.source}"

    def only(self, columns, rows) -> "Table":
        """The same table with some of its columns, by name, and some of its rows, by number."""
        places = [self.rows.index(row) for row in rows]
        kept = [
            replace(column, values=tuple(column.values[place] for place in places))
            for column in self.columns
            if column.name in columns
        ]
        return replace(self, columns=tuple(kept), rows=tuple(rows))


def make_table(rng: random.Random, name: str, source: str, most_rows: int = 40, long_share: float = 0.0) -> Table:
    # DuckDB takes 2,048 rows at a time, and a sample of files ends somewhere.
    rows = rng.choice([1, 2, 5, rng.randint(1, most_rows)]) if rng.random() > long_share else rng.randint(2_000, 6_000)
    types = TYPES[source]
    known = sorted(types)
    labels = rng.sample(known, min(rng.randint(1, 5), len(known)))
    names = [f"c{place}" if rng.random() < 0.6 else other for place, other in enumerate(rng.sample(edges.NAMES, len(labels)))]
    if source in ("csv", "tsv"):
        # Blanks around a name in a header are no part of it.
        names = [name.strip() for name in names]
    if source == "mysql":
        names = [other if is_mysql_name(other) else f"c{place}" for place, other in enumerate(names)]
    if source == "postgres":
        names = [other if len(other.encode()) < 63 else f"c{place}" for place, other in enumerate(names)]
    columns = [
        Column(names[place], label, tuple(types[label](rng, rows))) for place, label in enumerate(labels)
    ]
    place = rng.choice([*PLACES, "disk", "disk"]) if source not in DATABASES else "disk"
    return Table(name, source, tuple(columns), tuple(range(1, rows + 1)), place)


def is_mysql_name(name: str) -> bool:
    """MySQL's names have no characters beyond U+FFFF and no blank at their end."""
    return name.rstrip() == name and len(name) <= 64 and max(map(ord, name)) < 0x10000


def _json_texts(rng: random.Random, rows: int) -> list:
    texts = ["{}", "[]", "null", "1", "1.10", '"text"', '{"b":1,"a":2}', '{"a":1,"a":2}', "[1, 2.50, null]", "12345678901234567890123"]
    texts += ['{"\u00e9":"\U0001f600"}', "true", '{"a":{"b":[{"c":null}]}}', '"\\u00e9"', "1e400", '{ "spaced" : 1 }', "-0"]
    return [None if text is None else JsonText(text) for text in edges.pick(rng, texts, lambda r: r.choice(texts), rows)]


_NUMBER_TEXTS = {
    "integer texts": ["0", "1", "-1", "9007199254740993", "9223372036854775807", "-9223372036854775808"],
    "wide integer texts": ["9223372036854775808", "18446744073709551616", "-1", "1" + "0" * 37, "9" * 38, "9" * 39, "9" * 60],
    "decimal texts": ["0.1", "1.005", "1.10", "12345678901234.56", "0.30000000000000004", "-0.0", ".5", "5.", "123456789012345.678"],
    "exponents": ["1e5", "1E-7", "1e308", "5e-324", "1e400", "1e-400", "1.5e3", "-1e0", "2.2250738585072011e-308"],
    "mixed numbers": ["1", "1.5", "9007199254740993", "1e22", "0.1", "123456789012345678901234567890.5"],
}
_OTHER_TEXTS = {
    "leading zeros": ["007", "0", "01", "-01", "00", "1"],
    "signs": ["+1", "-1", "+1.5", "--1", "1-", "1"],
    "booleans": ["true", "false", "TRUE", "False", "t", "f", "yes", "no", "0", "1"],
    "plain booleans": ["true", "false", "TRUE", "False"],
    "dates": ["0001-01-01", "1582-10-10", "1970-01-01", "2024-02-29", "9999-12-31", "2024-03-31"],
    "odd dates": ["2024-01-31", "2024-1-5", "2024-02-30", "0000-01-01", "10000-01-01", "infinity", "epoch", "05-06-2024", "4-4-2"],
    "times": ["00:00:00", "23:59:59.999999", "10:00:00", "10:00", "12:00:00.5"],
    "odd times": ["24:00:00", "10:00:00", "1:15:00", "10:00:00+02", "10:00:60", "23:59:59.999999999"],
    "stamps": ["2024-01-31 10:00:00", "2024-01-31T10:00:00", "1969-12-31 23:59:59.999999", "0001-01-01 00:00:00", "2024-03-31 02:30:00"],
    "nano stamps": ["2024-01-31 10:00:00.123456789", "2024-01-31 10:00:00", "2500-01-01 00:00:00.000000001", "1677-09-21 00:00:00"],
    "zoned stamps": ["2024-01-31T10:00:00Z", "2024-03-31T02:30:00+01:00", "2024-10-27 02:30:00+02", "2024-01-31T10:00:00.000001-0330"],
    "dates and stamps": ["2024-01-31", "2024-01-31 10:00:00", "2024-01-31T10:00:00.5"],
    "zoned and not": ["2024-01-31T10:00:00Z", "2024-01-31T10:00:00"],
    "uuids": ["b3f1c9a0-1c2d-4e5f-8a9b-0c1d2e3f4a5b", "B3F1C9A0-1C2D-4E5F-8A9B-0C1D2E3F4A5B"],
    "not finite": ["nan", "NaN", "inf", "-inf", "Infinity", "1.5"],
    "json texts": ['{"a":1}', "[1,2]", "null", '"x"', "{}"],
    "blanks": ["", " ", "  ", "\t"],
}


def _from(texts: list):
    """Values of one kind, of which a text that is no such value is one in a few columns, mostly in a late row."""

    def make(rng: random.Random, rows: int) -> list:
        found = edges.pick(rng, texts, lambda r: r.choice(texts), rows)
        if rows > 0 and rng.random() < 0.2:
            found[rng.choice([rows - 1, rng.randrange(rows)])] = rng.choice(edges.TEXTS)
        return found

    return make


_ALL_TEXTS = {**_NUMBER_TEXTS, **_OTHER_TEXTS}
_FIELDS = {
    "texts": edges.of(Field, edges.texts),
    **{label: edges.of(Field, _from(texts)) for label, texts in _ALL_TEXTS.items()},
}


def _json_number(text: str) -> bool:
    return text.lstrip("-")[:1].isdigit() and not text.endswith(".") and not text.startswith("+")


def _number(value):
    return JsonNumber(value) if value is not None and _json_number(value) else None


def _json_numbers(texts: list):
    return lambda rng, rows: [_number(text) for text in edges.pick(rng, texts, lambda r: r.choice(texts), rows)]


def _mixed_json(rng: random.Random, rows: int) -> list:
    """Of several types in one column, as programs that log do."""
    values = [JsonNumber("1"), JsonNumber("1.5"), JsonString("1"), True, JsonString("x"), {"a": JsonNumber("1")}, [JsonNumber("1")]]
    found = edges.pick(rng, rng.sample(values, 2), lambda r: r.choice(values), rows)
    return [None if value is None else Mixed(value) for value in found]


_STRINGS = edges.of(JsonString, edges.texts)
_JSON = {
    "strings": edges.of(JsonString, lambda rng, rows: edges.pick(rng, edges.TEXTS + edges.NUL_TEXTS, lambda r: r.choice("ab"), rows)),
    "texts": _STRINGS,
    **{f"strings: {label}": edges.of(JsonString, _from(texts)) for label, texts in _ALL_TEXTS.items()},
    **{label: _json_numbers(texts) for label, texts in _NUMBER_TEXTS.items()},
    "booleans": edges.booleans,
    "lists of numbers": edges.lists(_json_numbers(_NUMBER_TEXTS["mixed numbers"])),
    "lists of strings": edges.lists(_STRINGS),
    "lists of dates": edges.lists(edges.of(JsonString, _from(_OTHER_TEXTS["odd dates"]))),
    "objects": edges.structs({"a": _json_numbers(_NUMBER_TEXTS["integer texts"]), "B b": _STRINGS, "\u00e9": edges.booleans}),
    "objects of objects": edges.structs({"x": edges.structs({"y": _json_numbers(_NUMBER_TEXTS["decimal texts"])})}),
    "lists of objects": edges.lists(edges.structs({"id": _json_numbers(["1", "2"]), "at": edges.of(JsonString, _from(_OTHER_TEXTS["dates"]))})),
    "mixed": _mixed_json,
}

_SHARED = {
    "int8": edges.integers(-128, 127),
    "int16": edges.integers(-(2**15), 2**15 - 1),
    "int32": edges.integers(-(2**31), 2**31 - 1),
    "int64": edges.integers(-(2**63), 2**63 - 1),
    "uint8": edges.integers(0, 255),
    "uint16": edges.integers(0, 2**16 - 1),
    "uint32": edges.integers(0, 2**32 - 1),
    "uint64": edges.integers(0, 2**64 - 1),
    "float32": edges.float32s,
    "float64": edges.doubles,
    "bool": edges.booleans,
    "string": edges.texts,
    "string with nul": lambda rng, rows: edges.pick(rng, edges.NUL_TEXTS, lambda r: "a", rows),
    "large_string": edges.texts,
    "dictionary": edges.texts,
    "binary": edges.blobs,
    "fixed_binary": lambda rng, rows: edges.pick(rng, [b"\0" * 4, b"abcd", b"\xff" * 4], lambda r: r.randbytes(4), rows),
    **{
        f"decimal128({p}, {s})": edges.decimals(p, s)
        for p, s in [(1, 0), (4, 2), (9, 9), (10, 2), (18, 0), (18, 3), (18, 18), (19, 4), (38, 0), (38, 10), (38, 38)]
    },
    **{f"decimal256({p}, {s})": edges.decimals(p, s) for p, s in [(39, 0), (50, 10), (76, 38), (20, 5)]},
    "date32": edges.dates(),
    "time32[s]": edges.times(10**9),
    "time32[ms]": edges.times(10**6),
    "time64[us]": edges.times(1_000),
    "time64[ns]": edges.times(1),
    **{
        f"timestamp[{unit}{zone}]": edges.stamps(ns, zone != "")
        for unit, ns in [("s", 10**9), ("ms", 10**6), ("us", 1_000), ("ns", 1)]
        for zone in ["", ", tz=UTC", ", tz=Europe/Paris", ", tz=+05:30"]
    },
    "list<int64>": edges.lists(edges.integers(-(2**63), 2**63 - 1)),
    "list<string>": edges.lists(edges.texts),
    "list<float64>": edges.lists(edges.doubles),
    "list<decimal>": edges.lists(edges.decimals(18, 18)),
    "list<timestamp>": edges.lists(edges.stamps(1_000, False)),
    "list<list<int64>>": edges.lists(edges.lists(edges.integers(-5, 5))),
    "fixed_list<int32>": edges.lists(edges.integers(0, 9), fixed=2),
    "struct": edges.structs({"a": edges.integers(-(2**63), 2**63 - 1), "B b": edges.texts, "d": edges.dates()}),
    "struct of struct": edges.structs({"x": edges.structs({"y": edges.decimals(38, 10), "z": edges.doubles})}),
    "list<struct>": edges.lists(edges.structs({"a": edges.integers(0, 9), "t": edges.stamps(1_000, True)})),
    "null": lambda rng, rows: [None] * rows,
}

_SQLITE = {
    "INTEGER": edges.integers(-(2**63), 2**63 - 1),
    "BIGINT": edges.integers(-(2**63), 2**63 - 1),
    "REAL": lambda rng, rows: edges.pick(rng, [d for d in edges.DOUBLES if str(d) != "-0.0"], lambda r: r.uniform(-9, 9), rows),
    "TEXT": edges.texts,
    "VARCHAR(10)": edges.texts,
    "BLOB": edges.blobs,
    "BOOLEAN": edges.booleans,
    "DATE": edges.dates(),
    "TIME": edges.times(1_000),
    "TIMESTAMP": edges.stamps(1_000, False),
    "TIMESTAMPTZ": edges.stamps(1_000, True),
    "DECIMAL(10,2)": edges.decimals(10, 2),
    "DECIMAL(16,4)": edges.decimals(15, 4),
    "DECIMAL_TEXT(38,10)": edges.decimals(38, 10),
    "UUID": edges.uuids,
    # A column that is declared JSON makes numbers of texts that look like them, in SQLite itself.
    "JSON_TEXT": _json_texts,
    "": edges.texts,
    "ANY": edges.integers(-(2**63), 2**63 - 1),
}

_POSTGRES = {
    "smallint": edges.integers(-(2**15), 2**15 - 1),
    "integer": edges.integers(-(2**31), 2**31 - 1),
    "bigint": edges.integers(-(2**63), 2**63 - 1),
    "numeric": edges.decimals(60, 20),
    "numeric(10,2)": edges.decimals(10, 2),
    "numeric(18,18)": edges.decimals(18, 18),
    "numeric(38,0)": edges.decimals(38, 0),
    "numeric(38,10)": edges.decimals(38, 10),
    "numeric(50,20)": edges.decimals(50, 20),
    "real": edges.float32s,
    "double precision": edges.doubles,
    "boolean": edges.booleans,
    "text": edges.texts,
    "varchar(20000)": edges.texts,
    "bytea": edges.blobs,
    "uuid": edges.uuids,
    "date": edges.dates(is_ancient=True, is_endless=True),
    "time": edges.times(1_000),
    "timestamp": edges.stamps(1_000, False, is_ancient=True, is_endless=True),
    "timestamptz": edges.stamps(1_000, True, is_ancient=True, is_endless=True),
    "json": _json_texts,
    "bigint[]": edges.lists(edges.integers(-(2**63), 2**63 - 1)),
    "text[]": edges.lists(edges.texts),
    "numeric(10,2)[]": edges.lists(edges.decimals(10, 2)),
    "timestamptz[]": edges.lists(edges.stamps(1_000, True)),
    "double precision[]": edges.lists(edges.doubles),
}

def _durations(unit_ns: int, has_calendar: bool):
    def make(rng: random.Random, rows: int) -> list:
        clocks = [0, 1, -1, 1_000, 999_999, 1_500_000_000, 3_600 * 10**9, 90_061 * 10**9, -(10**9)]
        parts = [(0, 0), (1, 0), (0, 1), (14, 3), (-1, -1), (1200, 40)] if has_calendar else [(0, 0)]
        edge = [(months, days, clock // unit_ns * unit_ns) for months, days in parts for clock in clocks]
        found = edges.pick(rng, edge, lambda r: (*r.choice(parts), r.randrange(10**15) // unit_ns * unit_ns), rows)
        return [None if one is None else Duration(*one) for one in found]

    return make


def _maps(rng: random.Random, rows: int) -> list:
    keys = ["a", "B b", "", "\u00e9", "null", "1"]
    found = [tuple((key, rng.choice([None, 0, 2**63 - 1])) for key in rng.sample(keys, rng.randint(0, 3))) for _ in range(rows)]
    return [None if rng.random() < 0.15 else Pairs(items) for items in found]


def _one_of(*texts: str):
    return lambda rng, rows: edges.pick(rng, list(texts), lambda r: r.choice(texts), rows)


_POSTGRES_MORE = {
    "interval": _durations(1_000, has_calendar=True),
    "jsonb": _json_texts,
    "char(6)": lambda rng, rows: [None if v is None else v.ljust(6) for v in edges.pick(rng, ["", "a", "\u00e9", "abcdef"], lambda r: "b", rows)],
    "money": edges.decimals(12, 2),
    "inet": _one_of("10.0.0.1/8", "10.0.0.0/8", "fe80::1/64"),
    "int4range": _one_of("[1,5)", "empty", "(,)", "[1,)"),
    "bit(3)": _one_of("000", "101"),
    "timetz": _one_of("10:00:00+02", "23:59:59.999999-03:30", "00:00:00+00"),
    "xml": _one_of("<a/>", "<a>\u00e9</a>"),
    "boolean[]": edges.lists(edges.booleans),
    "date[]": edges.lists(edges.dates()),
    "uuid[]": edges.lists(edges.uuids),
    "bytea[]": edges.lists(edges.blobs),
    "real[]": edges.lists(edges.float32s),
    "interval[]": edges.lists(_durations(1_000, has_calendar=True)),
}

def _finite(make):
    """MySQL holds no NaN and no infinity."""
    return lambda rng, rows: [None if isinstance(one, float) and not math.isfinite(one) else one for one in make(rng, rows)]


def _timestamps(rng: random.Random, rows: int) -> list:
    marks = [10**9, 2**31 * 10**9 - 1_000, 1_711_846_800 * 10**9, 1_729_990_799_999_999_000]
    found = edges.pick(rng, marks, lambda r: r.randrange(10**9, 2**31 * 10**9) // 1_000 * 1_000, rows)
    return [None if ns is None else Stamp(ns, True) for ns in found]


def _short_texts(rng: random.Random, rows: int) -> list:
    """`char` loses blanks at its end in MySQL itself."""
    return edges.pick(rng, ["", " a", "\u00e9", "abcdef", "a\tb", "'\\"], lambda r: r.choice("bc"), rows)


_MYSQL = {
    "tinyint": edges.integers(-128, 127),
    "tinyint unsigned": edges.integers(0, 255),
    "smallint": edges.integers(-(2**15), 2**15 - 1),
    "smallint unsigned": edges.integers(0, 2**16 - 1),
    "mediumint": edges.integers(-(2**23), 2**23 - 1),
    "mediumint unsigned": edges.integers(0, 2**24 - 1),
    "int": edges.integers(-(2**31), 2**31 - 1),
    "int unsigned": edges.integers(0, 2**32 - 1),
    "bigint": edges.integers(-(2**63), 2**63 - 1),
    "bigint unsigned": edges.integers(0, 2**64 - 1),
    "boolean": edges.integers(0, 1),
    "bit(1)": edges.booleans,
    "bit(40)": edges.integers(0, 2**40 - 1),
    "bit(64)": edges.integers(0, 2**64 - 1),
    "float": lambda rng, rows: [one if one is None or math.isfinite(one.value) else None for one in edges.float32s(rng, rows)],
    "double": _finite(edges.doubles),
    "decimal(10,2)": edges.decimals(10, 2),
    "decimal(38,0)": edges.decimals(38, 0),
    "decimal(38,10)": edges.decimals(38, 10),
    "decimal(30,30)": edges.decimals(30, 30),
    "decimal(65,30)": edges.decimals(65, 30),
    "varchar(500)": edges.texts,
    "longtext": edges.texts,
    "longtext with nul": lambda rng, rows: edges.pick(rng, edges.NUL_TEXTS, lambda r: "a", rows),
    "char(6)": _short_texts,
    "varchar(20) character set latin1": lambda rng, rows: edges.pick(rng, ["", "\u00e9", "\u20ac", "a'b", "\u00ff"], lambda r: "x", rows),
    "longblob": edges.blobs,
    "varbinary(300)": edges.blobs,
    "binary(4)": lambda rng, rows: edges.pick(rng, [b"\0" * 4, b"abcd", b"\xff" * 4, b"a  \0"], lambda r: r.randbytes(4), rows),
    "date": edges.dates(),
    "datetime": edges.stamps(10**9, False),
    "datetime(6)": edges.stamps(1_000, False),
    "timestamp(6) null": _timestamps,
    "time": edges.times(10**9),
    "time(6)": edges.times(1_000),
    "year": edges.integers(1901, 2155),
    "json": _json_texts,
    "uuid": edges.uuids,
    "inet6": lambda rng, rows: edges.pick(rng, ["::", "fe80::1"], lambda r: "2001:db8::ff00:42:8329", rows),
    "enum('a','B b','\u00e9','')": lambda rng, rows: edges.pick(rng, ["a", "B b", "\u00e9", ""], lambda r: "a", rows),
    "set('x','y y','\u00e9')": lambda rng, rows: edges.pick(rng, ["", "x", "x,\u00e9", "x,y y,\u00e9"], lambda r: "y y", rows),
}

TYPES = {
    "csv": _FIELDS,
    "tsv": _FIELDS,
    "ndjson": _JSON,
    "json": _JSON,
    "parquet": {**_SHARED, "map": _maps},
    "arrow": {
        **_SHARED,
        "map": _maps,
        "month_day_nano_interval": _durations(1_000, has_calendar=True),
        **{f"duration[{unit}]": _durations(ns, has_calendar=False) for unit, ns in [("s", 10**9), ("ms", 10**6), ("us", 1_000)]},
    },
    "sqlite": _SQLITE,
    "postgres": {**_POSTGRES, **_POSTGRES_MORE},
    "mysql": _MYSQL,
    "libsql": _SQLITE,
}
