"""Values at the edges of what types hold, and between them."""

import math
import random
from decimal import Decimal

from values import DAY_NS, INFINITY, MINUS_INFINITY, Date, Float32, Stamp, Time, Uuid, days_of, float32

TEXTS = [
    "", " ", "  lead", "trail  ", "\t", "a\tb", "a,b", "a;b", "a|b", 'say "hi"', '"', '""', "'", "it''s", "\\", "\\n", "\\N",
    "\\x41", "a\\", "line\nbreak", "line\r\nbreak", "line\rbreak", "\n", "\r", "NULL", "null", "None", "NA", "N/A",
    "nan", "inf", "true", "FALSE", "t", "yes", "007", "1e5", "1_000", "0x1F", "1,5", "1.10", "+1", "-0", ".5", "5.", "1.005",
    "9007199254740993", "18446744073709551616", "2024-01-31", "2024-1-5", "01/02/2024", "2024-02-30", "10:00", "24:00:00",
    "2024-01-31 10:00:00", "2024-01-31T10:00:00Z", "2024-03-31T02:30:00+01:00", "infinity", "epoch", "now", "today",
    "{}", "[]", '{"a":1}', '{"a": 1, "a": 2}', "[1, null]", '"quoted"', "${env:HOME}", "#comment", "--", "=1+1", "%s",
    "\ufeff", "\ufeffmark", "mid\ufeffdle", "\u200b", "\u00a0", "e\u0301", "\u00e9", "\u1e9e\u00df", "\u0130\u0131", "\U0001f600",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u202eright to left\u202c", "\u05e9\u05dc\u05d5\u05dd",
    "\u0645\u0631\u062d\u0628\u0627", "\u2028", "\u2029", "\u0085", "\x01", "\x1f", "\x7f", "\uffff", "\U0010ffff", "\ue000",
    "b3f1c9a0-1c2d-4e5f-8a9b-0c1d2e3f4a5b", "B3F1C9A0-1C2D-4E5F-8A9B-0C1D2E3F4A5B", "x" * 500, "\u00e4" * 300,
]
"""What no PostgreSQL text holds."""
NUL_TEXTS = ["\0", "a\0b", "\0end"]

NAMES = [
    "Amount", "with space", " lead", "trail ", "a.b", "a,b", 'a"b', "a'b", "a;b", "tab\there", "line\nbreak", "select", "null",
    "rowid", "123", "1e5", "-", "_", "\u00e9t\u00e9", "e\u0301te\u0301", "\U0001f600", "\u540d\u524d", "\u05e9\u05dd", "a\\b", "$1",
    "?", "{x}", "[0]", "%s", "a/b", "a\u00a0b", "group", "order by", "main.raw", "filename", "id_1", "true", "x" * 60, "key", "value",
    "json", "column0", "type", "ctid_", "oid", "tableoid_", "user", "COLUMN", "\u00c4pfel", "a::int", "$$", "/*", "--", "element",
    "date", "timestamp", "__proto__", "constructor", "toString", "_sluice_x", "#", "@", "`a`",
]


def pick(rng: random.Random, edges: list, between, rows: int, nulls: float = 0.15) -> list:
    """So many values: edges mostly, some between them, and NULLs; sometimes no NULL, sometimes nothing else."""
    nulls = rng.choice([0.0, nulls, nulls, nulls, 0.9])
    return [
        None if rng.random() < nulls else rng.choice(edges) if rng.random() < 0.7 else between(rng) for _ in range(rows)
    ]


def integers(low: int, high: int):
    marks = [0, 1, -1, 10, 127, 255, 256, 2**31 - 1, 2**31, 2**32, 2**53 - 1, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1]
    edges = sorted({low, low + 1, high - 1, high, *(mark for mark in marks if low <= mark <= high)})
    return lambda rng, rows: pick(rng, edges, lambda r: r.randint(low, high), rows)


def decimals(precision: int, scale: int):
    most = 10**precision - 1
    unscaled = [0, 1, -1, 5, most, -most, most - 1, most // 2, most // 10, 10 ** max(scale - 1, 0), 1005, 15, 250]
    make = lambda number: Decimal(number).scaleb(-scale, context=WIDE)  # noqa: E731
    edges = [make(number) for number in unscaled if abs(number) <= most]
    return lambda rng, rows: pick(rng, edges, lambda r: make(r.randint(-most, most)), rows)


WIDE = __import__("decimal").Context(prec=200)

DOUBLES = [
    0.0, -0.0, 0.1, 0.2, 0.1 + 0.2, 1.005, 1 / 3, 1.0, -1.0, 1.5, 100.0, 1e15, 1e16, 1e17, 123456789.125, 2.0**53, 2.0**53 + 2, 2.0**63,
    1e22, 1e23, 1e-7, 1e-5, 0.0001, 1e308, 1.7976931348623157e308, -1.7976931348623157e308, 5e-324, 2.2250738585072014e-308,
    2.225073858507201e-308, 9007199254740993.0, 4.35, 0.30000000000000004, 1e100, 3.141592653589793,
]
NOT_FINITE = [math.nan, math.inf, -math.inf]


def _random_double(rng: random.Random) -> float:
    return rng.choice([rng.uniform(-1e6, 1e6), rng.random() * 10 ** rng.randint(-300, 300), round(rng.uniform(-1e4, 1e4), 2)])


def doubles(rng: random.Random, rows: int) -> list:
    edges = DOUBLES + (NOT_FINITE if rng.random() < 0.3 else [])
    return pick(rng, edges, _random_double, rows)


def float32s(rng: random.Random, rows: int) -> list:
    edges = [0.0, -0.0, 0.1, 1.5, 16777216.0, 3.4028234663852886e38, -3.4028234663852886e38, 1e-45, 1.17549435e-38, 123456.789, 1 / 3]
    edges += NOT_FINITE if rng.random() < 0.3 else []
    numbers = pick(rng, edges, lambda r: r.uniform(-1e6, 1e6), rows)
    return [None if number is None else Float32(float32(number)) for number in numbers]


def booleans(rng: random.Random, rows: int) -> list:
    return pick(rng, [True, False], lambda r: r.random() < 0.5, rows)


def texts(rng: random.Random, rows: int) -> list:
    """Often of one kind: a column of nothing but dates, numbers or blanks is where types are guessed."""
    edges = rng.choice([TEXTS, TEXTS, TEXTS, rng.sample(TEXTS, 3), rng.sample(TEXTS, 1)])
    between = lambda r: "".join(r.choice("ab \u00e9\U0001f600\n\"',\\\t01") for _ in range(r.randint(0, 12)))  # noqa: E731
    return pick(rng, edges, between if edges is TEXTS else lambda r: r.choice(edges), rows)


def blobs(rng: random.Random, rows: int) -> list:
    edges = [b"", b"\0", b"\xff", b"abc", b"\\x41", b"\\", b"\r\n", b'"', "\u00e9".encode(), bytes(range(256)), b"\xef\xbb\xbf", b"'"]
    return pick(rng, edges, lambda r: r.randbytes(r.randint(0, 40)), rows)


def uuids(rng: random.Random, rows: int) -> list:
    edges = ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "80000000-0000-4000-8000-000000000000"]
    return [
        None if text is None else Uuid(text)
        for text in pick(rng, edges, lambda r: str(__import__("uuid").UUID(int=r.getrandbits(128))), rows)
    ]


