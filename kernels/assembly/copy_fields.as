/**
 * Columns → fields of PostgreSQL's binary COPY: four bytes of length, -1 for NULL, then the value. Each row
 * has a place, which moves behind what is written there. `validity` is 0 where no row is NULL, else bits, of
 * which `firstBit` is that of the first row.
 */

const LENGTH_BYTES: u32 = 4;
const NULL_LENGTH: u32 = 0xffffffff;
const NUMERIC_HEADER_BYTES: u32 = 8;
const NEGATIVE: u32 = 0x4000;
const EPOCH_DAYS: i32 = 10957;
const EPOCH_MICROS: i64 = 946684800000000;

/** How values of a fixed number of bytes are written. */
const BOOL: u32 = 0;
const WORD_16: u32 = 1;
const WORD_32: u32 = 2;
const WORD_64: u32 = 3;
const DATE: u32 = 4;
const TIMESTAMP: u32 = 5;
const BYTES_16: u32 = 6;

@inline
function isNull(validity: usize, bit: u32): bool {
  return validity != 0 && ((<u32> load<u8>(validity + (bit >> 3)) >> (bit & 7)) & 1) == 0;
}

@inline
function putBig16(at: usize, value: u32): void {
  store<u16>(at, <u16> (((value & 0xff) << 8) | ((value >> 8) & 0xff)));
}

@inline
function putBig32(at: usize, value: u32): void {
  store<u32>(at, bswap<u32>(value));
}

@inline
function putBig64(at: usize, value: u64): void {
  const raw = v128.splat<u64>(value);
  v128.store64_lane(at, v128.shuffle<u8>(raw, raw, 7, 6, 5, 4, 3, 2, 1, 0, 7, 6, 5, 4, 3, 2, 1, 0), 0);
}

/** Writes values of one kind. Returns the row of the first that PostgreSQL's type cannot hold, or `count`. */
export function putFixed(
  kind: u32,
  values: usize,
  firstValueBit: u32,
  validity: usize,
  firstBit: u32,
  count: u32,
  places: usize,
): u32 {
  const size: u32 = kind == BOOL ? 1 : kind == WORD_16 ? 2 : kind == WORD_32 || kind == DATE ? 4 : kind == BYTES_16 ? 16 : 8;
  for (let row: u32 = 0; row < count; row++) {
    const place = places + (row << 2);
    const at = <usize> load<u32>(place);
    if (isNull(validity, firstBit + row)) {
      store<u32>(at, NULL_LENGTH);
      store<u32>(place, at + LENGTH_BYTES);
      continue;
    }
    putBig32(at, size);
    const to = at + LENGTH_BYTES;
    switch (kind) {
      case BOOL: {
        const bit = firstValueBit + row;
        store<u8>(to, (load<u8>(values + (bit >> 3)) >> <u8> (bit & 7)) & 1);
        break;
      }
      case WORD_16: {
        putBig16(to, load<u16>(values + (row << 1)));
        break;
      }
      case WORD_32: {
        putBig32(to, load<u32>(values + (row << 2)));
        break;
      }
      case WORD_64: {
        putBig64(to, load<u64>(values + (row << 3)));
        break;
      }
      case DATE: {
        // The greatest number is infinity and its negation the other one; PostgreSQL takes the extremes.
        const day = load<i32>(values + (row << 2));
        if (day == i32.MAX_VALUE) putBig32(to, i32.MAX_VALUE);
        else if (day == -i32.MAX_VALUE) putBig32(to, i32.MIN_VALUE);
        else if (day < EPOCH_DAYS - i32.MAX_VALUE) return row;
        else putBig32(to, day - EPOCH_DAYS);
        break;
      }
      case TIMESTAMP: {
        const micros = load<i64>(values + (row << 3));
        if (micros == i64.MAX_VALUE) putBig64(to, i64.MAX_VALUE);
        else if (micros == -i64.MAX_VALUE) putBig64(to, i64.MIN_VALUE);
        // Stored as it is, it would come round to the far future.
        else if (micros < i64.MIN_VALUE + EPOCH_MICROS) return row;
        else putBig64(to, micros - EPOCH_MICROS);
        break;
      }
      default: {
        v128.store(to, v128.load(values + (row << 4)));
      }
    }
    store<u32>(place, to + size);
  }
  return count;
}

/** Writes strings, of which `offsets` has the ends behind the begin of the first. With a version byte where `hasVersion`. */
export function putBytes(
  bytes: usize,
  offsets: usize,
  hasVersion: bool,
  validity: usize,
  firstBit: u32,
  count: u32,
  places: usize,
): void {
  const base = load<u32>(offsets);
  const prefix: u32 = hasVersion ? 1 : 0;
  let start: u32 = 0;
  for (let row: u32 = 0; row < count; row++) {
    const place = places + (row << 2);
    let at = <usize> load<u32>(place);
    const end = load<u32>(offsets + ((row + 1) << 2)) - base;
    if (isNull(validity, firstBit + row)) {
      store<u32>(at, NULL_LENGTH);
      store<u32>(place, at + LENGTH_BYTES);
    } else {
      const length = end - start;
      putBig32(at, length + prefix);
      at += LENGTH_BYTES;
      if (hasVersion) {
        store<u8>(at, 1);
        at++;
      }
      copyBytes(at, bytes + start, length);
      store<u32>(place, at + length);
    }
    start = end;
  }
}

