/**
 * MySQL's text protocol → columns. A row is its values one after the other, each with its length before it;
 * a packet's header stands before each row, or before none where one row is all that there is. The caller lays
 * out the memory and describes each column by COLUMN_BYTES bytes; nothing is allocated here. A row that does
 * not fit into a column's room is begun again once there is more, so what a row writes may be written twice.
 * Every length is compared with what stands around it: no value reaches beyond its row.
 */

/** A column's description, by its offsets; each is of 32 bits. */
const COLUMN_BYTES: usize = 40;
const KIND: usize = 0;
const VALUES: usize = 4;
/** A bit a row, all set by the caller before the first row. */
const VALIDITY: usize = 8;
/** Bytes: where each value ends, behind a 0. */
const ENDS: usize = 12;
/** Bytes: room in bytes, of which the last SLACK_BYTES are never part of a value. */
const ROOM: usize = 16;
/** Integers: bytes of a value. Decimals: digits behind the point. Dates: 1 where those in no calendar are NULL. */
const PARAMETER: usize = 20;
/** Integers: 1 without a sign. Decimals: digits at most. */
const LIMIT: usize = 24;
/** Becomes 1 at the first NULL. */
const HAS_NULLS: usize = 28;

const INTEGER: u32 = 0;
const BOOL: u32 = 1;
const BITS: u32 = 2;
const FLOAT: u32 = 3;
const DOUBLE: u32 = 4;
const DECIMAL: u32 = 5;
const DATE: u32 = 6;
const TIMESTAMP: u32 = 7;
const TIME: u32 = 8;
const UUID: u32 = 9;
const BYTES: u32 = 10;

/** What ended a call. */
const DONE: u32 = 0;
const NEEDS_ROOM: u32 = 1;
const WRONG_END: u32 = 2;
const UNFIT: u32 = 3;

const SLACK_BYTES: u32 = 32;
const HEADER_BYTES: usize = 4;
const NULL_MARK: u32 = 0xfb;
const DAY_SECONDS: i64 = 86400;
const DATE_LENGTH: u32 = 10;
const TIME_LENGTH: u32 = 8;
const DATE_TIME_LENGTH: u32 = 19;
const NO_DATE: i32 = i32.MAX_VALUE;
/** Digits of which a double holds every count exactly, and of which 64 bits do. */
const EXACT_DIGITS: u32 = 15;
const LONG_DIGITS: u32 = 19;
const MINUS: u32 = 0x2d;
const POINT: u32 = 0x2e;
const COLON: u32 = 0x3a;

/** The number that a text is, to the last bit; NaN where it is none. For the few that are not read here. */
@external("env", "parseNumber")
declare function parseNumber(at: usize, length: u32): f64;

/** Where the row begins at which the last call ended. */
export let stoppedAt: usize = 0;
export let column: u32 = 0;
/** UNFIT: where the value is, and its length. NEEDS_ROOM: how much, as its length. */
export let valueAt: usize = 0;
export let length: u32 = 0;
/** Why the last call ended. */
export let outcome: u32 = DONE;

@inline
function end(status: u32, at: usize, row: u32): u32 {
  outcome = status;
  stoppedAt = at;
  return row;
}

/**
 * Decodes rows from `at` on into the rows from `row` on: until the first row that begins at `enough` or later,
 * until there are `rows`, or until something else ends it, which `outcome` says. Without headers, the one row
 * ends at `enough`. Returns how many rows there are then.
 */
export function decodeRows(
  columns: usize,
  columnCount: u32,
  at: usize,
  enough: usize,
  isFramed: bool,
  row: u32,
  rows: u32,
): u32 {
  while (at < enough && row < rows) {
    const rowEnd = isFramed ? at + HEADER_BYTES + (load<u32>(at) & 0xffffff) : enough;
    let place = isFramed ? at + HEADER_BYTES : at;
    for (let c: u32 = 0, own = columns; c < columnCount; c++, own += COLUMN_BYTES) {
      if (place >= rowEnd) return end(WRONG_END, at, row);
      let size: u64 = load<u8>(place++);
      if (size >= NULL_MARK) {
        if (size == NULL_MARK) {
          setNull(own, row);
          continue;
        }
        if (size == 0xfc) {
          size = load<u16>(place);
          place += 2;
        } else if (size == 0xfd) {
          size = load<u32>(place) & 0xffffff;
          place += 3;
        } else if (size == 0xfe) {
          size = load<u64>(place);
          place += 8;
        } else return end(WRONG_END, at, row);
      }
      if (place > rowEnd || size > <u64> (rowEnd - place)) return end(WRONG_END, at, row);
      const status = decodeValue(own, place, <u32> size, row);
      if (status != DONE) {
        column = c;
        if (status == UNFIT) {
          valueAt = place;
          length = <u32> size;
        }
        return end(status, at, row);
      }
      place += <usize> size;
    }
    if (place != rowEnd) return end(WRONG_END, at, row);
    at = rowEnd;
    row++;
  }
  return end(DONE, at, row);
}

