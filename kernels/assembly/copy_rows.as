/**
 * PostgreSQL's binary COPY → columns. The caller lays out the memory and describes each column by
 * COLUMN_BYTES bytes; nothing is allocated here. A row that does not fit into a column's room is begun again
 * once there is more, so what a row writes may be written twice. Every length is compared with what stands
 * around it: no value reaches beyond its message.
 */

/** A column's description, by its offsets; each is of 32 bits. A list's elements are a column too. */
const COLUMN_BYTES: usize = 40;
const KIND: usize = 0;
const VALUES: usize = 4;
/** A bit a row, all set by the caller before the first row. */
const VALIDITY: usize = 8;
/** Bytes, lists: where each value ends, behind a 0. */
const ENDS: usize = 12;
/** Bytes: room in bytes, of which the last SLACK_BYTES are never part of a value. Lists: room for elements. */
const ROOM: usize = 16;
/** Numbers: groups of digits right of the point. Bytes: how many at the front are not the value's own. */
const PARAMETER: usize = 20;
/** Numbers: what the last group is divided by. */
const DIVISOR: usize = 24;
/** Becomes 1 at the first NULL. */
const HAS_NULLS: usize = 28;
/** Lists: the description of the elements. */
const ELEMENTS: usize = 32;

const BOOL: u32 = 0;
const WORD_16: u32 = 1;
const WORD_32: u32 = 2;
const WORD_64: u32 = 3;
const DATE: u32 = 4;
const TIMESTAMP: u32 = 5;
const INTERVAL: u32 = 6;
const UUID: u32 = 7;
const NUMERIC: u32 = 8;
const BYTES: u32 = 9;
const LIST: u32 = 10;

/** What ended a call. */
const DONE: u32 = 0;
const COMPLETE: u32 = 1;
const NEEDS_ROOM: u32 = 2;
const WRONG_COLUMN_COUNT: u32 = 3;
const WRONG_END: u32 = 4;
const WRONG_LENGTH: u32 = 5;
const NOT_A_NUMBER: u32 = 6;
const TOO_MANY_DIGITS: u32 = 7;
const TIME_TOO_LATE: u32 = 8;
const INTERVAL_TOO_LONG: u32 = 9;
const TOO_MANY_DIMENSIONS: u32 = 10;
const WRONG_LOWER_BOUND: u32 = 11;

const SLACK_BYTES: u32 = 32;
const MESSAGE_HEADER_BYTES: usize = 5;
const SIGNATURE_BYTES: usize = 11;
const COPY_HEADER_BYTES: usize = 19;
const NUMERIC_HEADER_BYTES: usize = 8;
const ARRAY_HEADER_BYTES: usize = 12;
const DIMENSION_BYTES: usize = 8;
const NEGATIVE: u32 = 0x4000;
const EPOCH_DAYS: i32 = 10957;
const EPOCH_MICROS: i64 = 946684800000000;
const NANOS_PER_MICRO: i64 = 1000;

/** The message at which the last call ended; what it says more of its end; 1 where an element of a list ended it. */
export let stoppedAt: usize = 0;
export let column: u32 = 0;
export let detail: i32 = 0;
export let isElement: u32 = 0;
/** Why the last call ended. */
export let outcome: u32 = DONE;

@inline
function end(status: u32, at: usize, row: u32): u32 {
  outcome = status;
  stoppedAt = at;
  return row;
}

@inline
function bigEndian16(at: usize): u32 {
  const raw = <u32> load<u16>(at);
  return ((raw & 0xff) << 8) | (raw >> 8);
}

@inline
function bigEndian32(at: usize): u32 {
  return bswap<u32>(load<u32>(at));
}

@inline
function bigEndian64(at: usize): u64 {
  const raw = v128.load64_splat(at);
  return v128.extract_lane<u64>(v128.shuffle<u8>(raw, raw, 7, 6, 5, 4, 3, 2, 1, 0, 7, 6, 5, 4, 3, 2, 1, 0), 0);
}

/**
 * Where the first row of a COPY begins: checks the signature and passes the header by. `at` is the first
 * message. 0 where it has no such header.
 */
export function passHeader(at: usize): usize {
  const messageEnd = at + 1 + bigEndian32(at + 1);
  const start = at + MESSAGE_HEADER_BYTES;
  if (messageEnd < start + COPY_HEADER_BYTES) return 0;
  // `PGCOPY\n\377`, then `\r\n\0`.
  if (load<u64>(start) != 0xff0a59504f434750) return 0;
  if (load<u16>(start, 8) != 0x0a0d || load<u8>(start, 10) != 0) return 0;
  const extension = bigEndian32(start + SIGNATURE_BYTES + 4);
  const first = <u64> start + COPY_HEADER_BYTES + extension;
  return first > <u64> messageEnd ? 0 : <usize> first;
}

