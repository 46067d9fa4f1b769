/**
 * A second opinion on whether a value that was stored in a column of another type is still the same, by
 * what both are written as. It knows no cast of any database.
 */

export type Kind =
  | "bool"
  | "number"
  | "float4"
  | "text"
  | "bytes"
  | "uuid"
  | "date"
  | "time"
  | "timestamp"
  | "timestamptz"
  | "interval"
  | "json"
  | "other";

/** Whether `stored`, as a column of kind `to` writes it, is what `given` of kind `from` was. */
export function isSameValue(from: Kind, given: string, to: Kind, stored: string): boolean {
  if (from === "float4" && single(given) === single(unquoted(stored))) return true;
  if (isNumeric(from) && isNumeric(to)) return isSame(number(given), number(stored));
  if (from === to) return isSame(written(to, given), written(to, stored));
  if (from === "bool" && isNumeric(to)) return isSame(number(given === "true" ? "1" : "0"), number(stored));
  if (isNumeric(from) && to === "bool") return isSame(number(given), bool(stored) === "true" ? "1e0" : "0");
  if (isMoment(from) && isMoment(to)) return isSame(moment(given, from), moment(stored, to));
  if (from === "time" && to === "interval") return isSame(`0 0 ${time(given)}`, interval(stored));
  // A column without a type holds whatever it is given, or the number that a text is.
  if (to === "other") {
    return isSame(written(from, given), written(from, stored)) || isSame(number(given), number(stored));
  }
  if (from === "text") return isSame(written(to, given), written(to, stored));
  if (to === "text") return isSame(written(from, given), written(from, stored));
  if (to === "json") return isSame(written(from, given), written(from, unquoted(stored)));
  if (from === "json") return isSame(written(to, unquoted(given)), written(to, stored));
  return false;
}

/** The text of a JSON string; other JSON as it is. */
function unquoted(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" ? value : text;
  } catch {
    return text;
  }
}

/** The number as 32 bits hold it: what is stored with more digits may be the same. */
function single(text: string): string | undefined {
  const value = number(text);
  return value === undefined || !/\d/.test(value) ? value : String(Math.fround(Number(value)));
}

const isSame = (one: string | undefined, other: string | undefined) => one !== undefined && one === other;
const isNumeric = (kind: Kind): boolean => kind === "number" || kind === "float4";
const isMoment = (kind: Kind): boolean => kind === "date" || kind === "timestamp" || kind === "timestamptz";

/** One text for all that mean the same; undefined for what does not stand for a value of the kind. */
function written(kind: Kind, text: string): string | undefined {
  switch (kind) {
    case "bool":
      return bool(text);
    case "number":
    case "float4":
      return number(text);
    case "text":
    case "other":
      return text;
    case "bytes":
      return bytes(text);
    case "uuid":
      return /^\{?[0-9a-f-]{32,36}\}?$/i.test(text) ? text.toLowerCase().replace(/[{}-]/g, "") : undefined;
    case "date":
    case "timestamp":
    case "timestamptz":
      return moment(text, kind);
    case "time":
      return time(text);
    case "interval":
      return interval(text);
    case "json":
      return json(text);
  }
}

function bool(text: string): string | undefined {
  if (/^(?:true|t|1)$/i.test(text)) return "true";
  return /^(?:false|f|0)$/i.test(text) ? "false" : undefined;
}

