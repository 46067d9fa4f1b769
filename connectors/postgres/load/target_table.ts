import { AppError } from "../../../contract/errors.ts";
import { quoteLiteral } from "../../../contract/sql.ts";
import { quoteTable, showTable, type TableName } from "../table_name.ts";
import type { Session } from "../session/session.ts";
import type { TargetType } from "./types.ts";

export interface TargetColumn {
  readonly name: string;
  readonly type: TargetType;
  readonly isNotNull: boolean;
  readonly hasDefault: boolean;
  readonly isGenerated: boolean;
}

export interface TargetTable {
  readonly columns: readonly TargetColumn[];
  /** The columns of each unique index that ON CONFLICT can use. */
  readonly uniqueKeys: readonly (readonly string[])[];
}

/** The table as it is; undefined where there is none. Throws `invalid` for what is not a table. */
export async function inspectTable(session: Session, name: TableName): Promise<TargetTable | undefined> {
  const regclass = `to_regclass(${quoteLiteral(quoteTable(name))})`;
  const { rows } = await session.query(`SELECT relkind FROM pg_catalog.pg_class WHERE oid = ${regclass}`);
  const kind = rows[0]?.[0];
  if (kind === undefined) return undefined;
  if (kind !== "r" && kind !== "p") {
    throw new AppError("invalid", `Cannot load into ${showTable(name)}: it is not a table`);
  }
  const columns = await session.query(
    `SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
            CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END,
            CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END,
            t.typtype = 'e', CASE WHEN t.typtype <> 'd' AND t.typlen = -1 THEN t.typelem ELSE 0 END,
            a.attnotnull, a.atthasdef OR a.attidentity <> '', a.attgenerated <> ''
       FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
      WHERE a.attrelid = ${regclass} AND a.attnum > 0 AND NOT a.attisdropped
      ORDER BY a.attnum`,
  );
  const keys = await session.query(
    `SELECT x.indexrelid, a.attname
       FROM pg_catalog.pg_index x
       JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid
        AND a.attnum = ANY ((x.indkey::int2[])[0:x.indnkeyatts - 1])
      WHERE x.indrelid = ${regclass} AND x.indisunique AND x.indisvalid AND x.indimmediate
        AND x.indpred IS NULL AND x.indexprs IS NULL`,
  );
  return { columns: columns.rows.map(toColumn), uniqueKeys: groupKeys(keys.rows) };
}

function toColumn(row: readonly (string | null)[]): TargetColumn {
  const [name, sql, oid, modifier, isEnum, elementOid, isNotNull, hasDefault, isGenerated] = row;
  return {
    name: name ?? "",
    type: {
      sql: sql ?? "",
      oid: Number(oid),
      modifier: Number(modifier),
      isEnum: isEnum === "t",
      elementOid: Number(elementOid),
    },
    isNotNull: isNotNull === "t",
    hasDefault: hasDefault === "t",
    isGenerated: isGenerated === "t",
  };
}

function groupKeys(rows: readonly (readonly (string | null)[])[]): string[][] {
  const keys = new Map<string, string[]>();
  for (const [index, column] of rows) {
    const columns = keys.get(index ?? "") ?? [];
    columns.push(column ?? "");
    keys.set(index ?? "", columns);
  }
  return [...keys.values()];
}

export function hasUniqueKey(table: TargetTable, key: readonly string[]): boolean {
  return table.uniqueKeys.some((columns) =>
    columns.length === key.length && columns.every((column) => key.includes(column))
  );
}
