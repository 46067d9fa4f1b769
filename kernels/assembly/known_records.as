/**
 * JSON records that tell a survey nothing new: every key is known, and what is known of its values already goes for this
 * value too. What is known is described by the caller and is never changed here; whatever is not known, or is no JSON, ends the
 * call before the record that it is in, and the caller looks at that one itself.
 */

/** What is known of the values of a place in the records, by its offsets; each is of 32 bits. */
const FLAGS: usize = 0;
const INTEGER_DIGITS: usize = 4;
const TEXT_KIND: usize = 8;
const FIELDS: usize = 12;
const FIELD_COUNT: usize = 16;
/** The elements of arrays; 0 where there was none. */
const ITEM: usize = 20;
/** The number of the object that was read last; written here. */
const SERIAL: usize = 24;

/** A key of objects, by its offsets; each is of 32 bits. */
const FIELD_BYTES: usize = 16;
const KEY: usize = 0;
const KEY_LENGTH: usize = 4;
const VALUE: usize = 8;
/** Of the last object that had the key; written here. */
const LAST_SERIAL: usize = 12;

/**
 * What stands around records in lines that are the same but for them, by its offsets; each is of 32 bits. A line is what is
 * before the record, the record, what is behind it, and where the last of these has a length, a string whose opening quote
 * ends what is behind the record, and from its closing quote on the last.
 */
const BEFORE: usize = 0;
const BEFORE_LENGTH: usize = 4;
const BEHIND: usize = 8;
const BEHIND_LENGTH: usize = 12;
const LAST: usize = 16;
const LAST_LENGTH: usize = 20;

/** Kinds that were seen. */
const NULL: u32 = 1;
const BOOLEAN: u32 = 2;
const INTEGER: u32 = 4;
const REAL: u32 = 8;
const STRING: u32 = 16;
const OBJECT: u32 = 32;
const ARRAY: u32 = 64;
/** What else was seen. */
const BEYOND_64: u32 = 128;
const BEYOND_128: u32 = 256;
const INEXACT_REAL: u32 = 512;
const PLAIN_REALS: u32 = 1024;
const FAR_DATE: u32 = 2048;
/** Its values are for the caller. */
const OTHER: u32 = 4096;

/** Nothing ends there: what was met is not known. */
const UNKNOWN: usize = 0;

/** What strings are. */
const TEXT: u32 = 1;
const DATE: u32 = 2;
const TIMESTAMP: u32 = 3;
const TIMESTAMP_NS: u32 = 4;
const TIMESTAMPTZ: u32 = 5;
const TIME: u32 = 6;

/** The length of a key that is for the caller. */
const NO_KEY: usize = 0x7fffffff;
/** So far a key is looked for, from the one that is expected, and from the first one: 128 fields. */
const REACH: usize = 128 * FIELD_BYTES;
/** Deeper values are for the caller. */
const MAX_DEPTH: u32 = 32;
const LONG_DIGITS: u32 = 19;
const LEAST_BEYOND_128: u32 = 39;
const DOUBLE_DIGITS: u32 = 15;
const MIN_TIME_LENGTH: u32 = 8;
const MAX_TIME_LENGTH: u32 = 35;

const QUOTE: u32 = 0x22;
const BACKSLASH: u32 = 0x5c;
const COMMA: u32 = 0x2c;
const COLON: u32 = 0x3a;
const MINUS: u32 = 0x2d;
const PLUS: u32 = 0x2b;
const POINT: u32 = 0x2e;
const SPACE: u32 = 0x20;
const TAB: u32 = 0x09;
const LINE_FEED: u32 = 0x0a;
const RETURN: u32 = 0x0d;
const OPEN_BRACE: u32 = 0x7b;
const CLOSE_BRACE: u32 = 0x7d;
const OPEN_BRACKET: u32 = 0x5b;
const CLOSE_BRACKET: u32 = 0x5d;
const ZERO: u32 = 0x30;

/** Whether a double keeps all that the number says. */
@external("env", "isExact")
declare function isExact(at: usize, length: u32): bool;

/** Records that the last call read, the longest of them in bytes, and line feeds up to the end of the last one. */
export let records: u32 = 0;
export let longest: u32 = 0;
export let lines: u32 = 0;
/** There are line breaks inside of one. */
export let hasBreaks: bool = false;
/** One begins in the line in which another ends. */
export let sharesLine: bool = false;
/** Line breaks up to the end of the last one, line feeds and carriage returns. */
export let breaks: u32 = 0;
/** Bytes of the lines that the last call wrote. */
export let written: u32 = 0;