@inline
function decodeValue(own: usize, at: usize, size: u32, row: u32): u32 {
  const values = <usize> load<u32>(own, VALUES);
  switch (load<u32>(own, KIND)) {
    case INTEGER:
      return decodeInteger(own, at, size, values, row);
    case DECIMAL:
      return decodeDecimal(own, at, size, values + (row << 4));
    case DATE: {
      const days = size == DATE_LENGTH ? daysAt(at) : NO_DATE;
      if (days == NO_DATE) return noDate(own, at, size, row);
      store<i32>(values + (row << 2), days);
      break;
    }
    case TIMESTAMP: {
      if (size < DATE_TIME_LENGTH) return noDate(own, at, size, row);
      const days = daysAt(at);
      const seconds = secondsAt(at + DATE_LENGTH + 1);
      const micros = fractionAt(at + DATE_TIME_LENGTH, size - DATE_TIME_LENGTH);
      if (days == NO_DATE || seconds < 0 || micros < 0) return noDate(own, at, size, row);
      store<i64>(values + (row << 3), (<i64> days * DAY_SECONDS + seconds) * 1000000 + micros);
      break;
    }
    case TIME: {
      if (size < TIME_LENGTH) return UNFIT;
      const seconds = secondsAt(at);
      const micros = fractionAt(at + TIME_LENGTH, size - TIME_LENGTH);
      if (seconds < 0 || micros < 0) return UNFIT;
      store<i64>(values + (row << 3), <i64> seconds * 1000000 + micros);
      break;
    }
    case FLOAT: {
      const value = numberAt(at, size);
      if (value != value) return UNFIT;
      store<f32>(values + (row << 2), <f32> value);
      break;
    }
    case DOUBLE: {
      const value = numberAt(at, size);
      if (value != value) return UNFIT;
      store<f64>(values + (row << 3), value);
      break;
    }
    case BOOL: {
      const value = size == 1 ? <u32> load<u8>(at) : 2;
      if (value > 1) return UNFIT;
      const byte = values + (row >> 3);
      store<u8>(byte, (<u32> load<u8>(byte) & ~(1 << (row & 7))) | (value << (row & 7)));
      break;
    }
    case BITS: {
      if (size > 8) return UNFIT;
      let value: u64 = 0;
      for (let i: u32 = 0; i < size; i++) value = (value << 8) | load<u8>(at + i);
      store<u64>(values + (row << 3), value);
      break;
    }
    case UUID: {
      if (size != 36) return UNFIT;
      return decodeUuid(at, values + (row << 4));
    }
    default: {
      const ends = <usize> load<u32>(own, ENDS) + (row << 2);
      const used = load<u32>(ends);
      const needed = <u64> used + size + SLACK_BYTES;
      if (needed > <u64> load<u32>(own, ROOM)) {
        length = <u32> min<u64>(needed, i32.MAX_VALUE);
        return NEEDS_ROOM;
      }
      copyBytes(values + used, at, size);
      store<u32>(ends, used + size, 4);
    }
  }
  return DONE;
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
    case INTEGER: {
      storeInteger(values, load<u32>(own, PARAMETER), row, 0);
      break;
    }
    case FLOAT:
    case DATE: {
      store<u32>(values + (row << 2), 0);
      break;
    }
    case BITS:
    case DOUBLE:
    case TIMESTAMP:
    case TIME: {
      store<u64>(values + (row << 3), 0);
      break;
    }
    case DECIMAL:
    case UUID: {
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
  store<u8>(byte, <u32> load<u8>(byte) & ~(1 << (row & 7)));
}

@inline
function storeInteger(values: usize, bytes: u32, row: u32, value: u64): void {
  if (bytes == 4) store<u32>(values + (row << 2), <u32> value);
  else if (bytes == 8) store<u64>(values + (row << 3), value);
  else if (bytes == 2) store<u16>(values + (row << 1), <u16> value);
  else store<u8>(values + row, <u8> value);
}

/** With zeros in front where the column is ZEROFILL. */
@inline
function decodeInteger(own: usize, from: usize, size: u32, values: usize, row: u32): u32 {
  const last = from + size;
  let at = from;
  const isNegative = size > 0 && load<u8>(at) == MINUS;
  if (isNegative) at++;
  if (at == last) return UNFIT;
  if (size > LONG_DIGITS) while (at < last - 1 && load<u8>(at) == 0x30) at++;
  const digits = <u32> (last - at);
  if (digits > LONG_DIGITS + 1) return UNFIT;
  let value: u64 = 0;
  for (; at < last; at++) {
    const digit = <u32> load<u8>(at) - 0x30;
    if (digit > 9) return UNFIT;
    // Only the twentieth digit can be one too many for 64 bits.
    if (digits > LONG_DIGITS && at == last - 1 && value > (u64.MAX_VALUE - digit) / 10) return UNFIT;
    value = value * 10 + digit;
  }
  const bytes = load<u32>(own, PARAMETER);
  const ofBits = u64.MAX_VALUE >> (64 - (<u64> bytes << 3));
  if (load<u32>(own, LIMIT) == 1) {
    if (value > ofBits || isNegative && value != 0) return UNFIT;
  } else if (value > (ofBits >> 1) + (isNegative ? 1 : 0)) return UNFIT;
  storeInteger(values, bytes, row, isNegative ? 0 - value : value);
  return DONE;
}

/** A decimal of 128 bits: the digits as they are, filled up with zeros behind the point. */
function decodeDecimal(own: usize, from: usize, size: u32, to: usize): u32 {
  const scale = load<u32>(own, PARAMETER);
  const last = from + size;
  let at = from;
  const isNegative = size > 0 && load<u8>(at) == MINUS;
  if (isNegative) at++;
  let low: u64 = 0;
  let high: u64 = 0;
  let significant: u32 = 0;
  let digits: u32 = 0;
  let fraction: u32 = 0;
  let hasPoint = false;
  for (; at < last; at++) {
    const byte = <u32> load<u8>(at);
    if (byte == POINT && !hasPoint) {
      hasPoint = true;
      continue;
    }
    const digit = byte - 0x30;
    if (digit > 9) return UNFIT;
    digits++;
    if (hasPoint) {
      // A digit beyond the scale may be a zero only.
      if (fraction == scale) {
        if (digit != 0) return UNFIT;
        continue;
      }
      fraction++;
    }
    if (digit != 0 || significant > 0) significant++;
    if (significant < LONG_DIGITS) low = low * 10 + digit;
    else if (significant > 38) return UNFIT;
    else {
      high = high * 10 + carryOf(low, digit);
      low = low * 10 + digit;
    }
  }
  if (digits == 0) return UNFIT;
  for (; fraction < scale; fraction++) {
    if (significant > 0) significant++;
    if (significant > 38) return UNFIT;
    high = high * 10 + carryOf(low, 0);
    low = low * 10;
  }
  if (significant > load<u32>(own, LIMIT)) return UNFIT;
  if (isNegative) {
    low = 0 - low;
    high = ~high + (low == 0 ? 1 : 0);
  }
  store<u64>(to, low);
  store<u64>(to, high, 8);
  return DONE;
}

/** What of `low * 10 + digit` goes beyond 64 bits. */
@inline
function carryOf(low: u64, digit: u32): u64 {
  const lower = (low & 0xffffffff) * 10 + digit;
  return ((low >> 32) * 10 + (lower >> 32)) >> 32;
}

/** NaN where it is no number. */
function numberAt(from: usize, size: u32): f64 {
  const last = from + size;
  let at = from;
  const isNegative = size > 0 && load<u8>(at) == MINUS;
  if (isNegative) at++;
  let value: f64 = 0;
  let power: f64 = 1;
  let digits: u32 = 0;
  let hasPoint = false;
  for (; at < last && digits <= EXACT_DIGITS; at++) {
    const byte = <u32> load<u8>(at);
    if (byte == POINT && !hasPoint) {
      hasPoint = true;
      continue;
    }
    const digit = byte - 0x30;
    if (digit > 9) break;
    value = value * 10 + digit;
    digits++;
    if (hasPoint) power *= 10;
  }
  // Up to 15 digits and a power of ten below 10^22 are exact, and so is their quotient to the last bit.
  if (at < last || digits == 0 || digits > EXACT_DIGITS) return parseNumber(from, size);
  if (hasPoint) value /= power;
  return isNegative ? -value : value;
}

/** What is a date by its form and is in no calendar is NULL where that is wanted. */
function noDate(own: usize, at: usize, size: u32, row: u32): u32 {
  if (load<u32>(own, PARAMETER) == 0 || size < DATE_LENGTH) return UNFIT;
  for (let i: u32 = 0; i < DATE_LENGTH; i++) {
    const byte = <u32> load<u8>(at + i);
    if (i == 4 || i == 7 ? byte != MINUS : byte - 0x30 > 9) return UNFIT;
  }
  setNull(own, row);
  return DONE;
}

/** Two digits; a number that is no part of a date or time where they are not. */
@inline
function digitsAt(at: usize): i32 {
  const tens = <u32> load<u8>(at) - 0x30;
  const ones = <u32> load<u8>(at, 1) - 0x30;
  return tens > 9 || ones > 9 ? -1000000 : <i32> (tens * 10 + ones);
}

/** The days since 1970 of `YYYY-MM-DD`; NO_DATE where it is none. Source: https://howardhinnant.github.io/date_algorithms.html */
function daysAt(at: usize): i32 {
  const year = digitsAt(at) * 100 + digitsAt(at + 2);
  const month = digitsAt(at + 5);
  const day = digitsAt(at + 8);
  if (load<u8>(at, 4) != MINUS || load<u8>(at, 7) != MINUS) return NO_DATE;
  if (year < 0 || month < 1 || month > 12 || day < 1) return NO_DATE;
  const isLeap = (year & 3) == 0 && (year % 100 != 0 || year % 400 == 0);
  const daysOfMonth = month == 2 ? (isLeap ? 29 : 28) : 30 + ((month + (month >> 3)) & 1);
  if (day > daysOfMonth) return NO_DATE;
  // Years begin with March, and are counted from 400 years before the first.
  const shifted = year + 400 - (month <= 2 ? 1 : 0);
  const era = shifted / 400;
  const ofEra = shifted - era * 400;
  const ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return (era - 1) * 146097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719468;
}

/** The seconds of `HH:MM:SS`; negative where it is no time of a day. */
@inline
function secondsAt(at: usize): i32 {
  const hour = digitsAt(at);
  const minute = digitsAt(at + 3);
  const second = digitsAt(at + 6);
  if (load<u8>(at, 2) != COLON || load<u8>(at, 5) != COLON) return -1;
  if (hour < 0 || minute < 0 || second < 0 || hour > 23 || minute > 59 || second > 59) return -1;
  return hour * 3600 + minute * 60 + second;
}

/** Microseconds of up to six digits behind a point; negative where it is none. */
@inline
function fractionAt(at: usize, size: u32): i32 {
  if (size == 0) return 0;
  if (size == 1 || size > 7 || load<u8>(at) != POINT) return -1;
  let value: i32 = 0;
  for (let i: u32 = 1; i < 7; i++) {
    const digit = i < size ? <u32> load<u8>(at + i) - 0x30 : 0;
    if (digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** `00112233-4455-6677-8899-aabbccddeeff`. */
function decodeUuid(from: usize, to: usize): u32 {
  let at = from;
  for (let i: u32 = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      if (load<u8>(at++) != MINUS) return UNFIT;
    }
    const high = hexDigit(load<u8>(at));
    const low = hexDigit(load<u8>(at, 1));
    if ((high | low) > 15) return UNFIT;
    store<u8>(to + i, (high << 4) | low);
    at += 2;
  }
  return DONE;
}

/** More than 15 for what is none. */
@inline
function hexDigit(byte: u32): u32 {
  const digit = byte - 0x30;
  if (digit <= 9) return digit;
  const letter = (byte | 0x20) - 0x61;
  return letter <= 5 ? letter + 10 : 255;
}

/** How many of the first `rows` bits are not set. */
export function countNulls(validity: usize, rows: u32): u32 {
  const words = rows >> 6;
  let set: u32 = 0;
  for (let word: u32 = 0; word < words; word++) set += <u32> popcnt<u64>(load<u64>(validity + (word << 3)));
  for (let row = words << 6; row < rows; row++) set += (load<u8>(validity + (row >> 3)) >> <u8> (row & 7)) & 1;
  return rows - set;
}
