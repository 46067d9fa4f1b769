"""
The program inside a sandbox of Python: takes an order and a module over stdin, calls the module's rows(ctx), and gives
the rows back in frames over stdout (see ../sandbox/frames.ts and ../sandbox/batch_layout.ts), or its
write(batches, ctx) with rows of a load. Before it reads anything it gives up all that the kernel lets it give up:
Python itself keeps nothing from the code that runs in it.
"""
import array, base64, ctypes, datetime, decimal, itertools, json, math, os, struct, sys, threading, time, types, uuid

NO_ORDER_EXIT = 64
# How it ends where this machine cannot confine it; stderr says why.
UNCONFINED_EXIT = 65

# What native modules of the standard library stand on lies in folders that are closed later.
NATIVE_MODULES = ("_bz2", "_ctypes", "_decimal", "_elementtree", "_hashlib", "_lzma", "_sqlite3", "_ssl", "_uuid",
                  "_zoneinfo", "pyexpat", "zlib")
# The same of packages: what PEP 600 lets wheels take from the system.
SYSTEM_LIBRARIES = ("libdl.so.2", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0", "librt.so.1", "libstdc++.so.6",
                    "libutil.so.1")
TIME_ZONES = ("/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo")


# --- What the kernel takes away


def confine():
    """Leaves the process the reading of Python's own library, threads and its pipes, and nothing else."""
    if sys.version_info < (3, 9):
        raise OSError("Python %d.%d is older than 3.9" % sys.version_info[:2])
    for name in NATIVE_MODULES:
        try:
            __import__(name)
        except ImportError:
            pass  # Not every installation has all of them.
    for name in SYSTEM_LIBRARIES if packages() else ():
        try:
            ctypes.CDLL(name)
        except OSError:
            pass
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long

    def call(what, number, *args):
        result = libc.syscall(ctypes.c_long(number), *args)
        if result < 0:
            raise OSError("%s: %s" % (what, os.strerror(ctypes.get_errno())))
        return result

    PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, SIGKILL = 1, 4, 38, 9
    for option, value in ((PR_SET_PDEATHSIG, SIGKILL), (PR_SET_NO_NEW_PRIVS, 1), (PR_SET_DUMPABLE, 0)):
        if libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
            raise OSError("prctl %d: %s" % (option, os.strerror(ctypes.get_errno())))
    close_files(call)
    close_calls(call)