/** Nothing behind the value is touched: other fields may be there already. */
@inline
function copyBytes(to: usize, from: usize, length: u32): void {
  if (length > 32) {
    memory.copy(to, from, length);
  } else if (length >= 16) {
    const last = v128.load(from + length - 16);
    v128.store(to, v128.load(from));
    v128.store(to + length - 16, last);
  } else if (length >= 8) {
    const last = load<u64>(from + length - 8);
    store<u64>(to, load<u64>(from));
    store<u64>(to + length - 8, last);
  } else if (length >= 4) {
    const last = load<u32>(from + length - 4);
    store<u32>(to, load<u32>(from));
    store<u32>(to + length - 4, last);
  } else if (length >= 2) {
    const last = load<u16>(from + length - 2);
    store<u16>(to, load<u16>(from));
    store<u16>(to + length - 2, last);
  } else if (length == 1) {
    store<u8>(to, load<u8>(from));
  }
}

/** What `split` found: how many groups, what the first of them counts, and the sign. */
let weight: i32 = 0;
let isNegative: bool = false;

/**
 * Splits a number of `width` bytes, times `multiplier`, into groups of four decimal digits at `groups`,
 * lowest first, without zeros at either end; returns how many. `lastWeight` is that of the lowest group.
 */
function split(at: usize, width: u32, isSigned: bool, multiplier: u32, lastWeight: i32, groups: usize): u32 {
  let low: u64 = width == 4 ? (isSigned ? <u64> (<i64> load<i32>(at)) : <u64> load<u32>(at)) : load<u64>(at);
  let high: u64 = width == 16 ? load<u64>(at, 8) : isSigned ? <u64> (<i64> low >> 63) : 0;
  isNegative = isSigned && <i64> high < 0;
  if (isNegative) {
    low = 0 - low;
    high = ~high + (low == 0 ? 1 : 0);
  }
  weight = lastWeight;
  let count: u32 = 0;
  // So small that it stays below 2^63 with every multiplier.
  if (high == 0 && low < (1 << 53)) {
    let rest = low * multiplier;
    while (rest > 0) {
      const quotient = rest / 10000;
      count = putGroup(<u32> (rest - quotient * 10000), count, groups);
      rest = quotient;
    }
  } else {
    let a = (low & 0xffffffff) * multiplier;
    let b = (low >> 32) * multiplier + (a >> 32);
    let c = (high & 0xffffffff) * multiplier + (b >> 32);
    let d = (high >> 32) * multiplier + (c >> 32);
    let e = d >> 32;
    a &= 0xffffffff;
    b &= 0xffffffff;
    c &= 0xffffffff;
    d &= 0xffffffff;
    while ((a | b | c | d | e) != 0) {
      d |= (e % 10000) << 32;
      e /= 10000;
      c |= (d % 10000) << 32;
      d /= 10000;
      b |= (c % 10000) << 32;
      c /= 10000;
      a |= (b % 10000) << 32;
      b /= 10000;
      count = putGroup(<u32> (a % 10000), count, groups);
      a /= 10000;
    }
  }
  weight = count == 0 ? 0 : weight + <i32> count - 1;
  return count;
}

@inline
function putGroup(group: u32, count: u32, groups: usize): u32 {
  if (group == 0 && count == 0) {
    weight++;
    return 0;
  }
  store<u16>(groups + (count << 1), <u16> group);
  return count + 1;
}

/** Adds each number's bytes as numeric, its length included, to `sizes`. `groups` has room for 12 groups of two bytes. */
export function addNumerics(
  values: usize,
  width: u32,
  isSigned: bool,
  multiplier: u32,
  validity: usize,
  firstBit: u32,
  count: u32,
  sizes: usize,
  groups: usize,
): void {
  for (let row: u32 = 0; row < count; row++) {
    let size = LENGTH_BYTES;
    if (!isNull(validity, firstBit + row)) {
      size += NUMERIC_HEADER_BYTES + (split(values + row * width, width, isSigned, multiplier, 0, groups) << 1);
    }
    const place = sizes + (row << 2);
    store<u32>(place, load<u32>(place) + size);
  }
}

/** Writes numbers as numeric, with `scale` digits shown. The format is described in copy_rows.as. */
export function putNumerics(
  values: usize,
  width: u32,
  isSigned: bool,
  multiplier: u32,
  lastWeight: i32,
  scale: u32,
  validity: usize,
  firstBit: u32,
  count: u32,
  places: usize,
  groups: usize,
): void {
  for (let row: u32 = 0; row < count; row++) {
    const place = places + (row << 2);
    const at = <usize> load<u32>(place);
    if (isNull(validity, firstBit + row)) {
      store<u32>(at, NULL_LENGTH);
      store<u32>(place, at + LENGTH_BYTES);
      continue;
    }
    const digits = split(values + row * width, width, isSigned, multiplier, lastWeight, groups);
    putBig32(at, NUMERIC_HEADER_BYTES + (digits << 1));
    putBig16(at + 4, digits);
    putBig16(at + 6, <u32> weight);
    putBig16(at + 8, isNegative ? NEGATIVE : 0);
    putBig16(at + 10, scale);
    let to = at + LENGTH_BYTES + NUMERIC_HEADER_BYTES;
    for (let group = <i32> digits - 1; group >= 0; group--) {
      putBig16(to, load<u16>(groups + (group << 1)));
      to += 2;
    }
    store<u32>(place, to);
  }
}