/** Its digits without zeros at the ends, and the power of ten of the last. */
function number(text: string): string | undefined {
  if (/^nan$/i.test(text)) return "nan";
  if (/^-?inf(?:inity)?$/i.test(text)) return text.startsWith("-") ? "-inf" : "inf";
  const [, sign, whole = "", fraction = "", exponent = "0"] =
    /^(-?)(0|[1-9]\d*)?(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  if (sign === undefined || whole + fraction === "") return undefined;
  const digits = (whole + fraction).replace(/^0+/, "");
  if (digits === "") return "0";
  const power = whole.length + Number(exponent) - ((whole + fraction).length - digits.length) - 1;
  const significant = digits.replace(/0+$/, "");
  return `${sign}${significant}e${power - significant.length + 1}`;
}

/** As PostgreSQL (\x00ff), DuckDB (\x00\xFFa) and a dump in hexadecimal (00FF) write them. */
function bytes(text: string): string | undefined {
  if (/^\\x(?:[0-9a-f]{2})*$/.test(text)) return text.slice(2);
  if (/^hex:(?:[0-9A-F]{2})*$/.test(text)) return text.slice(4).toLowerCase();
  const parts = text.match(/\\x[0-9A-F]{2}|[\x20-\x7e]/gi) ?? [];
  if (parts.join("") !== text) return undefined;
  return parts.map((part) =>
    part.length === 4 ? part.slice(2).toLowerCase() : part.charCodeAt(0).toString(16)
  )
    .join("");
}

const MOMENT =
  /^([+-]?)(\d{4,7})-(\d\d)-(\d\d)( \(?BC\)?)?(?:[T ](\d\d:\d\d(?::[0-5]\d(?:\.\d+)?)?) ?(Z|[+-]\d\d(?::?\d\d)?)?)?( BC)?$/;

/** Nanoseconds since 1970 in UTC. */
function moment(text: string, kind: Kind): string | undefined {
  if (/^-?infinity$/i.test(text)) return text.toLowerCase();
  const [, sign, year, month, day, bc, clock, zone, lateBc] = MOMENT.exec(text) ?? [];
  if (year === undefined || (kind === "date" && clock !== undefined && !/^00:00(:00(\.0+)?)?$/.test(clock))) {
    return undefined;
  }
  if (kind === "timestamptz" ? clock === undefined || zone === undefined : zone !== undefined) {
    return undefined;
  }
  const isBc = bc !== undefined || lateBc !== undefined;
  const years = isBc ? 1 - Number(year) : Number(`${sign}${year}`);
  const days = daysOf(years, Number(month), Number(day));
  if (Number.isNaN(days)) return undefined;
  const ofDay = clock === undefined ? 0n : nanosOf(clock);
  const offset = zone === undefined || zone === "Z" ? 0n : offsetOf(zone);
  return String(BigInt(days) * 86_400_000_000_000n + ofDay - offset);
}

/** Since 1970; NaN for a day that there is not. */
function daysOf(year: number, month: number, day: number): number {
  const date = new Date(Date.UTC(2000, 0, 1));
  // The years of 400 have the same days.
  const cycles = Math.floor(year / 400);
  date.setUTCFullYear(year - cycles * 400 + 2000, month - 1, day);
  if (date.getUTCMonth() !== month - 1) return Number.NaN;
  return date.getTime() / 86_400_000 + (cycles - 5) * 146_097;
}

function nanosOf(clock: string): bigint {
  const [hours = "0", minutes = "0", seconds = "0"] = clock.split(":");
  const [whole = "0", fraction = ""] = seconds.split(".");
  const total = BigInt(hours) * 3600n + BigInt(minutes) * 60n + BigInt(whole);
  return total * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
}

function offsetOf(zone: string): bigint {
  const digits = zone.slice(1).replace(":", "").padEnd(4, "0");
  const nanos = nanosOf(`${digits.slice(0, 2)}:${digits.slice(2)}`);
  return zone.startsWith("-") ? -nanos : nanos;
}

function time(text: string): string | undefined {
  const [, clock, zone] = /^(\d\d:\d\d(?::[0-5]\d(?:\.\d+)?)?)(?:([+-]\d\d(?::?\d\d)?))?$/.exec(text) ?? [];
  if (clock === undefined) return undefined;
  return String(nanosOf(clock) - (zone === undefined ? 0n : offsetOf(zone)));
}

const UNITS: Readonly<Record<string, readonly [at: 0 | 1 | 2, factor: bigint]>> = {
  year: [0, 12n],
  mon: [0, 1n],
  month: [0, 1n],
  day: [1, 1n],
  hour: [2, 3_600_000_000_000n],
  minute: [2, 60_000_000_000n],
};

/** Months, days and nanoseconds, which are three things. */
function interval(text: string): string | undefined {
  const [, isoMonths, isoDays, isoSeconds] = /^P(-?\d+)M(-?\d+)DT(-?\d+(?:\.\d+)?)S$/.exec(text) ?? [];
  if (isoSeconds !== undefined) {
    return `${isoMonths} ${isoDays} ${signed(isoSeconds, (seconds) => nanosOf(`0:0:${seconds}`))}`;
  }
  const sums: [bigint, bigint, bigint] = [0n, 0n, 0n];
  const rest = text.replace(/([+-]?\d+) (year|month|mon|day|hour|minute)s?/g, (_match, count, unit) => {
    const [at, factor] = UNITS[unit] ?? [0, 0n];
    sums[at] += BigInt(count) * factor;
    return "";
  }).trim();
  if (rest === "") return sums.join(" ");
  if (!/^[+-]?\d+:\d\d:\d\d(?:\.\d+)?$/.test(rest)) return undefined;
  sums[2] += signed(rest, nanosOf);
  return sums.join(" ");
}

function signed(text: string, read: (text: string) => bigint): bigint {
  const value = read(text.replace(/^[+-]/, ""));
  return text.startsWith("-") ? -value : value;
}

function json(text: string): string | undefined {
  try {
    return JSON.stringify(sorted(JSON.parse(text)));
  } catch {
    return undefined;
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)).map(([k, v]) => [k, sorted(v)]),
  );
}
