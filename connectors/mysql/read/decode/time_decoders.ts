import { type Data, DateDay, makeData, TimeMicrosecond, TimestampMicrosecond } from "apache-arrow";
import { ColumnDecoder, type Nulls, unfit } from "./column_decoder.ts";
import type { RowIndex } from "./row_index.ts";

const MINUS = 0x2d;
const POINT = 0x2e;
const COLON = 0x3a;
const ZERO = 0x30;
const TWO_16 = 0x1_0000;
const TWO_32 = 0x1_0000_0000;
const DAY_S = 86_400;
const DATE_LENGTH = 10;
const DATE_TIME_LENGTH = 19;
const MAX_FRACTION_DIGITS = 6;
const MICROS = [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];

/** What no calendar has: zero in a month or day, or a day that its month does not have. */
const NO_DATE =
  ", a date that is in no calendar; set zero_dates: null or zero_dates: text in the stream's options";
const BEYOND_DAY = ", which is no time of a day; read it as text with the stream's option text_columns";

/** Days before each month of a year that is not leap; the year begins with January. */
const DAYS_BEFORE = Int32Array.of(0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334);
const DAYS_OF = Int32Array.of(0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31);
/** From 0000-01-01 to 1970-01-01. */
const EPOCH_DAYS = 719_528;
const NOT_A_DATE = 0x7fff_ffff;

/** The days since 1970 of `YYYY-MM-DD` at that place; NOT_A_DATE where it is none. */
function daysAt(bytes: Uint8Array, at: number): number {
  const year = digitsAt(bytes, at) * 100 + digitsAt(bytes, at + 2);
  const month = digitsAt(bytes, at + 5);
  const day = digitsAt(bytes, at + 8);
  const isLeap = (year & 3) === 0 && (year % 100 !== 0 || year % 400 === 0);
  const daysOfMonth = month === 2 && isLeap ? 29 : DAYS_OF[month] ?? 0;
  // A byte that is no digit makes one of the three greater than it can be, or less than one.
  const isDate = year >= 0 && year <= 9999 && month >= 1 && day >= 1 && day <= daysOfMonth &&
    bytes[at + 4] === MINUS && bytes[at + 7] === MINUS;
  if (!isDate) return NOT_A_DATE;
  const years = year - 1;
  // Of the days before a year; year 0 is a leap year, whose days the sum counts from 1 on.
  const before = year === 0
    ? 0
    : year * 365 + 1 + Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
  return before + (DAYS_BEFORE[month] ?? 0) + (month > 2 && isLeap ? 1 : 0) + day - 1 - EPOCH_DAYS;
}

/** Two digits; a number that is no part of a date or time where they are not. */
function digitsAt(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] ?? 0) - ZERO;
  const ones = (bytes[at + 1] ?? 0) - ZERO;
  return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -1e6 : tens * 10 + ones;
}

