/**
 * The cells of DuckDB's strings → their bytes in a row. A cell has 16 bytes: the length, then up to 12 bytes of
 * the string, or 4 of them and the address of all. `validity` is 0 where no row is NULL, else a bit a row.
 * SLACK_BYTES behind what is read and written may be touched. Addresses are below 2^47, so a double holds them.
 */

const INLINE_BYTES: u32 = 12;
/** Of a stretch of memory: where it starts and ends, and a third number. */
const SPAN_BYTES: u32 = 24;

@inline
function isNull(validity: usize, row: u32): bool {
  return validity != 0 && ((<u32> load<u8>(validity + (row >> 3)) >> (row & 7)) & 1) == 0;
}

/** Bytes of the strings of the rows from `row` to before `end`. */
export function weigh(cells: usize, validity: usize, row: u32, end: u32): f64 {
  let sum: u64 = 0;
  for (; row < end; row++) {
    if (!isNull(validity, row)) sum += load<u32>(cells + (<usize> row << 4));
  }
  return <f64> sum;
}

/**
 * Where the strings of these rows lie that do not stand in their cells: stretches, each with a row that points to
 * its start. What lies less than `gap` bytes behind the last one is part of it.
 */
export function findSpans(cells: usize, validity: usize, row: u32, end: u32, gap: u32, spans: usize): u32 {
  let count: u32 = 0;
  let start: u64 = 0;
  let last: u64 = 0;
  for (; row < end; row++) {
    const cell = cells + (<usize> row << 4);
    const length = load<u32>(cell);
    if (length <= INLINE_BYTES || isNull(validity, row)) continue;
    const from = load<u64>(cell, 8);
    const to = from + length;
    if (count > 0 && from >= start && from < last + gap) {
      if (to <= last) continue;
      last = to;
    } else {
      start = from;
      last = to;
      store<f64>(spans, <f64> from);
      store<f64>(spans, <f64> row, 16);
      spans += SPAN_BYTES;
      count++;
    }
    store<f64>(spans - SPAN_BYTES, <f64> last, 8);
  }
  return count;
}

/**
 * Puts the strings one behind the other, and `base` and what they take at the end of each. `runs` are stretches as
 * above, in order and apart, each with where its bytes are. Returns how many rows went well: less than all where a
 * string lies in none of the runs.
 */
export function gather(
  cells: usize,
  validity: usize,
  row: u32,
  end: u32,
  runs: usize,
  runCount: u32,
  target: usize,
  ends: usize,
  base: u32,
): u32 {
  const begin = target;
  const first = row;
  let start: f64 = 1;
  let stop: f64 = 0;
  let bytes: usize = 0;
  for (; row < end; row++) {
    const cell = cells + (<usize> row << 4);
    const length: u32 = isNull(validity, row) ? 0 : load<u32>(cell);
    if (length <= INLINE_BYTES) {
      store<u64>(target, load<u64>(cell, 4));
      store<u32>(target, load<u32>(cell, 12), 8);
    } else {
      const from = <f64> load<u64>(cell, 8);
      if (from < start || from + length > stop) {
        const run = findRun(runs, runCount, from);
        start = load<f64>(run);
        stop = load<f64>(run, 8);
        bytes = <usize> load<f64>(run, 16);
        if (from < start || from + length > stop) return row - first;
      }
      copyBytes(target, bytes + <usize> (from - start), length);
    }
    target += length;
    store<u32>(ends, base + <u32> (target - begin));
    ends += 4;
  }
  return row - first;
}

/** The last run that starts at or before the address, or the first. */
function findRun(runs: usize, count: u32, address: f64): usize {
  let low: u32 = 0;
  let high: u32 = count - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (load<f64>(runs + middle * SPAN_BYTES) <= address) low = middle;
    else high = middle - 1;
  }
  return runs + low * SPAN_BYTES;
}

/** What it writes behind the string, the next one covers. */
@inline
function copyBytes(to: usize, from: usize, length: u32): void {
  if (length > 64) {
    memory.copy(to, from, length);
    return;
  }
  v128.store(to, v128.load(from));
  if (length > 16) v128.store(to + 16, v128.load(from + 16));
  if (length > 32) {
    v128.store(to + 32, v128.load(from + 32));
    if (length > 48) v128.store(to + 48, v128.load(from + 48));
  }
}