/**
 * Decodes the rows of whole messages, from `at` on, into the rows from `row` on: until the first message that
 * begins at `enough` or later, until there are `rows`, or until something else ends it, which `outcome`
 * says. `first` is where the first row begins if that is not the begin of its message, or 0. Returns how
 * many rows there are then.
 */
export function decodeRows(
  columns: usize,
  columnCount: u32,
  at: usize,
  enough: usize,
  first: usize,
  row: u32,
  rows: u32,
): u32 {
  isElement = 0;
  while (at < enough && row < rows) {
    const messageEnd = at + 1 + bigEndian32(at + 1);
    let place = first != 0 ? first : at + MESSAGE_HEADER_BYTES;
    first = 0;
    if (place == messageEnd) {
      at = messageEnd;
      continue;
    }
    if (place + 2 > messageEnd) return end(WRONG_END, at, row);
    const count = bigEndian16(place);
    place += 2;
    if (count == 0xffff) return end(COMPLETE, messageEnd, row);
    if (count != columnCount) {
      detail = <i32> <i16> count;
      return end(WRONG_COLUMN_COUNT, at, row);
    }
    for (let c: u32 = 0, own = columns; c < columnCount; c++, own += COLUMN_BYTES) {
      if (place + 4 > messageEnd) return end(WRONG_END, at, row);
      const length = <i32> bigEndian32(place);
      place += 4;
      if (length < 0) {
        setNull(own, row);
        continue;
      }
      if (<u64> place + length > <u64> messageEnd) return end(WRONG_END, at, row);
      const status = decodeValue(own, place, length, row);
      if (status != DONE) {
        column = c;
        return end(status, at, row);
      }
      place += length;
    }
    if (place != messageEnd) return end(WRONG_END, at, row);
    at = messageEnd;
    row++;
  }
  return end(DONE, at, row);
}

@inline
function wrongLength(length: i32): u32 {
  detail = length;
  return WRONG_LENGTH;
}

@inline
function decodeValue(own: usize, place: usize, length: i32, row: u32): u32 {
  const values = <usize> load<u32>(own, VALUES);
  switch (load<u32>(own, KIND)) {
    case BOOL: {
      if (length != 1) return wrongLength(length);
      const byte = values + (row >> 3);
      const bit: u32 = 1 << (row & 7);
      const others: u32 = load<u8>(byte) & ~bit;
      store<u8>(byte, load<u8>(place) != 0 ? others | bit : others);
      break;
    }
    case WORD_16: {
      if (length != 2) return wrongLength(length);
      store<u16>(values + (row << 1), bigEndian16(place));
      break;
    }
    case WORD_32: {
      if (length != 4) return wrongLength(length);
      store<u32>(values + (row << 2), bigEndian32(place));
      break;
    }
    case WORD_64: {
      if (length != 8) return wrongLength(length);
      store<u64>(values + (row << 3), bigEndian64(place));
      break;
    }
    case DATE: {
      if (length != 4) return wrongLength(length);
      // PostgreSQL's infinities are the extremes; ours are the greatest number and its negation.
      const day = <i32> bigEndian32(place);
      const isInfinite = day == i32.MIN_VALUE || day == i32.MAX_VALUE;
      store<i32>(values + (row << 2), isInfinite ? max(day, -i32.MAX_VALUE) : day + EPOCH_DAYS);
      break;
    }
    case TIMESTAMP: {
      if (length != 8) return wrongLength(length);
      const micros = <i64> bigEndian64(place);
      const isInfinite = micros == i64.MIN_VALUE || micros == i64.MAX_VALUE;
      if (!isInfinite && micros > i64.MAX_VALUE - EPOCH_MICROS) return TIME_TOO_LATE;
      store<i64>(values + (row << 3), isInfinite ? max(micros, -i64.MAX_VALUE) : micros + EPOCH_MICROS);
      break;
    }
    case INTERVAL: {
      if (length != 16) return wrongLength(length);
      // Microseconds, days, months → months, days, nanoseconds.
      const micros = <i64> bigEndian64(place);
      const nanos = micros * NANOS_PER_MICRO;
      if (nanos / NANOS_PER_MICRO != micros) return INTERVAL_TOO_LONG;
      const to = values + (row << 4);
      store<u32>(to, bigEndian32(place + 12));
      store<u32>(to, bigEndian32(place + 8), 4);
      store<i64>(to, nanos, 8);
      break;
    }
    case UUID: {
      if (length != 16) return wrongLength(length);
      v128.store(values + (row << 4), v128.load(place));
      break;
    }
    case NUMERIC: {
      const status = decodeNumeric(own, place, length, values + (row << 4));
      if (status != DONE) return status;
      break;
    }
    case BYTES: {
      const prefix = load<u32>(own, PARAMETER);
      if (<u32> length < prefix) {
        setNull(own, row);
        break;
      }
      const size = <u32> length - prefix;
      const ends = <usize> load<u32>(own, ENDS) + (row << 2);
      const used = load<u32>(ends);
      const needed = <u64> used + size + SLACK_BYTES;
      if (needed > <u64> load<u32>(own, ROOM)) {
        detail = <i32> min<u64>(needed, i32.MAX_VALUE);
        return NEEDS_ROOM;
      }
      copyBytes(values + used, place + prefix, size);
      store<u32>(ends, used + size, 4);
      break;
    }
    default: {
      const status = decodeList(own, place, length, row);
      if (status != DONE) return status;
    }
  }
  return DONE;
}

