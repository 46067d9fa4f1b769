"""The values that are generated, and what counts as the same value after a way through Sluice.

Times are whole numbers (days, or nanoseconds, since 1970), so that no library's idea of a calendar, a time
zone or a unit stands between what was written and what is compared.
"""

import json
import math
import re
import struct
import uuid
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

INFINITY = "infinity"
MINUS_INFINITY = "-infinity"
DAY_NS = 86_400 * 10**9


@dataclass(frozen=True)
class Date:
    days: int | str


@dataclass(frozen=True)
class Time:
    ns: int


@dataclass(frozen=True)
class Stamp:
    """A point in time, or, without a zone, what a clock on a wall shows."""

    ns: int | str
    has_zone: bool


@dataclass(frozen=True)
class Duration:
    months: int
    days: int
    ns: int


@dataclass(frozen=True)
class Float32:
    value: float


@dataclass(frozen=True)
class Shortest:
    """A number of 32 bits that went through the shortest text that stands for it."""

    value: float


@dataclass(frozen=True)
class Uuid:
    text: str


@dataclass(frozen=True)
class JsonText:
    text: str


@dataclass(frozen=True)
class Field:
    """The text of a CSV field: its type is what the reader finds."""

    text: str


@dataclass(frozen=True)
class JsonNumber:
    text: str


@dataclass(frozen=True)
class JsonString:
    text: str


@dataclass(frozen=True)
class Either:
    """One of several forms, as of a text that may be taken for a number."""

    values: tuple


@dataclass(frozen=True)
class Mixed:
    """A JSON value beside values of other types in its column, which is then of JSON."""

    value: object


@dataclass(frozen=True)
class Pairs:
    """A map: pairs in their order."""

    items: tuple


def float32(value: float) -> float:
    """The nearest number of 32 bits; infinity beyond them."""
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


