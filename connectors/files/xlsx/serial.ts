/**
 * Dates as Excel holds them: days since a first day, with a fraction of a day to about a millisecond. The
 * system of 1900 has a day that never was, 1900-02-29.
 */

const DAY_MS = 86_400_000;
const EPOCH_1900_MS = Date.UTC(1899, 11, 30);
const EPOCH_1904_MS = Date.UTC(1904, 0, 1);
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

export interface SerialTime {
  /** ISO 8601. */
  readonly date: string;
  /** `10:00:00` or with three digits of a fraction; the day's begin is `00:00:00`. */
  readonly time: string;
  readonly isMidnight: boolean;
}

/** Undefined for a number that is no day, as 60 in the system of 1900. */
export function serialTime(serial: number, is1904: boolean): SerialTime | undefined {
  if (!(serial >= 0)) return undefined;
  const ofDay = Math.round((serial - Math.floor(serial)) * DAY_MS);
  const days = Math.floor(serial);
  if (!is1904 && (days === 60 || days === 0)) return undefined;
  const shift = !is1904 && days < 60 ? DAY_MS : 0;
  const ms = (is1904 ? EPOCH_1904_MS : EPOCH_1900_MS) + days * DAY_MS + ofDay + shift;
  if (ms > LAST_MS) return undefined;
  const [date = "", time = ""] = new Date(ms).toISOString().replace("Z", "").split("T");
  return { date, time: time.replace(/\.000$/, ""), isMidnight: /^00:00:00\.000$/.test(time) };
}

/** A time of the day; undefined where the number is a day or more, or negative. */
export function serialTimeOfDay(serial: number): string | undefined {
  const ms = Math.round(serial * DAY_MS);
  if (!(serial >= 0) || ms >= DAY_MS) return undefined;
  return new Date(ms).toISOString().slice(11, 23).replace(/\.000$/, "");
}

/** An elapsed time as DuckDB reads an interval: `-49:30:00`. */
export function serialElapsed(serial: number): string {
  const ms = Math.round(Math.abs(serial) * DAY_MS);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const fraction = ms % 1000 === 0 ? "" : `.${String(ms % 1000).padStart(3, "0")}`;
  const sign = serial < 0 && ms > 0 ? "-" : "";
  return `${sign}${two(ms / 3_600_000)}:${two(ms / 60_000 % 60)}:${two(ms / 1000 % 60)}${fraction}`;
}

const TIMESTAMP = /^(\d{4})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,3}))?)?$/;
const TIME = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,3}))?$/;

/** The serial of a date or timestamp that DuckDB wrote; undefined where Excel has none that is the same. */
export function timestampSerial(text: string): number | undefined {
  const [, year, month, day, hour, minute, second, fraction] = TIMESTAMP.exec(text) ?? [];
  if (year === undefined || Number(year) < 1900) return undefined;
  const ms = Date.UTC(Number(year), Number(month) - 1, Number(day));
  const days = (ms - EPOCH_1900_MS) / DAY_MS;
  const serial = (days < 61 ? days - 1 : days) +
    (hour === undefined ? 0 : ofDay(hour, minute, second, fraction));
  const again = serialTime(serial, false);
  const time = fraction === undefined ? `${hour ?? "00"}:${minute ?? "00"}:${second ?? "00"}` : undefined;
  const isSame = again?.date === text.slice(0, 10) &&
    again.time === (time ?? `${hour}:${minute}:${second}.${fraction?.padEnd(3, "0")}`);
  return isSame ? serial : undefined;
}

/** The serial of a time of the day; undefined where it has more than milliseconds. */
export function timeSerial(text: string): number | undefined {
  const [, hour, minute, second, fraction] = TIME.exec(text) ?? [];
  if (hour === undefined || Number(hour) > 23) return undefined;
  return ofDay(hour, minute, second, fraction);
}

function ofDay(hour: string, minute = "0", second = "0", fraction = ""): number {
  const ms = Number(hour) * 3_600_000 + Number(minute) * 60_000 + Number(second) * 1000 +
    Number(fraction.padEnd(3, "0"));
  return ms / DAY_MS;
}
