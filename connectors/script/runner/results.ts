import { type FunctionType, functionTypeText } from "../../../contract/pipeline/function_type.ts";
import { daysOf, microsOf, unscaled } from "../sandbox/exact_value.ts";
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
