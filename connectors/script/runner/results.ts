import { type FunctionType, functionTypeText } from "../../../contract/pipeline/function_type.ts";
import { RowError } from "./cell.ts";

/**
 * What a function of SQL returned, as its column is encoded: see ResultKind. Nothing is rounded, cut or taken for another
 * type. Throws RowError for a value that the type does not hold.
 */
export function resultReader(type: FunctionType): (value: unknown) => unknown {
  const refuse = (value: unknown, why = ""): never => {
    const shown = typeof value === "string"
      ? JSON.stringify(value.slice(0, MAX_SHOWN))
      : value instanceof Promise
      ? "a promise: a function of SQL is called on the spot"
      : `${typeof value === "object" ? "an object" : String(value).slice(0, MAX_SHOWN)} (${typeof value})`;
    throw new RowError(`it returned ${shown}, which is no ${functionTypeText(type)}${why}`);
  };
  switch (type.name) {
    case "BOOLEAN":
      return (value) => typeof value === "boolean" ? value : refuse(value);
    case "INTEGER":
      return (value) => isInteger(value, 32) ? value : refuse(value);
    case "BIGINT":
      return (value) => isInteger(value, 64) ? value : refuse(value);
    case "HUGEINT":
      return (value) => isInteger(value, 128) ? value : refuse(value);
    case "DOUBLE":
      return (value) =>
        typeof value === "number" || typeof value === "bigint" && BigInt(Number(value)) === value
          ? Number(value)
          : refuse(value);
    case "DECIMAL": {
      const { width = 0, scale = 0 } = type;
      return (value) => unscaled(value, width, scale) ?? refuse(value, " without being rounded");
    }
    case "VARCHAR":
      return (value) => typeof value === "string" ? value : refuse(value);
    case "JSON":
      return (value) => value instanceof Promise ? refuse(value) : value;
    case "BLOB":
      return (value) => value instanceof Uint8Array ? value : refuse(value);
    case "DATE":
      return (value) => daysOf(value) ?? refuse(value, ", as 2026-01-31");
    case "TIMESTAMP":
      return (value) => microsOf(value, false) ?? refuse(value, ", as 2026-01-31T10:30:00");
    case "TIMESTAMPTZ":
      return (value) => microsOf(value, true) ?? refuse(value, ", as 2026-01-31T10:30:00Z or a Date");
  }
}

const MAX_SHOWN = 40;

function isInteger(value: unknown, bits: number): boolean {
  if (typeof value === "number") {
    return bits === 32 ? value === (value | 0) : Number.isSafeInteger(value);
  }
  return typeof value === "bigint" && BigInt.asIntN(bits, value) === value;
}

/** A decimal without its point; undefined for one that does not fit. */
function unscaled(value: unknown, width: number, scale: number): bigint | undefined {
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "bigint") return undefined;
  const [, sign, whole, part = ""] = /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(String(value)) ?? [];
  if (whole === undefined || !/^0*$/.test(part.slice(scale))) return undefined;
  const digits = BigInt(whole + part.slice(0, scale).padEnd(scale, "0"));
  if (digits >= 10n ** BigInt(width)) return undefined;
  return sign === "-" ? -digits : digits;
}

const DAY_MS = 86_400_000;

/** Days since 1970; undefined for what is no day. */
function daysOf(value: unknown): number | undefined {
  const text = value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : value;
  if (typeof text !== "string") return undefined;
  const [, day] = /^(\d{4}-\d\d-\d\d)(?:T00:00:00(?:\.000)?Z)?$/.exec(text) ?? [];
  const ms = day === undefined ? undefined : dayMs(day);
  return ms === undefined ? undefined : ms / DAY_MS;
}

/** The 30th of February is none. */
function dayMs(day: string): number | undefined {
  const ms = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day) ? ms : undefined;
}

const MOMENT =
  /^(\d{4}-\d\d-\d\d)[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,6})0*)?)?(Z|[+-]\d\d(?::?\d\d)?)?$/;

/** Microseconds since 1970; undefined for what is no such moment. */
function microsOf(value: unknown, hasZone: boolean): bigint | undefined {
  if (value instanceof Date) {
    const ms = value.getTime();
    return Number.isNaN(ms) ? undefined : BigInt(ms) * 1000n;
  }
  const [, day, hours, minutes, seconds = "0", fraction = "", zone] =
    MOMENT.exec(typeof value === "string" ? value : "") ?? [];
  const ms = day === undefined ? undefined : dayMs(day);
  if (ms === undefined || (zone !== undefined) !== hasZone) return undefined;
  const ofDay = (Number(hours) * 60 + Number(minutes) - offsetMinutes(zone)) * 60 + Number(seconds);
  return BigInt(ms + ofDay * 1000) * 1000n + BigInt(fraction.padEnd(6, "0"));
}

function offsetMinutes(zone: string | undefined): number {
  const [, sign, hours, minutes = "0"] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone ?? "") ?? [];
  return hours === undefined ? 0 : (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}