/** Microseconds of up to six digits behind a point; negative where it is none. */
function fractionAt(bytes: Uint8Array, at: number, last: number): number {
  if (at === last) return 0;
  const digits = last - at - 1;
  if (bytes[at] !== POINT || digits < 1 || digits > MAX_FRACTION_DIGITS) return -1;
  let value = 0;
  for (let i = at + 1; i < last; i++) {
    const digit = (bytes[i] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value * (MICROS[digits] ?? 0);
}

export class DateDecoder extends ColumnDecoder {
  readonly #zeroIsNull: boolean;
  #values = new Int32Array(0);

  constructor(zeroIsNull: boolean) {
    super();
    this.#zeroIsNull = zeroIsNull;
  }

  protected override grow(capacity: number): void {
    const values = new Int32Array(capacity);
    values.set(this.#values.subarray(0, this.rows));
    this.#values = values;
  }

  protected override decode(index: RowIndex, start: number, count: number): void {
    const { bytes, offsets, lengths } = index;
    const values = this.#values;
    for (let slot = start, row = this.rows, end = start + count; slot < end; slot++, row++) {
      const length = lengths[slot] ?? -1;
      if (length < 0) {
        this.markNull(row);
        continue;
      }
      const days = length === DATE_LENGTH ? daysAt(bytes, offsets[slot] ?? 0) : NOT_A_DATE;
      if (days !== NOT_A_DATE) values[row] = days;
      else if (this.#zeroIsNull && looksLikeDate(index, slot)) this.markNull(row);
      else throw unfit(index, slot, row, NO_DATE);
    }
  }

  protected override build(length: number, nulls: Nulls): Data {
    const data = this.#values.subarray(0, length);
    this.#values = new Int32Array(0);
    return makeData({ type: new DateDay(), length, ...nulls, data });
  }
}

/** DATETIME, and TIMESTAMP as the session's UTC has it. */
export class TimestampDecoder extends ColumnDecoder {
  readonly #zone: string | null;
  readonly #zeroIsNull: boolean;
  #words = new Int32Array(0);

  constructor(zone: string | null, zeroIsNull: boolean) {
    super();
    this.#zone = zone;
    this.#zeroIsNull = zeroIsNull;
  }

  protected override grow(capacity: number): void {
    const words = new Int32Array(capacity * 2);
    words.set(this.#words.subarray(0, this.rows * 2));
    this.#words = words;
  }

  protected override decode(index: RowIndex, start: number, count: number): void {
    const { bytes, offsets, lengths } = index;
    const words = this.#words;
    for (let slot = start, row = this.rows, end = start + count; slot < end; slot++, row++) {
      const length = lengths[slot] ?? -1;
      if (length < 0) {
        this.markNull(row);
        continue;
      }
      const at = offsets[slot] ?? 0;
      const days = length >= DATE_TIME_LENGTH ? daysAt(bytes, at) : NOT_A_DATE;
      const seconds = secondsAt(bytes, at + DATE_LENGTH + 1);
      const micros = fractionAt(bytes, at + DATE_TIME_LENGTH, at + length);
      if (days === NOT_A_DATE || seconds < 0 || micros < 0) {
        if (!this.#zeroIsNull || !looksLikeDate(index, slot)) throw unfit(index, slot, row, NO_DATE);
        this.markNull(row);
        continue;
      }
      // In two words, without a bigint a value: the product with a million goes beyond what a number holds exactly.
      const whole = days * DAY_S + seconds;
      const upper = Math.floor(whole / TWO_16);
      const product = upper * 1_000_000;
      const carried = Math.floor(product / TWO_16);
      const lower = (product - carried * TWO_16) * TWO_16 + (whole - upper * TWO_16) * 1_000_000 + micros;
      const high = Math.floor(lower / TWO_32);
      words[row * 2] = lower - high * TWO_32;
      words[row * 2 + 1] = carried + high;
    }
  }

  protected override build(length: number, nulls: Nulls): Data {
    const data = new BigInt64Array(this.#words.buffer, 0, length);
    this.#words = new Int32Array(0);
    return makeData({ type: new TimestampMicrosecond(this.#zone), length, ...nulls, data });
  }
}

/** The seconds of `HH:MM:SS` at that place; negative where it is no time of a day. */
function secondsAt(bytes: Uint8Array, at: number): number {
  const hour = digitsAt(bytes, at);
  const minute = digitsAt(bytes, at + 3);
  const second = digitsAt(bytes, at + 6);
  const isTime = hour <= 23 && minute <= 59 && second <= 59 && bytes[at + 2] === COLON &&
    bytes[at + 5] === COLON;
  return isTime ? hour * 3_600 + minute * 60 + second : -1;
}

/** Of the form of a date, with digits that make none: as the servers store what is none. */
function looksLikeDate({ bytes, offsets, lengths }: RowIndex, slot: number): boolean {
  const at = offsets[slot] ?? 0;
  const length = lengths[slot] ?? 0;
  for (let i = 0; i < DATE_LENGTH; i++) {
    const byte = bytes[at + i] ?? 0;
    if (i === 4 || i === 7 ? byte !== MINUS : byte < ZERO || byte > ZERO + 9) return false;
  }
  return length >= DATE_LENGTH;
}

/** TIME, where it is a time of a day. */
export class TimeDecoder extends ColumnDecoder {
  #words = new Int32Array(0);

  protected override grow(capacity: number): void {
    const words = new Int32Array(capacity * 2);
    words.set(this.#words.subarray(0, this.rows * 2));
    this.#words = words;
  }

  protected override decode(index: RowIndex, start: number, count: number): void {
    const { bytes, offsets, lengths } = index;
    const words = this.#words;
    for (let slot = start, row = this.rows, end = start + count; slot < end; slot++, row++) {
      const length = lengths[slot] ?? -1;
      if (length < 0) {
        this.markNull(row);
        continue;
      }
      const at = offsets[slot] ?? 0;
      const seconds = length >= 8 ? secondsAt(bytes, at) : -1;
      const fraction = fractionAt(bytes, at + 8, at + length);
      if (seconds < 0 || fraction < 0) throw unfit(index, slot, row, BEYOND_DAY);
      const micros = seconds * 1_000_000 + fraction;
      words[row * 2] = micros;
      words[row * 2 + 1] = Math.floor(micros / TWO_32);
    }
  }

  protected override build(length: number, nulls: Nulls): Data {
    const data = new BigInt64Array(this.#words.buffer, 0, length);
    this.#words = new Int32Array(0);
    return makeData({ type: new TimeMicrosecond(), length, ...nulls, data });
  }
}
