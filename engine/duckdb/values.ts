import duckdb from "@duckdb/node-bindings";
import { AppError } from "../../contract/errors.ts";
import type { SqlValue } from "../../contract/sql.ts";

const MIN_BIGINT = -(2n ** 63n);
const MAX_BIGINT = 2n ** 63n - 1n;
const MAX_HUGEINT = 2n ** 127n - 1n;

/** Binds by position. Throws invalid where the count differs or a value does not fit. */
export function bindValues(statement: duckdb.PreparedStatement, values: readonly SqlValue[]): void {
  const expected = duckdb.nparams(statement);
  if (expected !== values.length) {
    throw new AppError(
      "invalid",
      `Cannot bind ${values.length} values: the statement has ${expected} parameters`,
    );
  }
  values.forEach((value, index) => duckdb.bind_value(statement, index + 1, toDuckValue(value)));
}

function toDuckValue(value: SqlValue): duckdb.Value {
  if (value === null) return duckdb.create_null_value();
  if (value instanceof Date) return timestampValue(value);
  switch (typeof value) {
    case "string":
      return duckdb.create_varchar(value);
    case "boolean":
      return duckdb.create_bool(value);
    case "bigint":
      return bigintValue(value);
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0)
        ? duckdb.create_int64(BigInt(value))
        : duckdb.create_double(value);
  }
}

function bigintValue(value: bigint): duckdb.Value {
  if (value >= MIN_BIGINT && value <= MAX_BIGINT) return duckdb.create_int64(value);
  if (value >= -MAX_HUGEINT - 1n && value <= MAX_HUGEINT) return duckdb.create_hugeint(value);
  throw new AppError("invalid", `Cannot bind ${value}: it does not fit into HUGEINT`);
}

function timestampValue(value: Date): duckdb.Value {
  const epochMs = value.getTime();
  if (Number.isNaN(epochMs)) throw new AppError("invalid", "Cannot bind a Date that is not valid");
  return duckdb.create_timestamp_tz({ micros: BigInt(epochMs) * 1000n });
}