/** The value's place is zeroed, so that the same rows are always the same bytes. */
function setNull(own: usize, row: u32): void {
  store<u32>(own, 1, HAS_NULLS);
  clearBit(load<u32>(own, VALIDITY), row);
  const values = <usize> load<u32>(own, VALUES);
  switch (load<u32>(own, KIND)) {
    case BOOL: {
      clearBit(values, row);
      break;
    }
    case WORD_16: {
      store<u16>(values + (row << 1), 0);
      break;
    }
    case WORD_32:
    case DATE: {
      store<u32>(values + (row << 2), 0);
      break;
    }
    case WORD_64:
    case TIMESTAMP: {
      store<u64>(values + (row << 3), 0);
      break;
    }
    case INTERVAL:
    case UUID:
    case NUMERIC: {
      store<u64>(values + (row << 4), 0);
      store<u64>(values + (row << 4), 0, 8);
      break;
    }
    default: {
      const ends = <usize> load<u32>(own, ENDS) + (row << 2);
      store<u32>(ends, load<u32>(ends), 4);
    }
  }
}

@inline
function clearBit(bits: usize, row: u32): void {
  const byte = bits + (row >> 3);
  const others: u32 = load<u8>(byte) & ~(1 << (row & 7));
  store<u8>(byte, others);
}

/** Short values are copied with what stands behind them: there is slack on both sides. */
@inline
function copyBytes(to: usize, from: usize, size: u32): void {
  if (size <= SLACK_BYTES) {
    v128.store(to, v128.load(from));
    if (size > 16) v128.store(to, v128.load(from, 16), 16);
  } else {
    memory.copy(to, from, size);
  }
}

/**
 * A decimal of 128 bits. The wire has the count of digits of base 10,000, the weight of the first, a sign,
 * how many decimal digits are shown, and the digits. Source: numeric_send in
 * https://github.com/postgres/postgres, src/backend/utils/adt/numeric.c
 */
function decodeNumeric(own: usize, at: usize, length: i32, to: usize): u32 {
  if (length < <i32> NUMERIC_HEADER_BYTES) return wrongLength(length);
  const count = <i32> bigEndian16(at);
  if (length != <i32> NUMERIC_HEADER_BYTES + (count << 1)) return wrongLength(length);
  const sign = bigEndian16(at + 4);
  if (sign != 0 && sign != NEGATIVE) {
    detail = sign;
    return NOT_A_NUMBER;
  }
  const groups = <i32> <i16> bigEndian16(at + 2) + 1 + <i32> load<u32>(own, PARAMETER);
  const present = max(min(count, groups), 0);
  const divisor = load<u32>(own, DIVISOR);
  const digits = at + NUMERIC_HEADER_BYTES;
  if (groups > 4) return decodeLargeNumeric(digits, present, groups, divisor, sign != 0, to);
  let value: u64 = 0;
  for (let group = 0; group < present; group++) value = value * 10000 + bigEndian16(digits + (group << 1));
  for (let group = present; group < groups; group++) value *= 10000;
  // Dividing by a constant is a multiplication.
  if (divisor == 100) value /= 100;
  else if (divisor == 10) value /= 10;
  else if (divisor == 1000) value /= 1000;
  const signed = sign != 0 ? -(<i64> value) : <i64> value;
  store<i64>(to, signed);
  store<i64>(to, signed >> 63, 8);
  return DONE;
}

