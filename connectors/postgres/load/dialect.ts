import { quoteIdentifier } from "../../../contract/sql.ts";
import type { Dialect, LoadColumn, Stage } from "../../destination/system.ts";
import { checkName } from "../table_name.ts";
import type { PostgresColumn } from "./catalogue.ts";
import type { ColumnEncoder } from "./encode/column_encoder.ts";
import { castTo, isChangedByCast } from "./exact_casts.ts";
import { directEncoder, writeType } from "./types.ts";

const temporary = (name: string): Stage => ({
  relation: `pg_temp.${name}`,
  place: "ctid",
  create: (definitions) => `CREATE TEMPORARY TABLE ${name} (${definitions}) ON COMMIT DROP`,
  analyze: `ANALYZE pg_temp.${name}`,
});

/** Types without an operator = of their own, or with one that does not compare whole values. */
const COMPARED_AS_TEXT = /^(?:json|xml|point|line|lseg|box|path|polygon|circle)\b/;

export const dialect: Dialect<PostgresColumn> = {
  ignoresCase: false,
  checkName: (name) => checkName("column", name),
  typeOf: (field) => writeType(field).sql,
  // JSON came as jsonb from the first release; a replace must not take its indexes and operators away.
  wasTypeOf: (field, column) => {
    const { sql } = writeType(field);
    return sql.startsWith("json") && column.sql === sql.replace("json", "jsonb");
  },
  sentAs(field, column) {
    const source = writeType(field);
    return directEncoder(source, column.type) === undefined ? source.sql : column.sql;
  },
  cast: ({ field, name, target, targetSql }) =>
    target === undefined
      ? quoteIdentifier(name)
      : castTo(writeType(field), target.type, quoteIdentifier(name), targetSql),
  isChanged: ({ field, name, target, targetSql, sentSql }) =>
    target === undefined
      ? "false"
      : isChangedByCast(writeType(field), sentSql, target.type, quoteIdentifier(name), targetSql),
  textOf: (expression) => `${expression}::text`,
  stage: temporary(`"_sluice_stage"`),
  gone: temporary(`"_sluice_gone"`),
  insertInto: "INSERT INTO",
  overriding: " OVERRIDING SYSTEM VALUE",
  // A collation may take two texts for one, and json has no equality of its own.
  isDistinct: ({ target, targetSql }, one, other) =>
    target?.type.isText || COMPARED_AS_TEXT.test(targetSql)
      ? `${one}::text COLLATE "C" IS DISTINCT FROM ${other}::text COLLATE "C"`
      : `${one} IS DISTINCT FROM ${other}`,
  lockTable: (only) => `LOCK TABLE ${only} IN SHARE ROW EXCLUSIVE MODE`,
  sendsDefaults: true,
  addsColumnsLate: true,
  // A row that the upsert inserted was never locked by it. Partitioned tables do not give it out.
  countingUpsert: (upsert, { isPartitioned }) =>
    isPartitioned ? undefined : `WITH changed AS (${upsert} RETURNING (xmax = 0) AS is_new)
       SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM changed`,
  addKey: ({ quoted }, key, { isNew }) =>
    isNew ? [`ALTER TABLE ${quoted} ADD PRIMARY KEY (${key.map(quoteIdentifier).join(", ")})`] : [],
  sqlRules: {
    dollarQuotes: true,
    backslashes: "escape strings",
    nestedComments: true,
    bodies: "postgres",
  },
  refusesSql: ({ words: [first] }) =>
    first === "COPY" ? "rows come and go by the load itself; use INSERT … SELECT" : undefined,
  forgetSettings: "DISCARD ALL",
  // Who holds the table does not keep the load waiting; one transaction, for what it sets.
  analyze: ({ quoted }) => [`BEGIN; SET LOCAL lock_timeout = '1s'; ANALYZE ${quoted}; COMMIT`],
  ledger: {
    text: "text",
    integer: "bigint",
    time: "timestamptz",
    // now() is when the transaction began, which may have waited for another load.
    now: "clock_timestamp()",
    daysAgo: (days) => `now() - interval '${days} days'`,
  },
};

/** What writes the column's values as `sentAs` says. */
export function encoderFor({ field, target, sentSql }: LoadColumn<PostgresColumn>): ColumnEncoder {
  const source = writeType(field);
  const direct = target !== undefined && sentSql === target.sql
    ? directEncoder(source, target.type)
    : undefined;
  return direct ?? source.createEncoder();
}