def packages():
    """Where the packages of a virtual environment are, if the interpreter is that of one. Its .pth files are not read."""
    folder = os.path.dirname(os.path.dirname(sys.executable))
    found = os.path.join(folder, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")
    return [found] if os.path.isfile(os.path.join(folder, "pyvenv.cfg")) and os.path.isdir(found) else []


def close_files(call):
    """Landlock: what lies in Python's library, an environment's packages and the time zones may be read, all else may not
    be touched."""
    CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
    version = call("this kernel has no Landlock", CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    READ_FILE, READ_DIR = 4, 8
    bits = 13 if version < 2 else 14 if version < 3 else 15 if version < 5 else 16
    handled = struct.pack("=QQQ", (1 << bits) - 1, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = call("Landlock", CREATE_RULESET, handled, ctypes.c_size_t(size), ctypes.c_uint32(0))
    for path in (*sys.path, *TIME_ZONES):
        try:
            folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # Not there: the archive of the library seldom is.
        allowed = READ_FILE | READ_DIR if os.path.isdir(path) else READ_FILE
        call("Landlock", ADD_RULE, ctypes.c_int(rules), ctypes.c_int(1), struct.pack("=Qi", allowed, folder),
             ctypes.c_uint32(0))
        os.close(folder)
    call("Landlock", RESTRICT_SELF, ctypes.c_int(rules), ctypes.c_uint32(0))
    os.close(rules)


# By machine: how the kernel calls it, the call that sets a filter, and the calls that stay: reading and writing what is
# open, looking at files, memory, signals to itself, time, waiting, and ending. The last are judged by an argument.
CALLS = {
    "x86_64": (0xC000003E, 317, """
        0 1 3 4 5 6 7 8 9 10 11 12 13 14 15 17 18 19 20 21 22 23 24 25 28 32 33 35 39 60 78 79 96 98 100 102 104 107 108
        110 118 120 127 131 158 186 201 202 204 213 217 218 219 228 229 230 231 232 233 221 257 262 269 270 271 273 274
        281 290 291 292 293 295 296 309 318 324 332 334 439""",
               {"clone": 56, "ioctl": 16, "fcntl": 72, "open": 2, "openat": 257}),
    "aarch64": (0xC00000B7, 277, """
        17 19 20 21 22 23 24 44 48 56 57 59 61 62 63 64 65 66 67 68 69 70 72 73 79 80 93 94 96 98 99 100 101 113 114 115
        123 124 128 132 134 135 136 139 148 150 153 165 168 169 172 173 174 175 176 177 178 214 215 216 222 223 226 233
        278 283 291 293 439""",
                {"clone": 220, "ioctl": 29, "fcntl": 25, "openat": 56}),
}


def close_calls(call):
    """seccomp: of the kernel's calls those stay that CALLS names; no process, program, socket, signal or change."""
    name = os.uname().machine
    machine = CALLS.get(name)
    if machine is None:
        raise OSError("there is no list of calls for a machine %s" % name)
    architecture, set_filter, allowed, judged = machine
    LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
    KILL, ALLOW, REFUSE, UNKNOWN = 0x80000000, 0x7FFF0000, 0x00050000 | 1, 0x00050000 | 38
    steps = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]

    def judge(number, argument, tests, otherwise):
        body = [(LOAD, 0, 0, 16 + 8 * argument)]
        for code, value, result in tests:
            body += [(code, 0, 1, value), (RETURN, 0, 0, result)]
        body.append((RETURN, 0, 0, otherwise))
        steps.extend([(EQUAL, 0, len(body), number), *body])

    # A thread is no process of its own.
    judge(judged["clone"], 0, [(ANY_BIT, 0x10000, ALLOW)], REFUSE)
    # Whether it is a terminal, how much can be read, and what a started program would keep.
    judge(judged["ioctl"], 1, [(EQUAL, value, ALLOW) for value in (0x5401, 0x541B, 0x5450, 0x5451)], REFUSE)
    # Not whom it signals.
    judge(judged["fcntl"], 1, [(EQUAL, value, ALLOW) for value in (0, 1, 2, 3, 4, 1030)], REFUSE)
    # Not for writing, and nothing that is new or cut.
    writing = 0o1 | 0o2 | 0o100 | 0o1000 | 0o20000000
    for name, argument in (("open", 1), ("openat", 2)):
        if name in judged:
            judge(judged[name], argument, [(ANY_BIT, writing, REFUSE)], ALLOW)
    for number in map(int, allowed.split()):
        steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, ALLOW)]
    # C libraries try what is newer first, clone3 too, and go on by what they find.
    steps += [(EQUAL, 0, 1, 435), (RETURN, 0, 0, UNKNOWN), (AT_LEAST, 0, 1, 449), (RETURN, 0, 0, UNKNOWN)]
    steps.append((RETURN, 0, 0, REFUSE))
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
    call("seccomp", set_filter, ctypes.c_uint(1), ctypes.c_uint(0), program)


# --- Frames

ORDER_START, ORDER_MODULE, ORDER_ANSWER, ORDER_PIECE, ORDER_ANSWERED, ORDER_UNANSWERED = 1, 2, 4, 5, 6, 7
ORDER_BATCH, ORDER_LAST_BATCH = 20, 21
LOG, ROWS, STATE, END, FAILURE, REQUEST, PULL, TAKEN, MORE = 1, 2, 3, 4, 5, 7, 8, 20, 21


class Channel:
    def __init__(self, source, target, read=os.read, write=os.write, stop=os._exit):
        self.source, self.target, self.key = source, target, bytes(8)
        self.read, self.write, self.stop = read, write, stop
        self.lock = threading.RLock()
        # Of whoever waits for frames, and whether one of them broke off: what it was to get is lost then.
        self.turn, self.is_broken = threading.Lock(), False
        # A load's rows that came while something else was waited for.
        self.kept = []

    def take(self, size):
        pieces = []
        while size > 0:
            piece = self.read(self.source, min(size, 1 << 20))
            if not piece:
                return None
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def next(self):
        """The kind and the bytes of the next frame; None where the run's process is gone."""
        head = self.take(16)
        if head is None:
            return None
        length, kind = struct.unpack_from("<IB", head)
        payload = self.take(length)
        return None if payload is None else (kind, payload)

    def ask(self, receive):
        """What `receive` makes of the frames that come; one thread at a time. Throws what it throws."""
        with self.turn:
            if self.is_broken:
                raise RowError(BROKEN)
            self.is_broken = True
            made = receive()
            self.is_broken = False
            return made

    def frame(self, kinds, begin=b""):
        """The next frame of one of the kinds that begins so; of the others rows are kept, and the rest is for nobody."""
        if self.kept and self.kept[0][0] in kinds:
            return self.kept.pop(0)
        while True:
            frame = self.next()
            if frame is None:
                self.stop(1)
            if frame[0] in kinds and frame[1].startswith(begin):
                return frame[0], frame[1][len(begin):]
            if frame[0] in (ORDER_BATCH, ORDER_LAST_BATCH):
                self.kept.append(frame)

    def send(self, kind, payload):
        rest = memoryview(struct.pack("<IB3x", len(payload), kind) + self.key + payload)
        with self.lock:
            try:
                while rest:
                    rest = rest[self.write(self.target, rest):]
            except OSError:
                self.stop(1)

    def send_json(self, kind, value):
        self.send(kind, json.dumps(value).encode())