let feeds: u32 = 0;
let returns: u32 = 0;

@inline
function byteAt(at: usize): u32 {
  return <u32> load<u8>(at);
}


@inline
function skipSpace(at: usize): usize {
  const byte = byteAt(at);
  return byte > SPACE ? at : skipSpaces(at);
}

function skipSpaces(from: usize): usize {
  let at = from;
  while (true) {
    const byte = byteAt(at);
    if (byte == LINE_FEED) feeds++;
    else if (byte == RETURN) returns++;
    else if (byte != SPACE && byte != TAB) return at;
    at++;
  }
}

/**
 * Reads records of the place `root` from the brace at `start` on; behind the bytes there are 32 zeros. In a list there is a
 * comma behind each record but its last, and its distance from `start` is written to `commas`, which has room for one every three bytes;
 * otherwise there is white space at most. Returns the end of the last record, `start` where there is none.
 */
export function readRecords(start: usize, root: usize, isList: bool, commas: usize): usize {
  let at = start;
  let last = start;
  records = 0;
  longest = 0;
  lines = 0;
  feeds = 0;
  returns = 0;
  breaks = 0;
  hasBreaks = false;
  sharesLine = false;
  let isShared = false;
  while (true) {
    const before = feeds + returns;
    const end = readObject(at + 1, root, 0);
    if (end == UNKNOWN) break;
    records++;
    longest = max<u32>(longest, <u32> (end - at));
    breaks = feeds + returns;
    if (breaks != before) hasBreaks = true;
    if (isShared) sharesLine = true;
    last = end;
    lines = feeds;
    let next = skipSpace(end);
    if (isList) {
      if (byteAt(next) != COMMA) break;
      store<u32>(commas, <u32> (next - start));
      commas += 4;
      next = skipSpace(next + 1);
      } else isShared = feeds == lines;
    if (byteAt(next) != OPEN_BRACE) break;
    at = next;
  }
  return last;
}

/**
 * Reads lines from the one at `start` on, up to `end` at most, behind which there are 32 zeros: each has a record of the place
 * `root` in `wrap`. The records are written to `target`, each with a line feed behind it: they take less room than the lines.
 * Returns the beginning of the first line that is not read.
 */
export function readWrapped(start: usize, end: usize, root: usize, wrap: usize, target: usize): usize {
  const before = <usize> load<u32>(wrap, BEFORE);
  const beforeLength = <usize> load<u32>(wrap, BEFORE_LENGTH);
  const behind = <usize> load<u32>(wrap, BEHIND);
  const behindLength = <usize> load<u32>(wrap, BEHIND_LENGTH);
  const last = <usize> load<u32>(wrap, LAST);
  const lastLength = <usize> load<u32>(wrap, LAST_LENGTH);
  let line = start;
  let to = target;
  records = 0;
  longest = 0;
  feeds = 0;
  returns = 0;
  while (line + beforeLength < end && isSame(line, before, beforeLength)) {
    const record = line + beforeLength;
    if (byteAt(record) != OPEN_BRACE) break;
    let at = readObject(record + 1, root, 0);
    if (at == UNKNOWN || feeds + returns != 0) break;
    const length = at - record;
    if (at + behindLength > end || !isSame(at, behind, behindLength)) break;
    at += behindLength;
    if (lastLength != 0) {
      at = skipString(at);
      if (at == UNKNOWN) break;
      at--;
      if (at + lastLength > end || !isSame(at, last, lastLength)) break;
      at += lastLength;
    }
    if (byteAt(at) != LINE_FEED) break;
    memory.copy(to, record, length);
    store<u8>(to + length, <u8> LINE_FEED);
    to += length + 1;
    records++;
    longest = max<u32>(longest, <u32> length);
    line = at + 1;
  }
  written = <u32> (to - target);
  return line;
}

@inline
function isSame(at: usize, other: usize, length: usize): bool {
  let i: usize = 0;
  for (; i + 8 <= length; i += 8) if (load<u64>(at + i) != load<u64>(other + i)) return false;
  for (; i < length; i++) if (byteAt(at + i) != byteAt(other + i)) return false;
  return true;
}