/** By limbs of 32 bits, of which `e` is more than there is room for. */
function decodeLargeNumeric(
  digits: usize,
  present: i32,
  groups: i32,
  divisor: u32,
  isNegative: bool,
  to: usize,
): u32 {
  let a: u64 = 0;
  let b: u64 = 0;
  let c: u64 = 0;
  let d: u64 = 0;
  let e: u64 = 0;
  for (let group = 0; group < groups; group++) {
    a = a * 10000 + (group < present ? bigEndian16(digits + (group << 1)) : 0);
    b = b * 10000 + (a >> 32);
    c = c * 10000 + (b >> 32);
    d = d * 10000 + (c >> 32);
    e = e * 10000 + (d >> 32);
    if (e >= 10000) return TOO_MANY_DIGITS;
    a &= 0xffffffff;
    b &= 0xffffffff;
    c &= 0xffffffff;
    d &= 0xffffffff;
  }
  if (e >= divisor) return TOO_MANY_DIGITS;
  d |= e << 32;
  c |= (d % divisor) << 32;
  b |= (c % divisor) << 32;
  a |= (b % divisor) << 32;
  let low = (a / divisor) | ((b / divisor) << 32);
  let high = (c / divisor) | ((d / divisor) << 32);
  if (<i64> high < 0) return TOO_MANY_DIGITS;
  if (isNegative) {
    low = 0 - low;
    high = ~high + (low == 0 ? 1 : 0);
  }
  store<u64>(to, low);
  store<u64>(to, high, 8);
  return DONE;
}

/** One dimension, from 1 on. Source: array_send in PostgreSQL's src/backend/utils/adt/arrayfuncs.c */
function decodeList(own: usize, at: usize, length: i32, row: u32): u32 {
  const ends = <usize> load<u32>(own, ENDS) + (row << 2);
  const used = load<u32>(ends);
  if (length < <i32> ARRAY_HEADER_BYTES) return wrongLength(length);
  const dimensions = <i32> bigEndian32(at);
  if (dimensions == 0) {
    store<u32>(ends, used, 4);
    return DONE;
  }
  detail = dimensions;
  if (dimensions != 1) return TOO_MANY_DIMENSIONS;
  if (length < <i32> (ARRAY_HEADER_BYTES + DIMENSION_BYTES)) return wrongLength(length);
  const count = bigEndian32(at + ARRAY_HEADER_BYTES);
  detail = <i32> bigEndian32(at + ARRAY_HEADER_BYTES + 4);
  if (detail != 1) return WRONG_LOWER_BOUND;
  const valueEnd = at + <u32> length;
  let place = at + ARRAY_HEADER_BYTES + DIMENSION_BYTES;
  // Each element has at least its length.
  if (<u64> count * 4 > <u64> (valueEnd - place)) return WRONG_END;
  if (<u64> used + count > <u64> load<u32>(own, ROOM)) {
    detail = used + count;
    return NEEDS_ROOM;
  }
  const elements = load<u32>(own, ELEMENTS);
  for (let element: u32 = 0; element < count; element++) {
    if (place + 4 > valueEnd) return WRONG_END;
    const size = <i32> bigEndian32(place);
    place += 4;
    if (size < 0) {
      setNull(elements, used + element);
      continue;
    }
    if (<u64> place + size > <u64> valueEnd) return WRONG_END;
    const status = decodeElement(elements, place, size, used + element);
    if (status != DONE) {
      isElement = 1;
      return status;
    }
    place += size;
  }
  if (place != valueEnd) return WRONG_END;
  store<u32>(ends, used + count, 4);
  return DONE;
}

function decodeElement(own: usize, place: usize, length: i32, row: u32): u32 {
  return decodeValue(own, place, length, row);
}

/** How many of the first `rows` bits are not set. */
export function countNulls(validity: usize, rows: u32): u32 {
  const words = rows >> 6;
  let set: u32 = 0;
  for (let word: u32 = 0; word < words; word++) set += <u32> popcnt<u64>(load<u64>(validity + (word << 3)));
  for (let row = words << 6; row < rows; row++) set += (load<u8>(validity + (row >> 3)) >> <u8> (row & 7)) & 1;
  return rows - set;
}