def days_of(year: int, month: int, day: int) -> int:
    """Days since 1970 in the proleptic Gregorian calendar; the year 0 is 1 BC."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def civil(days: int) -> tuple[int, int, int]:
    days += 719_468
    era = days // 146_097
    of_era = days - era * 146_097
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + (3 if shifted < 10 else -9)
    return year + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


def clock_text(ns: int, digits: int = 9) -> str:
    """hh:mm:ss, with a fraction of so many digits at most where there is one."""
    seconds, rest = divmod(ns, 10**9)
    fraction = f"{rest:09d}"[:digits].rstrip("0")
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{text}.{fraction}" if fraction else text


def date_text(days: int | str) -> str:
    """ISO 8601; years before 1 as PostgreSQL writes them."""
    if isinstance(days, str):
        return days
    year, month, day = civil(days)
    return f"{year:04d}-{month:02d}-{day:02d}" if year > 0 else f"{1 - year:04d}-{month:02d}-{day:02d} BC"


def stamp_text(stamp: Stamp, separator: str = " ", offset_minutes: int = 0) -> str:
    """The instant as clocks at that offset show it."""
    if isinstance(stamp.ns, str):
        return stamp.ns
    days, ns = divmod(stamp.ns + offset_minutes * 60 * 10**9, DAY_NS)
    date, _, era = date_text(days).partition(" ")
    sign = "-" if offset_minutes < 0 else "+"
    zone = f"{sign}{abs(offset_minutes) // 60:02d}:{abs(offset_minutes) % 60:02d}" if stamp.has_zone else ""
    return f"{date}{separator}{clock_text(ns)}{zone}{' ' + era if era else ''}"


_CLOCK = r"(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?"
_ZONE = r"Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?"
_DATE = r"(\d{4,7}|[+-]\d{6})-(\d\d)-(\d\d)"
_MOMENT = re.compile(rf"{_DATE}( \(BC\))?(?:[ T]{_CLOCK} ?({_ZONE})?)?( \(?BC\)?)?( ?{_ZONE})?", re.ASCII)
_TIME = re.compile(_CLOCK, re.ASCII)


def parse_moment(text: str) -> Date | Time | Stamp | None:
    """Strict ISO 8601, and the forms in which PostgreSQL and DuckDB write years before 1."""
    if (found := _TIME.fullmatch(text)) is not None:
        return Time(_clock_ns(found.groups()))
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year, month, day, early_era, hour, minute, second, fraction, zone, era, late_zone = found.groups()
    era = era or early_era
    date = days_of(1 - int(year) if era else int(year), int(month), int(day))
    if civil(date) != ((1 - int(year) if era else int(year)), int(month), int(day)):
        return None
    if hour is None:
        return Date(date)
    ns = date * DAY_NS + _clock_ns((hour, minute, second, fraction))
    zone = zone or (late_zone.strip() if late_zone else None)
    if zone is None:
        return Stamp(ns, False)
    return Stamp(ns - _zone_seconds(zone) * 10**9, True)


def _clock_ns(parts) -> int:
    hour, minute, second, fraction = parts
    return (int(hour) * 3600 + int(minute) * 60 + int(second or 0)) * 10**9 + int((fraction or "").ljust(9, "0"))


def _zone_seconds(zone: str) -> int:
    if zone == "Z":
        return 0
    digits = zone[1:].replace(":", "").ljust(6, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:6])
    return -seconds if zone[0] == "-" else seconds


_ISO_DURATION = re.compile(
    r"P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?)(\d+)(?:\.(\d{1,9}))?S)?)?"
)
_WORDS_DURATION = re.compile(
    r"(?:(-?\d+) years? ?)?(?:(-?\d+) months? ?)?(?:(-?\d+) days? ?)?(?:(-?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,9}))?)?"
)


def parse_duration(text: str) -> Duration | None:
    """ISO 8601, as PostgreSQL writes it, or the words of DuckDB."""
    if (found := _ISO_DURATION.fullmatch(text)) is not None and text != "P":
        years, months, days, hours, minutes, sign, seconds, fraction = found.groups()
        rest = int((fraction or "").ljust(9, "0")) + int(seconds or 0) * 10**9
        ns = (int(hours or 0) * 60 + int(minutes or 0)) * 60 * 10**9 + (-rest if sign else rest)
        return Duration(int(years or 0) * 12 + int(months or 0), int(days or 0), ns)
    if text == "" or (found := _WORDS_DURATION.fullmatch(text)) is None:
        return None
    years, months, days, sign, hours, minutes, seconds, fraction = found.groups()
    ns = _clock_ns((hours or 0, minutes or 0, seconds, fraction))
    return Duration(int(years or 0) * 12 + int(months or 0), int(days or 0), -ns if sign else ns)


_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def number_of(text: str) -> Decimal | None:
    if _NUMBER.fullmatch(text) is None:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def parse_json(text: str):
    """Numbers exact, members in their order."""

    def refuse(name: str):
        raise ValueError(f"{name} is no JSON")

    return json.loads(text, parse_float=Decimal, parse_constant=refuse)


def after_text(value, is_json: bool):
    """The value as a text format has it: what reads that format again finds the types anew."""
    match value:
        case str():
            return JsonString(value) if is_json else Field(value)
        case Float32():
            return Shortest(value.value)
        case Duration(months=0, days=0, ns=ns) if 0 <= ns < DAY_NS:
            # Its text, as 00:00:01.5, is that of a time of day.
            return Either((value, Time(ns)))
        case list():
            return [after_text(item, is_json) for item in value]
        case dict():
            return {key: after_text(item, is_json) for key, item in value.items()}
        case JsonText() if not is_json:
            return Either((Field(value.text), value))
        case Uuid() | JsonNumber() | JsonString() if not is_json:
            return Field(value.text)
        case Field() if is_json:
            return value
    return value


def same(value, found, is_typed: bool = True) -> bool:
    """Whether `found`, as a second reader gives it, is `value`. `is_typed` is false where the column is known
    to be text, so that a text has to be the same to the byte."""
    if value is None or found is None:
        # A JSON null inside of JSON is written as what it is.
        return found is None and (value is None or value == JsonText("null"))
    match value:
        case bool():
            return found is value or (found in ("true", "false") and (found == "true") is value)
        case int():
            return _same_integer(value, found)
        case Decimal():
            return _same_decimal(value, found)
        case float():
            return _same_float(value, found)
        case Float32():
            return _same_float32(value.value, found)
        case str():
            return isinstance(found, str) and found == value
        case bytes():
            return found == value or (isinstance(found, str) and _is_hex_of(value, found))
        case Date() | Time() | Stamp():
            return _same_moment(value, found)
        case Duration():
            return (parse_duration(found) if isinstance(found, str) else found) == value
        case Shortest():
            return _same_float32(value.value, str(found) if isinstance(found, float) else found)
        case Uuid():
            return str(uuid.UUID(bytes=found)) == value.text if isinstance(found, bytes) else str(found) == value.text
        case JsonText():
            return found == value.text or _is_same_json(value.text, found)
        case Field():
            return _same_field(value.text, found, is_typed)
        case Either():
            return any(same(form, found, is_typed) for form in value.values)
        case Mixed():
            return same(value.value, found) or _is_same_json_value(value.value, found)
        case JsonNumber():
            return found == value.text or _same_number_text(value.text, found)
        case JsonString():
            return _same_json_string(value.text, found)
        case _:
            return _same_nested(value, found, is_typed)


def _is_same_json_value(value, found) -> bool:
    try:
        return isinstance(found, str) and same(value, parse_json(found))
    except ValueError:
        return False


def _same_integer(value: int, found) -> bool:
    if isinstance(found, bool):
        return False
    if isinstance(found, (int, Decimal)):
        return found == value
    if isinstance(found, float):
        return math.isfinite(found) and int(found) == value and found == int(found)
    return found == str(value)


def _same_decimal(value: Decimal, found) -> bool:
    if isinstance(found, bool):
        return False
    if isinstance(found, (int, Decimal)):
        return found == value
    if isinstance(found, float):
        return math.isfinite(found) and Decimal(repr(found)) == value
    return isinstance(found, str) and (number := number_of(found)) is not None and number == value


def _as_float(found) -> float | None:
    if isinstance(found, bool):
        return None
    if isinstance(found, (int, float, Decimal)):
        return float(found)
    if isinstance(found, str) and (number_of(found) is not None or re.fullmatch(r"(?i)nan|-?inf(inity)?", found)):
        return float(found)
    return None


def _same_float(value: float, found) -> bool:
    number = _as_float(found)
    if number is None:
        return False
    if math.isnan(value):
        return math.isnan(number)
    has_sign = isinstance(found, (float, str, Decimal))
    return number == value and (not has_sign or math.copysign(1, number) == math.copysign(1, value))


def _same_float32(value: float, found) -> bool:
    number = _as_float(found)
    if number is None:
        return False
    if math.isnan(value):
        return math.isnan(number)
    # A number of 64 bits has to be the same; the shortest text that stands for it is shorter.
    return number == value if isinstance(found, float) else float32(number) == value


def _same_moment(value, found) -> bool:
    if isinstance(found, str):
        whole = value.days if isinstance(value, Date) else value.ns
        return found == whole if isinstance(whole, str) else parse_moment(found) == value
    return type(found) is type(value) and found == value


def _is_hex_of(value: bytes, text: str) -> bool:
    """As DuckDB writes bytes, printable ASCII as it is, all else as \\xAA; inside of JSON plain hexadecimal."""
    if text == value.hex():
        return True
    read = re.sub(r"\\x([0-9A-Fa-f]{2})", lambda match: chr(int(match[1], 16)), text)
    return all(ord(character) < 256 for character in read) and read.encode("latin-1") == value


def _is_same_json(value: str, found) -> bool:
    """`found` is JSON's text, or, from a file of JSON, the value itself."""
    parsed = parse_json(value)
    try:
        return parsed == found or (isinstance(found, str) and parse_json(found) == parsed)
    except ValueError:
        return False