/** From behind the brace; returns what is behind the other one, as all of these do behind what they read. */
function readObject(from: usize, node: usize, depth: u32): usize {
  const serial = load<u32>(node, SERIAL) + 1;
  store<u32>(node, serial, SERIAL);
  let at = skipSpace(from);
  if (byteAt(at) == CLOSE_BRACE) return at + 1;
  const fields = <usize> load<u32>(node, FIELDS);
  const behind = fields + <usize> load<u32>(node, FIELD_COUNT) * FIELD_BYTES;
  let field = fields;
  while (true) {
    if (byteAt(at) != QUOTE) return UNKNOWN;
    at++;
    field = findField(at, field, fields, behind);
    if (field == 0 || load<u32>(field, LAST_SERIAL) == serial) return UNKNOWN;
    store<u32>(field, serial, LAST_SERIAL);
    at = skipSpace(at + <usize> load<u32>(field, KEY_LENGTH) + 1);
    if (byteAt(at) != COLON) return UNKNOWN;
    at = readValue(skipSpace(at + 1), <usize> load<u32>(field, VALUE), depth);
    if (at == UNKNOWN) return UNKNOWN;
    at = skipSpace(at);
    const byte = byteAt(at);
    if (byte == CLOSE_BRACE) return at + 1;
    if (byte != COMMA) return UNKNOWN;
    at = skipSpace(at + 1);
    field += FIELD_BYTES;
  }
}

/** The field whose key stands there, behind its quote: most often it is the one that is expected. */
@inline
function findField(at: usize, expected: usize, fields: usize, behind: usize): usize {
  const last = min<usize>(behind, expected + REACH);
  for (let field = expected; field < last; field += FIELD_BYTES) if (isKey(at, field)) return field;
  const first = min<usize>(expected, fields + REACH);
  for (let field = fields; field < first; field += FIELD_BYTES) if (isKey(at, field)) return field;
  return 0;
}

/** The caller's keys have no quote in them, and no escape. */
@inline
function isKey(at: usize, field: usize): bool {
  const length = <usize> load<u32>(field, KEY_LENGTH);
  const key = <usize> load<u32>(field, KEY);
  if (length == NO_KEY || byteAt(at + length) != QUOTE) return false;
  let i: usize = 0;
  for (; i + 8 <= length; i += 8) if (load<u64>(at + i) != load<u64>(key + i)) return false;
  const rest = length - i;
  if (rest == 0) return true;
  return (load<u64>(at + i) << ((8 - rest) << 3)) == (load<u64>(key + i) << ((8 - rest) << 3));
}

function readValue(at: usize, node: usize, depth: u32): usize {
  const flags = load<u32>(node, FLAGS);
  if ((flags & OTHER) != 0) return UNKNOWN;
  const byte = byteAt(at);
  if (byte == QUOTE) return readString(at, node, flags);
  if (byte - ZERO < 10 || byte == MINUS) return readNumber(at, node, flags);
  if (byte == OPEN_BRACE) {
    if ((flags & OBJECT) == 0 || depth >= MAX_DEPTH) return UNKNOWN;
    return readObject(at + 1, node, depth + 1);
  }
  if (byte == OPEN_BRACKET) return readArray(at + 1, node, flags, depth);
  if (byte == 0x74) return load<u32>(at) == 0x65757274 && (flags & BOOLEAN) != 0 ? at + 4 : UNKNOWN;
  if (byte == 0x66) return load<u32>(at + 1) == 0x65736c61 && (flags & BOOLEAN) != 0 ? at + 5 : UNKNOWN;
  if (byte == 0x6e) return load<u32>(at) == 0x6c6c756e && (flags & NULL) != 0 ? at + 4 : UNKNOWN;
  return UNKNOWN;
}

function readArray(from: usize, node: usize, flags: u32, depth: u32): usize {
  const item = <usize> load<u32>(node, ITEM);
  if ((flags & ARRAY) == 0 || item == 0 || depth >= MAX_DEPTH) return UNKNOWN;
  let at = skipSpace(from);
  if (byteAt(at) == CLOSE_BRACKET) return at + 1;
  while (true) {
    at = readValue(at, item, depth + 1);
    if (at == UNKNOWN) return UNKNOWN;
    at = skipSpace(at);
    const byte = byteAt(at);
    if (byte == CLOSE_BRACKET) return at + 1;
    if (byte != COMMA) return UNKNOWN;
    at = skipSpace(at + 1);
  }
}

