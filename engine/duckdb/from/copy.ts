import type { CopyOptions } from "../../../contract/connector.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";

const OPTION_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * A COPY statement that writes the rows of `sql` (one SELECT) to `path`. Throws invalid for an
 * option name that is none, or a merge without a key.
 */
export function copyStatement(sql: string, path: string, options: CopyOptions): string {
  const list = [
    `FORMAT ${options.format}`,
    ...Object.entries(options.options ?? {}).map(([name, value]) => `${optionName(name)} ${literal(value)}`),
    ...(options.partitionBy === undefined || options.partitionBy.length === 0
      ? []
      : [`PARTITION_BY (${options.partitionBy.map(quoteIdentifier).join(", ")})`]),
  ];
  const fresh = castColumns(sql, options.casts ?? {});
  const rows = options.existing === undefined ? fresh : mergedRows(fresh, options.existing);
  return `COPY (\n${rows}\n) TO ${quoteLiteral(path)} (${list.join(", ")})`;
}

function castColumns(sql: string, casts: NonNullable<CopyOptions["casts"]>): string {
  const columns = Object.entries(casts).map(([name, type]) =>
    `CAST(${quoteIdentifier(name)} AS ${type}) AS ${quoteIdentifier(name)}`
  );
  return columns.length === 0 ? sql : `SELECT * REPLACE (${columns.join(", ")}) FROM (\n${sql}\n)`;
}

/** NULL keys match each other, so that a row without a key is replaced and not doubled. */
function mergedRows(sql: string, existing: NonNullable<CopyOptions["existing"]>): string {
  if (existing.primaryKey.length === 0) {
    throw new AppError("invalid", "Cannot merge rows without a primary key");
  }
  const match = existing.primaryKey.map(quoteIdentifier)
    .map((key) => `kept.${key} IS NOT DISTINCT FROM fresh.${key}`).join(" AND ");
  return `WITH fresh AS NOT MATERIALIZED (\n${sql}\n)
SELECT * FROM fresh
UNION ALL BY NAME
SELECT kept.* FROM ${existing.relation} AS kept ANTI JOIN fresh ON ${match}`;
}

function optionName(name: string): string {
  if (!OPTION_NAME.test(name)) throw new AppError("invalid", `"${name}" is not the name of a COPY option`);
  return name.toUpperCase();
}

function literal(value: string | number | boolean): string {
  return typeof value === "string" ? quoteLiteral(value) : String(value);
}