def _same_number_text(text: str, found) -> bool:
    number = number_of(text)
    if number is None or isinstance(found, bool):
        return False
    if isinstance(found, str):
        return (other := number_of(found)) is not None and other == number
    if isinstance(found, float):
        return math.isfinite(found) and Decimal(repr(found)) == number
    return isinstance(found, (int, Decimal)) and found == number


def _same_field(text: str, found, is_typed: bool) -> bool:
    if found == text:
        return True
    if isinstance(found, str) and not is_typed:
        return False
    if isinstance(found, bool) or found in ("true", "false"):
        return text.lower() == str(found).lower()
    if re.fullmatch(r"[+-]?(inf(inity)?|nan)", text, re.I):
        number = _as_float(found)
        return number is not None and (number == float(text) or (math.isnan(number) and math.isnan(float(text))))
    moment = parse_moment(text)
    if moment is not None:
        return _is_same_instant(moment, found)
    return re.match(r"[+-]?0\d", text) is None and _same_number_text(text, found)


def _is_same_instant(moment, found) -> bool:
    """A date beside timestamps is its midnight."""
    is_midnight = isinstance(moment, Date) and _same_moment(Stamp(moment.days * DAY_NS, False), found)
    return _same_moment(moment, found) or is_midnight


def _same_json_string(text: str, found) -> bool:
    if found == text:
        return True
    moment = parse_moment(text)
    return moment is not None and _is_same_instant(moment, found)


def _same_nested(value, found, is_typed: bool) -> bool:
    if isinstance(found, str):
        try:
            found = parse_json(found)
        except ValueError:
            return False
    if isinstance(value, Pairs):
        # As an object, whose members have no order, or as a list of pairs.
        if isinstance(found, dict):
            found = [[key, found[key]] for key, _ in value.items if key in found]
        elif isinstance(found, Pairs):
            found = found.items
        elif isinstance(found, list):
            found = [[pair["key"], pair["value"]] for pair in found]
        return len(found) == len(value.items) and all(
            same(key, other_key) and same(item, other)
            for (key, item), (other_key, other) in zip(value.items, found)
        )
    if isinstance(value, list):
        return isinstance(found, list) and len(found) == len(value) and all(map(same, value, found))
    if isinstance(value, dict):
        # A key that a record lacks is a NULL in a column's struct.
        if not isinstance(found, dict) or not set(value) <= set(found):
            return False
        return all(same(value.get(key), item) for key, item in found.items())
    raise TypeError(f"no rule for {value!r}")
