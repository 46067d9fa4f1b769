/**
 * Arrow's arrays → the bytes of DuckDB's vectors. All places are the caller's; SLACK_BYTES behind the bytes
 * of strings may be read.
 */

/** A cell of a string: its length, then up to 12 bytes of it, or 4 of them and where all of them are. */
const CELL_BYTES: usize = 16;
const INLINE_BYTES: u32 = 12;

/** What is wrong with strings. */
const WHOLE: u32 = 0;
const GOES_BACK: u32 = 1;
const CUT: u32 = 2;

/**
 * Looks at where strings begin and end: `count` + 1 offsets, of which the first is that of the `size` bytes.
 * CUT where one begins within a character of UTF-8.
 */
export function checkStrings(bytes: usize, size: u32, offsets: usize, count: u32, isText: bool): u32 {
  const base = load<i32>(offsets);
  let start: u32 = 0;
  let isCut = false;
  for (let i: u32 = 1; i <= count; i++) {
    const end = <u32> (load<i32>(offsets + (i << 2)) - base);
    if (end < start || end > size) return GOES_BACK;
    if (end > start && (load<u8>(bytes + start) & 0xc0) == 0x80) isCut = true;
    start = end;
  }
  return isText && isCut ? CUT : WHOLE;
}

/** The cells of strings whose bytes DuckDB has at `heap`, too. */
export function fillCells(bytes: usize, offsets: usize, count: u32, heap: u64, cells: usize): void {
  const base = load<u32>(offsets);
  let start: u32 = 0;
  for (let i: u32 = 1; i <= count; i++) {
    const end = load<u32>(offsets + (i << 2)) - base;
    const length = end - start;
    store<u32>(cells, length);
    if (length > INLINE_BYTES) {
      store<u32>(cells, load<u32>(bytes + start), 4);
      store<u64>(cells, heap + start, 8);
    } else {
      let low = load<u64>(bytes + start);
      let high = load<u32>(bytes + start, 8);
      if (length < 8) {
        low &= ((<u64> 1) << (<u64> length << 3)) - 1;
        high = 0;
      } else {
        high &= <u32> (((<u64> 1) << (<u64> (length - 8) << 3)) - 1);
      }
      store<u64>(cells, low, 4);
      store<u32>(cells, high, 12);
    }
    cells += CELL_BYTES;
    start = end;
  }
}

/**
 * Decimals of `words` 32-bit words, from row `row` on, as integers of `bytes` bytes. Ends at the first whose
 * absolute value is not below the limit, and returns its row, or `count`.
 */
export function fillDecimals(
  values: usize,
  words: u32,
  row: u32,
  count: u32,
  limitLow: u64,
  limitHigh: u64,
  bytes: u32,
  target: usize,
): u32 {
  for (; row < count; row++) {
    const at = values + row * (words << 2);
    let low: u64 = words == 1 ? <u64> (<i64> load<i32>(at)) : load<u64>(at);
    let high: u64 = words > 2 ? load<u64>(at, 8) : <u64> (<i64> low >> 63);
    const sign = <u64> (<i64> high >> 63);
    if (words == 8 && (load<u64>(at, 16) != sign || load<u64>(at, 24) != sign)) return row;
    const absoluteLow = (low ^ sign) - sign;
    const absoluteHigh = (high ^ sign) + (sign & (absoluteLow == 0 ? 1 : 0));
    if (absoluteHigh > limitHigh || (absoluteHigh == limitHigh && absoluteLow >= limitLow)) return row;
    storeDecimal(target + row * bytes, bytes, low, high);
  }
  return count;
}

@inline
function storeDecimal(at: usize, bytes: u32, low: u64, high: u64): void {
  if (bytes == 8) {
    store<u64>(at, low);
  } else if (bytes == 16) {
    store<u64>(at, low);
    store<u64>(at, high, 8);
  } else if (bytes == 4) {
    store<u32>(at, <u32> low);
  } else {
    store<u16>(at, <u16> low);
  }
}

/** Bits from bit `first` on, a byte each. */
export function fillBooleans(bits: usize, first: u32, count: u32, target: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    const bit = first + i;
    store<u8>(target + i, (load<u8>(bits + (bit >> 3)) >> <u8> (bit & 7)) & 1);
  }
}

/** RFC 9562's order of bytes as DuckDB's HUGEINT with the first bit flipped. */
export function fillUuids(values: usize, count: u32, target: usize): void {
  const flip = i64x2(0, i64.MIN_VALUE);
  for (let i: u32 = 0; i < count; i++) {
    const value = v128.load(values + (i << 4));
    const turned = v128.shuffle<u8>(value, value, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    v128.store(target + (i << 4), v128.xor(turned, flip));
  }
}
