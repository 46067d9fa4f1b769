import { formatDate } from "../iso_time.ts";

/**
 * Texts of dates and timestamps that a double holds, of the years 0 to 9999: written as bytes, for many rows at once, and
 * made strings by one call. Joining the parts of each text makes a string that SQLite's driver has to put together first.
 */

const CHUNK_ROWS = 1_024;
const ZERO = 48;
const DATE_CHARACTERS = 10;
/** `2024-01-31 10:00:00.500000+00:00`. */
const MAX_CHARACTERS = 32;
const MICROS_A_DAY = 86_400_000_000;
/** Of 0000-01-01 and 9999-12-31. */
const MIN_DAY = -719_528;
const MAX_DAY = 2_932_896;
const ZONE = new TextEncoder().encode("+00:00");
const decoder = new TextDecoder();

/** The text of a row; undefined where it is one of the others. */
export type QuickText = (row: number) => string | undefined;

/** Of days since 1970. */
export function quickDates(days: Int32Array): QuickText {
  return texts(days.length, (writer, row) => writer.date(days[row] ?? 0));
}

/** Of microseconds since 1970; with `+00:00` behind them where they have a zone. */
export function quickTimestamps(micros: BigInt64Array, hasZone: boolean): QuickText {
  return texts(micros.length, (writer, row) => {
    const value = Number(micros[row]);
    if (!Number.isSafeInteger(value)) return;
    const day = Math.floor(value / MICROS_A_DAY);
    if (!writer.date(day)) return;
    writer.time(value - day * MICROS_A_DAY);
    if (hasZone) writer.bytes(ZONE);
  });
}

/** `write` writes nothing where the row has no such text. */
function texts(length: number, write: (writer: Writer, row: number) => void): QuickText {
  const writer = new Writer();
  const starts = new Int32Array(CHUNK_ROWS + 1);
  let text = "";
  let [from, to] = [0, 0];
  return (row) => {
    if (row < from || row >= to) {
      [from, to] = [row, Math.min(row + CHUNK_ROWS, length)];
      writer.used = 0;
      for (let i = from; i < to; i++) {
        write(writer, i);
        starts[i - from + 1] = writer.used;
      }
      text = writer.text();
    }
    const [start = 0, end = 0] = [starts[row - from], starts[row - from + 1]];
    return start === end ? undefined : text.slice(start, end);
  };
}

class Writer {
  used = 0;
  readonly #bytes = new Uint8Array(CHUNK_ROWS * MAX_CHARACTERS);
  #day = Number.NaN;
  readonly #dayBytes = new Uint8Array(DATE_CHARACTERS);

  text(): string {
    return decoder.decode(this.#bytes.subarray(0, this.used));
  }

  /** False where the year is not one of four digits. */
  date(day: number): boolean {
    if (day < MIN_DAY || day > MAX_DAY) return false;
    if (day !== this.#day) {
      const text = formatDate(day);
      for (let i = 0; i < DATE_CHARACTERS; i++) this.#dayBytes[i] = text.charCodeAt(i);
      this.#day = day;
    }
    this.bytes(this.#dayBytes);
    return true;
  }

  /** ` 10:00:00`, with six digits of a fraction or none, of microseconds since midnight. */
  time(micros: number): void {
    const seconds = Math.floor(micros / 1_000_000);
    const fraction = micros - seconds * 1_000_000;
    const minutes = (seconds / 60) | 0;
    const hours = (minutes / 60) | 0;
    this.#two(" ", hours);
    this.#two(":", minutes - hours * 60);
    this.#two(":", seconds - minutes * 60);
    if (fraction === 0) return;
    const high = (fraction / 10_000) | 0;
    const middle = ((fraction / 100) | 0) - high * 100;
    this.#two(".", high);
    this.#digits(middle);
    this.#digits(fraction - high * 10_000 - middle * 100);
  }

  bytes(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this.#bytes[this.used + i] = bytes[i] ?? 0;
    this.used += bytes.length;
  }

  #two(before: string, number: number): void {
    this.#bytes[this.used++] = before.charCodeAt(0);
    this.#digits(number);
  }

  #digits(number: number): void {
    const tens = (number / 10) | 0;
    this.#bytes[this.used++] = ZERO + tens;
    this.#bytes[this.used++] = ZERO + number - tens * 10;
  }
}