# --- Values


BROKEN = "what it asked for broke off before, and is lost"


class RowError(Exception):
    """What is wrong with a row that a script gave, or with what it says of its rows."""


class Json(str):
    """JSON of a dict or a list."""


class Instant(int):
    """Microseconds since 1970."""


class Wall(int):
    """The same of a clock on a wall: nobody says in which zone."""

    def text(self):
        return (WALL_EPOCH + int(self) * MICROSECOND).isoformat(" ")


class Day(int):
    """Days since 1970."""

    def text(self):
        return datetime.date.fromordinal(self + FIRST_DAY).isoformat()


class Clock(int):
    """Microseconds since midnight."""

    def text(self):
        return (WALL_EPOCH + int(self) * MICROSECOND).time().isoformat()


EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
WALL_EPOCH = datetime.datetime(1970, 1, 1)
FIRST_DAY = datetime.date(1970, 1, 1).toordinal()
TIMES = (Wall, Day, Clock)
MICROSECOND = datetime.timedelta(microseconds=1)
PLAIN = frozenset((bool, int, float, str, bytes, type(None), decimal.Decimal))


def is_aware(value):
    return value.utcoffset() is not None


def frozen(value):
    """A value as a column keeps it, one of KINDS; nothing that is done to it later changes it."""
    if isinstance(value, datetime.datetime):
        if is_aware(value):
            return Instant((value - EPOCH) // MICROSECOND)
        return Wall((value.replace(tzinfo=None) - WALL_EPOCH) // MICROSECOND)
    if isinstance(value, datetime.date):
        return Day(value.toordinal() - FIRST_DAY)
    if isinstance(value, datetime.time):
        if value.tzinfo is not None:
            return value.isoformat()
        seconds = (value.hour * 60 + value.minute) * 60 + value.second
        return Clock(seconds * 1000000 + value.microsecond)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, (bytearray, memoryview, bytes)):
        return bytes(value)
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        return Json(json_text(value))
    for plain in (int, float, str, decimal.Decimal):
        if isinstance(value, plain):
            return str.__str__(value) if plain is str else decimal.Decimal(value) if plain is decimal.Decimal else (
                plain.__int__(value) if plain is int else plain.__float__(value))
    raise RowError("a %s cannot be stored" % type(value).__name__)


def in_json(value):
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    return frozen(value)


def finite(value):
    """With texts where JSON has no number."""
    if isinstance(value, float):
        return value if math.isfinite(value) else real_text(value)
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    return [finite(one) for one in value] if isinstance(value, (list, tuple, set, frozenset)) else value


def json_text(value):
    def dump(given):
        return json.dumps(given, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=in_json)

    try:
        try:
            return dump(value)
        except ValueError as error:
            if "Circular" in str(error):
                raise RowError("it holds itself") from None
            return dump(finite(value))
    except (TypeError, RecursionError) as error:
        raise RowError("it cannot be stored as JSON: %s" % error) from None


def real_text(value):
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


# What kinds of values a column has had: a bit each, as in ../runner/column.ts.
(BOOLEAN, INTEGER, LONG, HUGE, ENDLESS, REAL, TEXT, INSTANT, BYTES, NESTED, DECIMAL,
 WALL, DAY, CLOCK) = (1 << n for n in range(14))
NUMBERS = INTEGER | LONG | HUGE | ENDLESS | REAL | DECIMAL
TEXTS = TEXT | WALL | DAY | CLOCK
KINDS = {bool: BOOLEAN, float: REAL, str: TEXT, Instant: INSTANT, bytes: BYTES, Json: NESTED, decimal.Decimal: DECIMAL,
         Wall: WALL, Day: DAY, Clock: CLOCK}
# A DECIMAL of DuckDB has so many digits; of the smaller ones a value takes half the room.
SHORT_DIGITS, MOST_DIGITS = 18, 38
EXACT = decimal.Context(prec=100, Emin=-decimal.MAX_EMAX, Emax=decimal.MAX_EMAX)


def integer_kind(values):
    kind = 0
    for value in (min(values), max(values)):
        if -1 << 53 <= value < 1 << 53:
            kind |= INTEGER
        elif -1 << 63 <= value < 1 << 63:
            kind |= INTEGER | LONG
        else:
            kind |= HUGE if -1 << 127 <= value < 1 << 127 else ENDLESS
    return kind


def kinds_of(values):
    kinds = 0
    for kind in set(map(type, values)):
        if kind is int:
            kinds |= integer_kind([value for value in values if type(value) is int])
        elif kind is not type(None):
            kinds |= KINDS[kind]
    return kinds


def type_of(kinds):
    """The type that holds values of all the kinds exactly; None for none."""
    if kinds == 0:
        return None
    if kinds & ~NUMBERS == 0:
        if kinds & ENDLESS:
            return "text"
        if kinds & REAL:
            return "text" if kinds & (LONG | HUGE | DECIMAL) else "double"
        return "decimal" if kinds & DECIMAL else "int128" if kinds & HUGE else "int64"
    return {BOOLEAN: "boolean", INSTANT: "timestamp", BYTES: "blob", WALL: "datetime", DAY: "date",
            CLOCK: "time"}.get(kinds, "json" if kinds & ~TEXTS else "text")


def digits_of(values):
    """The most digits before the point and behind it, of decimals and whole numbers; None where one is none or has too many."""
    whole = scale = 0
    for value in values:
        if type(value) is int:
            whole = max(whole, len(str(abs(value))))
        elif value is not None:
            _, digits, exponent = value.as_tuple()
            if not isinstance(exponent, int) or abs(exponent) > MOST_DIGITS or len(digits) > 2 * MOST_DIGITS:
                return None
            scale = max(scale, -exponent)
            whole = max(whole, len(digits) + exponent if any(digits) else 0)
    return (whole, scale) if whole + scale <= MOST_DIGITS else None


def as_text(value):
    if isinstance(value, str):
        return value
    return real_text(value) if isinstance(value, float) else value.text() if isinstance(value, TIMES) else str(value)


def as_json(value):
    if isinstance(value, Json):
        return value
    if isinstance(value, TIMES):
        return json.dumps(value.text())
    if isinstance(value, Instant):
        return json.dumps((EPOCH + int(value) * MICROSECOND).isoformat().replace("+00:00", "Z"))
    return json_text(finite(value))


def bits(values, is_set):
    text = "".join("1" if is_set(value) else "0" for value in reversed(values))
    return int(text or "0", 2).to_bytes((len(values) + 7) // 8, "little")


def padded(data):
    return data + bytes(-len(data) % 8)


class Column:
    def __init__(self, name):
        self.name, self.values, self.kinds = name, [], 0
        self.type = None
        # Of a column of decimals: digits before the point and behind it.
        self.digits = (0, 0)

    def encode(self, rows, first_row, fallback):
        """The description of the first `rows` values, and their buffers."""
        self.values.extend([None] * (rows - len(self.values)))
        values = self.values
        self.kinds |= kinds_of(values)
        if self.kinds & BYTES and self.kinds != BYTES:
            raise RowError('column "%s" has bytes in some rows and other values in others' % self.name)
        if self.kinds & DECIMAL and self.kinds & ~NUMBERS == 0:
            self.widen(digits_of(values) if self.kinds & (ENDLESS | REAL) == 0 else None)
        self.type = type_of(self.kinds)
        kind = self.type or fallback
        nulls = values.count(None)
        buffers = [padded(bits(values, lambda value: value is not None))] if nulls > 0 else []
        size = 0
        if kind == "boolean":
            buffers.append(padded(bits(values, lambda value: value is True)))
        elif kind in ("int64", "timestamp", "datetime", "time"):
            buffers.append(array.array("q", [value or 0 for value in values] if nulls > 0 else values).tobytes())
        elif kind == "date":
            buffers.append(padded(array.array("i", [value or 0 for value in values]).tobytes()))
        elif kind == "decimal":
            scale = self.digits[1]
            buffers.append(b"".join(int(EXACT.scaleb(value or 0, scale)).to_bytes(16, "little", signed=True)
                                    for value in values))
        elif kind == "int128":
            buffers.append(b"".join((value or 0).to_bytes(16, "little", signed=True) for value in values))
        elif kind == "double":
            buffers.append(array.array("d", [0.0 if value is None else value for value in values]).tobytes())
        else:
            pieces = self.pieces(kind, first_row)
            places = array.array("i", itertools.accumulate(map(len, pieces), initial=0))
            size = places[-1]
            buffers += [padded(places.tobytes()), padded(b"".join(pieces))]
        description = {"name": self.name, "type": kind, "nulls": nulls, "bytes": size}
        if kind == "decimal":
            description["precision"] = SHORT_DIGITS if sum(self.digits) <= SHORT_DIGITS else MOST_DIGITS
            description["scale"] = self.digits[1]
        return description, buffers

    def widen(self, digits):
        """Makes room for decimals of so many digits; where there is none, they are texts from here on."""
        whole, scale = (max(pair) for pair in zip(self.digits, digits or (MOST_DIGITS, MOST_DIGITS)))
        if whole + scale > MOST_DIGITS:
            self.kinds |= ENDLESS
        else:
            self.digits = (whole, scale)

    def pieces(self, kind, first_row):
        made = {"text": as_text, "json": as_json}.get(kind)
        pieces = []
        for row, value in enumerate(self.values):
            try:
                pieces.append(b"" if value is None else value if made is None else made(value).encode())
            except UnicodeEncodeError:
                raise RowError('row %d, column "%s": a text has half of a character (a lone surrogate)' %
                               (first_row + row, self.name)) from None
        return pieces


# --- Rows

MAX_ROWS, MAX_CELLS, MAX_WEIGHT, MAX_COLUMNS, MAX_BYTES = 16384, 1000000, 4 << 20, 10000, 100 << 20
HOLD_SECONDS = 0.5


class Output:
    def __init__(self, channel):
        self.channel, self.columns, self.by_name, self.declared = channel, [], {}, None
        # Of the last row that was a dict: most have the same.
        self.keys, self.key_columns = (), []
        self.rows = self.before = self.weight = 0
        self.has_batch, self.since, self.clock = False, 0.0, time.monotonic

    @property
    def total(self):
        return self.before + self.rows

    def declare(self, names):
        if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
            raise RowError("ctx.columns: expected a list of names")
        if len(set(names)) < len(names):
            raise RowError("ctx.columns: a name comes twice")
        self.declared = [self.column(name) for name in names]

    def column(self, name):
        found = self.by_name.get(name.lower()) if isinstance(name, str) else None
        if found is not None and found.name == name:
            return found
        at = "row %d: " % (self.total + 1)
        if found is not None:
            raise RowError('%s"%s" and "%s" would be the same column' % (at, found.name, name))
        if not isinstance(name, str) or name == "" or len(name) > 500:
            raise RowError("%s%.50r is no name of a column" % (at, name))
        if len(self.columns) >= MAX_COLUMNS:
            raise RowError("%sthere are more than %d columns" % (at, MAX_COLUMNS))
        column = self.by_name[name.lower()] = Column(str.__str__(name))
        self.columns.append(column)
        return column

    def give(self, given):
        """Takes what the script has yielded: a row, or a list of rows."""
        for row in given if isinstance(given, list) else (given,):
            if self.rows == 0:
                self.since = self.clock()
            self.row(row)
            if self.rows >= MAX_ROWS or self.weight >= MAX_WEIGHT or self.rows * len(self.columns) >= MAX_CELLS:
                self.encode(False)
        if self.rows > 0 and self.clock() - self.since > HOLD_SECONDS:
            self.encode(False)

    def row(self, row):
        if isinstance(row, dict):
            keys = tuple(row)
            if keys != self.keys:
                self.key_columns = [self.column(name) for name in keys]
                self.keys = keys
            cells = zip(self.key_columns, row.values())
        elif isinstance(row, (list, tuple)):
            if self.declared is None:
                raise RowError('rows that are lists need names for their values: call ctx.columns(["id", "name"]) '
                               "before the first of them")
            if len(row) != len(self.declared):
                raise RowError("row %d has %d values, expected the %d of ctx.columns" %
                               (self.total + 1, len(row), len(self.declared)))
            cells = zip(self.declared, row)
        else:
            raise RowError("row %d is a %s, expected a dict, or a list or tuple after ctx.columns" %
                           (self.total + 1, type(row).__name__))
        at = self.rows
        for column, value in cells:
            kind = type(value)
            if kind not in PLAIN:
                try:
                    value = frozen(value)
                except RowError as error:
                    raise RowError('row %d, column "%s": %s' % (self.total + 1, column.name, error)) from None
                kind = type(value)
            if value is None:
                continue
            if kind in (str, bytes, Json):
                self.weight += len(value)
            values = column.values
            if len(values) != at:
                values.extend([None] * (at - len(values)))
            values.append(value)
        self.rows = at + 1

    def checkpoint(self, state):
        checked_state(state)
        self.encode(False)
        try:
            self.channel.send(STATE, json.dumps(state, allow_nan=False, ensure_ascii=False).encode())
        except (TypeError, ValueError, RecursionError) as error:
            raise RowError("ctx.checkpoint: expected a state of JSON: %s" % error) from None

    def end(self):
        self.encode(True)
        self.channel.send_json(END, {"rows": self.total})

    def encode(self, is_last):
        """As RowBuffer.encode in ../runner/row_buffer.ts: a column without a value yet may become anything."""
        rows, first_row = self.rows, self.before + 1
        is_asked = rows > 0 or (is_last and self.columns and
                                (not self.has_batch or any(column.type is None for column in self.columns)))
        if not is_asked:
            return
        known = [column for column in self.columns if column.type is not None or column.values]
        written = self.columns if is_last or not known else known
        if not written:
            raise RowError("row %d has no column at all" % first_row)
        described, buffers = [], []
        for column in written:
            description, own = column.encode(rows, first_row, "text")
            described.append(description)
            buffers += own
            column.values = []
        body = b"".join(buffers)
        if len(body) > MAX_BYTES:
            raise RowError("rows %d to %d are too large" % (first_row, self.total))
        layout = json.dumps({"rows": rows, "columns": described}).encode()
        self.channel.send(ROWS, struct.pack("<Ixxxx", 8 + len(body)) + body + layout)
        self.before, self.rows, self.weight, self.has_batch = self.total, 0, 0, True


def checked_state(value):
    """A state comes back as JavaScript reads it: whole numbers beyond 2^53 would not."""
    if isinstance(value, int) and not -1 << 53 <= value <= 1 << 53:
        raise RowError("ctx.checkpoint: %d is beyond 2^53: keep it as a text" % value)
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise RowError("ctx.checkpoint: the keys of a state are texts")
        for one in value.values():
            checked_state(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            checked_state(one)


# --- What the script's function is called with


class FetchError(Exception):
    """A request that failed; code is unavailable, forbidden, invalid or timeout."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Headers(dict):
    """By their names in lower case; get() and [] take them in any."""

    def __getitem__(self, name):
        return super().__getitem__(name.lower())

    def __contains__(self, name):
        return super().__contains__(name.lower())

    def get(self, name, default=None):
        return super().get(name.lower(), default)


class Response:
    def __init__(self, head, content):
        self.status, self.reason, self.url = head["status"], head["statusText"], head["url"]
        self.ok, self.content, self.headers = 200 <= self.status < 300, content, Headers()
        for name, value in head["headers"]:
            before = self.headers.get(name)
            self.headers[name.lower()] = value if before is None else "%s, %s" % (before, value)

    @property
    def text(self):
        return self.content.decode("utf-8", "replace")

    def json(self, **options):
        return json.loads(self.content, **options)


class Requests:
    def __init__(self, channel):
        self.channel, self.last = channel, 0

    def fetch(self, url, method="GET", headers=None, body=None, redirect="follow"):
        """Asks a host of the stream's and waits for the whole answer. `body`: bytes or str."""
        content = body.encode() if isinstance(body, str) else body
        if content is not None and len(content) > 64 << 20:
            raise FetchError("invalid", "the body of a request has at most 64 MB")
        head = json.dumps({
            "url": str(url), "method": str(method), "redirect": redirect, "hasBody": content is not None,
            "headers": [[str(name), str(value)] for name, value in (headers or {}).items()],
        }).encode()
        made = self.channel.ask(lambda: self.answer(head, bytes(content or b"")))
        if isinstance(made, Response):
            return made
        raise FetchError(made["code"], made["message"])

    def answer(self, head, content):
        """The response, or the code and the message of what failed."""
        self.last += 1
        number = struct.pack("<I", self.last)
        self.channel.send(REQUEST, number + struct.pack("<I", len(head)) + head + content)
        answer, pieces = None, []
        while True:
            kind, payload = self.channel.frame((ORDER_ANSWER, ORDER_PIECE, ORDER_ANSWERED, ORDER_UNANSWERED), number)
            if kind == ORDER_UNANSWERED:
                return json.loads(payload)
            if kind == ORDER_ANSWERED:
                return Response(answer, b"".join(pieces))
            if kind == ORDER_ANSWER:
                answer = json.loads(payload)
            else:
                pieces.append(payload)
            self.channel.send(PULL, number)


class Batch(list):
    """Rows as dicts, of the stream that `stream` names."""


def exact_real(text):
    """A float where it is the number, else a Decimal."""
    value = float(text)
    return value if math.isfinite(value) and decimal.Decimal(repr(value)) == decimal.Decimal(text) else (
        decimal.Decimal(text))


def time_of(read):
    """Reads a date or a time by `read`; one that Python has no value for stays a text, as infinity and nanoseconds."""
    def made(text):
        head, point, rest = text.partition(".")
        zone = "+00:00" if text.endswith("Z") else ""
        fraction = point and "." + rest.rstrip("Z").ljust(6, "0")
        try:
            return read((head if point else head.rstrip("Z")) + fraction + zone)
        except ValueError:
            return text
    return made


# How cells are read, by their kind: see ../sandbox/row_texts.ts.
READERS = {
    "date": time_of(datetime.date.fromisoformat),
    "time": time_of(datetime.time.fromisoformat),
    "timestamp": time_of(datetime.datetime.fromisoformat),
    "timestamptz": time_of(datetime.datetime.fromisoformat),
    "integer": int,
    "decimal": decimal.Decimal,
    "float": float,
    "bytes": base64.b64decode,
    "json": lambda text: json.loads(text, parse_float=exact_real),
}


class Input:
    """The rows of other streams, a batch at a time; goes on from where a loop before it was left."""

    def __init__(self, channel, has_input):
        self.channel, self.has_input, self.is_at_end = channel, has_input, False

    def __iter__(self):
        if not self.has_input:
            raise RowError("ctx.input: name a stream by the key input")
        return self

    def __next__(self):
        batch = None if self.is_at_end else self.channel.ask(self.receive)
        if batch is None:
            self.is_at_end = True
            raise StopIteration
        return batch

    def receive(self):
        self.channel.send(MORE, b"null")
        kind, payload = self.channel.frame((ORDER_BATCH, ORDER_LAST_BATCH))
        if kind == ORDER_LAST_BATCH:
            return None
        batch, batch.stream = batch_of(payload)
        return batch


def batch_of(payload):
    """The rows of a payload, and its key: see ../sandbox/row_texts.ts."""
    given = json.loads(payload)
    columns = [(column["name"], READERS.get(column["kind"])) for column in given["columns"]]
    return Batch({name: cell if cell is None or read is None else read(cell)
                  for (name, read), cell in zip(columns, cells)} for cells in given["rows"]), given["key"]


class LoadBatch(Batch):
    """Rows of a load, with the key of the batch; asking for the next one says that this one is taken."""

    def reject(self, row, reason):
        if self.is_over:
            raise RowError("batch.reject: the next batch was asked for, so that this one is taken")
        at = row if type(row) is int else next((at for at, one in enumerate(self.given) if one is row), -1)
        if not 0 <= at < len(self.given):
            raise RowError("batch.reject: expected a row of the batch, or its place from 0")
        reason = "rejected by the script" if reason is None else str(reason)
        self.rejected[at] = reason[:4000].encode("utf-8", "replace").decode()


class Batches:
    """The rows of a load, a batch at a time; several loops share them."""

    def __init__(self, channel):
        self.channel, self.batch, self.is_at_end, self.rows = channel, None, False, 0

    def __iter__(self):
        return self

    def __next__(self):
        batch = self.channel.ask(self.receive)
        if batch is None:
            raise StopIteration
        return batch

    def receive(self):
        if self.is_at_end:
            return None
        if self.batch is not None:
            self.batch.is_over = True
            self.channel.send_json(TAKEN, {"rejected": sorted(self.batch.rejected.items())})
            self.batch = None
        kind, payload = self.channel.frame((ORDER_BATCH, ORDER_LAST_BATCH))
        if kind == ORDER_LAST_BATCH:
            self.is_at_end = True
            return None
        rows, key = batch_of(payload)
        batch = self.batch = LoadBatch(rows)
        # What the script does to the list does not change which rows there are.
        batch.key, batch.given, batch.rejected, batch.is_over = key, tuple(rows), {}, False
        self.rows += len(rows)
        return batch

    def end(self):
        if not self.is_at_end:
            raise RowError("write() returned before it had asked for all batches (after %d rows)" % self.rows)


class Lines:
    """What a script prints: lines of its log."""
    encoding, errors, closed = "utf-8", "strict", False

    def __init__(self, log):
        self.log, self.rest = log, ""

    def write(self, text):
        *lines, self.rest = (self.rest + str(text)).split("\n")
        if len(self.rest) > 4000:
            lines, self.rest = [*lines, self.rest], ""
        for line in lines:
            self.log(line)
        return len(text)

    def flush(self):
        if self.rest:
            self.log(self.rest)
            self.rest = ""

    def writable(self):
        return True

    def isatty(self):
        return False


def create_context(order, channel, output):
    def log(level):
        def line(*values):
            text = " ".join(map(str, values))[:4000].encode("utf-8", "replace").decode()
            channel.send_json(LOG, {"level": level, "message": text})
        return line

    def instant(ms):
        return None if ms is None else EPOCH + datetime.timedelta(milliseconds=ms)

    def secret(name):
        if name in order["secrets"]:
            return order["secrets"][name]
        raise TypeError('ctx.secret: "%s" is not among the secrets of the stream' % name)

    window, cursor = order["window"], order["cursor"]
    return types.SimpleNamespace(
        params=order["params"], state=order.get("state"), secret=secret, input=Input(channel, order["hasInput"]),
        cursor=None if cursor is None else types.SimpleNamespace(**cursor),
        window=types.SimpleNamespace(run_id=window["runId"], pipeline=window["pipeline"],
                                     start=instant(window["startMs"]), end=instant(window["endMs"]),
                                     run_start=instant(window["endMs"])),
        columns=output.declare, checkpoint=output.checkpoint, fetch=Requests(channel).fetch, FetchError=FetchError,
        log=types.SimpleNamespace(info=log("info"), warn=log("warn")))


# --- The run


def load(text, path):
    module = types.ModuleType("script")
    module.__file__ = path
    sys.modules["script"] = module
    exec(compile(text, path, "exec", dont_inherit=True), module.__dict__)
    return module


def take_rows(module, context, batches):
    """Gives the script the rows of a load, all of them."""
    write = getattr(module, "write", None)
    if not callable(write):
        raise RowError("it has no function to call: a destination is `def write(batches, ctx): for batch in batches: …`")
    given = write(batches, context)
    if hasattr(given, "__next__") or hasattr(given, "__await__"):
        raise RowError("its function write is a generator or async, of which nothing runs: make it a plain function")
    batches.end()


def give_rows(module, context, output):
    make = getattr(module, "rows", None)
    if not callable(make):
        raise RowError("it has no function to call: a source is `def rows(ctx): … yield {…}`")
    given = make(context)
    if given is None or isinstance(given, (dict, str, bytes)) or not hasattr(given, "__iter__"):
        raise RowError("its function gives no rows: `def rows(ctx)` is to be a generator, or to return a list of rows")
    for one in given:
        output.give(one)


def failure_of(error, path):
    """As ScriptFailure in ../sandbox/frames.ts; the innermost place of the script comes first."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename != "<string>":
            at = "project:///" + path if code.co_filename == path else code.co_filename
            places.append("    at %s (%s:%d)" % (code.co_name, at, trace.tb_lineno))
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename == path:
        places.append("    at (project:///%s:%d:%d)" % (path, error.lineno or 1, error.offset or 1))
    places.reverse()
    name, cause = type(error).__name__, error.__cause__
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    if isinstance(error, SystemExit):
        message = "it ended by itself, with %r" % (error.code,)
    if cause is not None:
        message = "%s: %s" % (message, cause)
    code = error.code if isinstance(error, FetchError) else cause.code if isinstance(cause, FetchError) else None
    return {"name": name[:200], "message": message[:4000], "url": "", "isAboutRows": isinstance(error, RowError),
            "stack": "\n".join(["%s: %s" % (name, message[:1000]), *places])[:4000], "code": code}


def main(stop=os._exit):
    source, target = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    # What is written there in spite of all is no frame.
    os.dup2(2, 1)
    sys.path += packages()
    try:
        confine()
    except OSError as error:
        os.write(2, str(error).encode())
        stop(UNCONFINED_EXIT)
    channel = Channel(source, target)
    start, module = channel.next(), channel.next()
    if start is None or module is None or start[0] != ORDER_START or module[0] != ORDER_MODULE:
        stop(NO_ORDER_EXIT)
    order = json.loads(start[1])
    channel.key = bytes.fromhex(order["key"])
    output = Output(channel)
    context = create_context(order, channel, output)
    sys.stdin, sys.stdout, sys.stderr = None, Lines(context.log.info), Lines(context.log.warn)
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    printed = (sys.stdout, sys.stderr)
    try:
        try:
            script, batches = load(module[1].decode(), order["path"]), Batches(channel)
            is_source = order["use"] == "source"
            if is_source:
                give_rows(script, context, output)
            else:
                take_rows(script, context, batches)
            for lines in printed:
                lines.flush()
            if channel.is_broken:
                raise RowError(BROKEN)
            output.end() if is_source else channel.send_json(END, {"rows": batches.rows})
        except MemoryError:
            raise
        except BaseException as error:
            for lines in printed:
                lines.flush()
            channel.send_json(FAILURE, failure_of(error, order["path"]))
            stop(1)
    except MemoryError:
        os.write(2, b"out of memory")
        stop(1)
    stop(0)


main()