function readString(from: usize, node: usize, flags: u32): usize {
  if ((flags & STRING) == 0) return UNKNOWN;
  const end = skipString(from + 1);
  if (end == UNKNOWN) return UNKNOWN;
  const kind = load<u32>(node, TEXT_KIND);
  if (kind == TEXT) return end;
  const found = timeKindOf(from + 1, end - 1);
  if (found == 0 || kind == 0 || common(kind, found) != kind) return UNKNOWN;
  if (found != TIME && (flags & FAR_DATE) == 0 && isFar(from + 1)) return UNKNOWN;
  return end;
}

/** From behind the opening quote to behind the closing one. */
function skipString(from: usize): usize {
  let at = from;
  while (true) {
    const bytes = v128.load(at);
    const ends = v128.or(
      v128.or(i8x16.eq(bytes, i8x16.splat(<i8> QUOTE)), i8x16.eq(bytes, i8x16.splat(<i8> BACKSLASH))),
      i8x16.lt_u(bytes, i8x16.splat(<i8> SPACE)),
    );
    const mask = i8x16.bitmask(ends);
    if (mask == 0) {
      at += 16;
      continue;
    }
    at += <usize> ctz<i32>(mask);
    const byte = byteAt(at);
    if (byte == QUOTE) return at + 1;
    if (byte != BACKSLASH) return UNKNOWN;
    at = skipEscape(at);
    if (at == UNKNOWN) return UNKNOWN;
  }
}

function skipEscape(at: usize): usize {
  switch (byteAt(at + 1)) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return at + 2;
    case 0x75:
      break;
    default:
      return UNKNOWN;
  }
  const unit = hexAt(at + 2);
  if (unit > 0xffff) return UNKNOWN;
  if ((unit & 0xf800) != 0xd800) return at + 6;
  if (unit >= 0xdc00 || load<u16>(at + 6) != 0x755c) return UNKNOWN;
  const low = hexAt(at + 8);
  return low >= 0xdc00 && low < 0xe000 ? at + 12 : UNKNOWN;
}

/** Four digits; more than they can be where they are none. */
function hexAt(at: usize): u32 {
  let value: u32 = 0;
  for (let i: usize = 0; i < 4; i++) {
    const byte = byteAt(at + i);
    const letter = (byte | 0x20) - 0x61;
    if (byte - ZERO < 10) value = (value << 4) | (byte - ZERO);
    else if (letter < 6) value = (value << 4) | (letter + 10);
    else return 0x10000;
  }
  return value;
}

@inline
function skipDigits(from: usize): usize {
  let at = from;
  while (byteAt(at) - ZERO < 10) at++;
  return at;
}

function readNumber(from: usize, node: usize, flags: u32): usize {
  const start = byteAt(from) == MINUS ? from + 1 : from;
  const whole = skipDigits(start);
  const digits = <u32> (whole - start);
  if (digits == 0) return UNKNOWN;
  if (byteAt(start) == ZERO && digits > 1) return UNKNOWN;
  let end = whole;
  if (byteAt(end) == POINT) {
    end = skipDigits(whole + 1);
    if (end == whole + 1) return UNKNOWN;
  }
  const mantissa = end;
  if ((byteAt(end) | 0x20) == 0x65) {
    const sign = byteAt(end + 1);
    const first = sign == MINUS || sign == PLUS ? end + 2 : end + 1;
    end = skipDigits(first);
    if (end == first) return UNKNOWN;
  }
  const isKnown = end == whole
    ? isKnownInteger(start, digits, start != from, node, flags)
    : isKnownReal(from, start, end, mantissa == end, flags);
  return isKnown ? end : UNKNOWN;
}

@inline
function isKnownInteger(start: usize, digits: u32, isNegative: bool, node: usize, flags: u32): bool {
  if ((flags & INTEGER) == 0 || digits > load<u32>(node, INTEGER_DIGITS)) return false;
  if (digits < LONG_DIGITS || (flags & BEYOND_128) != 0) return true;
  if (digits >= LEAST_BEYOND_128) return false;
  if ((flags & BEYOND_64) != 0) return true;
  if (digits > LONG_DIGITS) return false;
  let value: u64 = 0;
  for (let at = start; at < start + LONG_DIGITS; at++) value = value * 10 + (byteAt(at) - ZERO);
  return value <= <u64> i64.MAX_VALUE + (isNegative ? 1 : 0);
}

