import type { CopyOptions } from "../../contract/connector.ts";
import { quoteIdentifier, quoteLiteral } from "../../contract/sql.ts";

/** A COPY statement that writes the rows of a SELECT to a file or, with `partitionBy`, a folder. */
export function copyStatement(select: string, path: string, copy: CopyOptions): string {
  const settings = [
    `FORMAT ${copy.format}`,
    ...Object.entries(copy.options ?? {}).map(([name, value]) =>
      `${quoteIdentifier(name)} ${typeof value === "string" ? quoteLiteral(value) : value}`
    ),
    ...(copy.partitionBy === undefined || copy.partitionBy.length === 0
      ? []
      : [`PARTITION_BY (${copy.partitionBy.map(quoteIdentifier).join(", ")})`]),
  ];
  return `COPY (${rowsOf(select, copy)}) TO ${quoteLiteral(path)} (${settings.join(", ")})`;
}

/** The rows to write: the new ones, behind what stays of the existing ones. */
function rowsOf(select: string, { existing }: CopyOptions): string {
  if (existing === undefined) return select;
  const isSame = existing.primaryKey
    .map((key) => `old.${quoteIdentifier(key)} IS NOT DISTINCT FROM new.${quoteIdentifier(key)}`)
    .join(" AND ");
  return `WITH new AS (${select}), old AS (SELECT * FROM ${existing.relation})
    SELECT * FROM old ANTI JOIN new ON ${isSame} UNION ALL BY NAME SELECT * FROM new`;
}
