"""Writes and reads workbooks by openpyxl: `workbook.py write PATH ROWS SEED`, `workbook.py read PATH`."""

import datetime
import json
import random
import sys

import openpyxl

NAMES = ["id", "amount", "day", "moment", "time", "flag", "note", "span"]
NOTES = ["007", "=1+1", "1E5", " x ", "é😀", "a\nb", '"q"', "<&>", "TRUE", "2024-01-02"]


def text_of(value):
    """As DuckDB writes a value's text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ", "milliseconds").removesuffix(".000")
    if isinstance(value, datetime.time):
        return value.isoformat("milliseconds").rstrip("0").rstrip(".") if value.microsecond else value.isoformat()
    if isinstance(value, datetime.timedelta):
        ms = round(value.total_seconds() * 1000)
        return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02}"
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value


def random_row(rand, number):
    day = datetime.date(1900, 3, 1) + datetime.timedelta(days=rand.randrange(2_950_000))
    ms = datetime.timedelta(milliseconds=rand.randrange(86_400_000))
    moment = datetime.datetime.combine(day, datetime.time()) + ms
    return [
        number,
        rand.choice([0.1, 1e300, -2.5, rand.uniform(-1e9, 1e9), 5e-324]),
        day,
        moment,
        (datetime.datetime(2000, 1, 1) + ms).time(),
        rand.random() < 0.5,
        rand.choice(NOTES),
        datetime.timedelta(seconds=rand.randrange(1_000_000)),
    ]


def write(path, rows, seed):
    rand = random.Random(seed)
    is_1904 = seed % 2 == 1
    book = openpyxl.Workbook()
    if is_1904:
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    sheet = book.active
    sheet.append(NAMES)
    written = []
    for number in range(rows):
        row = [None if number > 0 and rand.random() < 0.1 else value for value in random_row(rand, number)]
        if is_1904:
            row = [value if not hasattr(value, "year") or value.year > 1904 else None for value in row]
        row[0] = number
        sheet.append(row)
        cell = sheet.cell(row=number + 2, column=7)
        if isinstance(cell.value, str):
            cell.data_type = "s"
        # openpyxl writes no more digits.
        row[1] = row[1] and float(f"{row[1]:.16g}")
        written.append([text_of(value) for value in row])
    book.save(path)
    print(json.dumps(written))


def read(path):
    sheet = openpyxl.load_workbook(path).active
    print(json.dumps([[[type(value).__name__, text_of(value)] for value in row] for row in sheet.values]))


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        read(sys.argv[2])