COMMON_DAYS = [
    days_of(*day)
    for day in [(1, 1, 1), (1, 12, 31), (1582, 10, 4), (1582, 10, 15), (1600, 2, 29), (1900, 1, 1), (1969, 12, 31), (1970, 1, 1)]
    + [(1999, 12, 31), (2000, 2, 29), (2024, 2, 29), (2024, 3, 31), (2024, 10, 27), (2038, 1, 19), (2100, 2, 28), (9999, 12, 31)]
]
ANCIENT_DAYS = [days_of(0, 12, 31), days_of(-43, 3, 15), days_of(-4711, 1, 1), days_of(10_000, 1, 1), days_of(294_000, 1, 1)]


def dates(is_ancient: bool = False, is_endless: bool = False):
    def make(rng: random.Random, rows: int) -> list:
        edges = COMMON_DAYS + (ANCIENT_DAYS if is_ancient and rng.random() < 0.3 else [])
        edges += [INFINITY, MINUS_INFINITY] if is_endless and rng.random() < 0.3 else []
        found = pick(rng, edges, lambda r: r.randint(COMMON_DAYS[0], COMMON_DAYS[-1]), rows)
        return [None if days is None else Date(days) for days in found]

    return make


def times(unit_ns: int):
    def make(rng: random.Random, rows: int) -> list:
        clock = [0, 1, 10**9, 43_200 * 10**9, DAY_NS - 1, 12_345_678_900_000, 45_296_123_456_789, 3_600 * 10**9 + 500_000]
        found = pick(rng, clock, lambda r: r.randrange(DAY_NS), rows)
        return [None if ns is None else Time(ns // unit_ns * unit_ns) for ns in found]

    return make


def stamps(unit_ns: int, has_zone: bool, is_ancient: bool = False, is_endless: bool = False, bits: int = 64):
    def make(rng: random.Random, rows: int) -> list:
        days = COMMON_DAYS + (ANCIENT_DAYS if is_ancient and rng.random() < 0.3 else [])
        # The hours that a change of clocks in Paris and New York doubles or leaves out.
        moments = [days_of(2024, 3, 31) * DAY_NS + 3_600 * 10**9, days_of(2024, 10, 27) * DAY_NS + 3_599_999_999_999]
        moments += [days_of(2024, 11, 3) * DAY_NS + 5 * 3_600 * 10**9, 0, -1, 999_999_999, 1_000, -1_000]
        moments += [day * DAY_NS + clock for day in days for clock in [0, DAY_NS - 1, 45_296_123_456_789]]
        if unit_ns == 1:
            moments = [ns for ns in moments if abs(ns) < 2**63 - DAY_NS] + [2**63 - 2, -(2**63) + DAY_NS]
        moments = [ns // unit_ns * unit_ns for ns in moments]
        edges = moments + ([INFINITY, MINUS_INFINITY] if is_endless and rng.random() < 0.3 else [])
        between = lambda r: r.randint(-(2**62), 2**62) // unit_ns * unit_ns  # noqa: E731
        return [None if ns is None else Stamp(ns, has_zone) for ns in pick(rng, edges, between, rows)]

    return make


def of(wrap, make):
    """The same values, each wrapped."""
    return lambda rng, rows: [None if value is None else wrap(value) for value in make(rng, rows)]


def lists(make, fixed: int | None = None):
    def lists_of(rng: random.Random, rows: int) -> list:
        sizes = [fixed if fixed is not None else rng.choice([0, 1, 2, 5]) for _ in range(rows)]
        pool = iter(make(rng, sum(sizes)))
        found = [[next(pool) for _ in range(size)] for size in sizes]
        return [None if rng.random() < 0.15 else value for value in found]

    return lists_of


def structs(members: dict):
    def make(rng: random.Random, rows: int) -> list:
        columns = {name: member(rng, rows) for name, member in members.items()}
        found = [{name: column[row] for name, column in columns.items()} for row in range(rows)]
        return [None if rng.random() < 0.15 else value for value in found]

    return make