@inline
function isKnownReal(from: usize, start: usize, end: usize, isPlain: bool, flags: u32): bool {
  if ((flags & REAL) == 0) return false;
  const isShort = <u32> (end - from) <= DOUBLE_DIGITS + 1 && isPlain;
  if ((flags & PLAIN_REALS) != 0 && (!isShort || isTiny(start))) return false;
  return isShort || (flags & INEXACT_REAL) != 0 || isExact(from, <u32> (end - from));
}

/** A double of which a text has an exponent. */
@inline
function isTiny(start: usize): bool {
  return byteAt(start) == ZERO && byteAt(start + 1) == POINT && byteAt(start + 2) == ZERO &&
    byteAt(start + 3) == ZERO && byteAt(start + 4) == ZERO;
}

/** The kind that holds the values of both; 0 where only text does. */
@inline
function common(a: u32, b: u32): u32 {
  if (a == b) return a;
  if (a > TIMESTAMP_NS || b > TIMESTAMP_NS || a < DATE || b < DATE) return 0;
  return max<u32>(a, b);
}

/** Two digits; more than any limit where they are none. */
@inline
function twoDigits(at: usize): u32 {
  const tens = byteAt(at) - ZERO;
  const ones = byteAt(at + 1) - ZERO;
  return tens > 9 || ones > 9 ? 100000 : tens * 10 + ones;
}

/** The kind of a date or time; 0 where it is none. */
function timeKindOf(start: usize, end: usize): u32 {
  const length = <u32> (end - start);
  if (length < MIN_TIME_LENGTH || length > MAX_TIME_LENGTH) return 0;
  if (byteAt(start + 2) == COLON) return isTime(start, end) ? TIME : 0;
  if (length < 10 || !isDate(start)) return 0;
  if (length == 10) return DATE;
  const between = byteAt(start + 10);
  if (between != SPACE && between != 0x54 || !isHour(start + 11)) return 0;
  const seconds = start + 16;
  if (seconds > end) return 0;
  const fraction = byteAt(seconds) == COLON && seconds < end ? seconds + 3 : seconds;
  if (fraction > end || fraction > seconds && twoDigits(seconds + 1) >= 60) return 0;
  const zone = fraction > seconds ? endOfFraction(fraction, end) : fraction;
  const digits = <i32> (zone - fraction) - 1;
  if (digits == 0 || digits > 9) return 0;
  if (zone == end) return digits > 6 ? TIMESTAMP_NS : TIMESTAMP;
  return digits > 6 || !isOffset(zone, end) ? 0 : TIMESTAMPTZ;
}

@inline
function isHour(at: usize): bool {
  return twoDigits(at) < 24 && byteAt(at + 2) == COLON && twoDigits(at + 3) < 60;
}

function isTime(start: usize, end: usize): bool {
  if (!isHour(start) || byteAt(start + 5) != COLON || twoDigits(start + 6) >= 60) return false;
  const last = endOfFraction(start + 8, end);
  return last == end && last != start + 9 && last <= start + 15;
}

function isDate(at: usize): bool {
  const year = twoDigits(at) * 100 + twoDigits(at + 2);
  const month = twoDigits(at + 5);
  const day = twoDigits(at + 8);
  if (byteAt(at + 4) != MINUS || byteAt(at + 7) != MINUS) return false;
  if (year == 0 || year > 9999 || month == 0 || month > 12 || day == 0) return false;
  const isLeap = (year & 3) == 0 && (year % 100 != 0 || year % 400 == 0);
  return day <= <u32> (month == 2 ? (isLeap ? 29 : 28) : 30 + ((month + (month >> 3)) & 1));
}

/** Behind a point and its digits; `at` where there is no point. */
@inline
function endOfFraction(at: usize, end: usize): usize {
  if (at >= end || byteAt(at) != POINT) return at;
  let last = at + 1;
  while (last < end && byteAt(last) - ZERO < 10) last++;
  return last;
}

function isOffset(at: usize, end: usize): bool {
  const sign = byteAt(at);
  if (sign == 0x5a) return at + 1 == end;
  if (sign != PLUS && sign != MINUS || twoDigits(at + 1) >= 24) return false;
  if (at + 3 == end) return true;
  const minutes = byteAt(at + 3) == COLON ? at + 4 : at + 3;
  return minutes + 2 == end && twoDigits(minutes) < 60;
}

/** Whether nanoseconds since 1970 do not reach the date's year in 64 bits. */
@inline
function isFar(start: usize): bool {
  const year = twoDigits(start) * 100 + twoDigits(start + 2);
  return year < 1678 || year > 2261;
}
