import { triedCast } from "../../../connectors/text_cast/exact_cast.ts";
import type { TextForms } from "../../../contract/connector/connector.ts";
import { type LoadDefinition, loadShapeOf } from "../../../contract/pipeline/load.ts";
import { type Column, findColumn, quoteIdentifier } from "../../../contract/sql.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { BACK, READ } from "./read_back.ts";

/** Types whose values a system may write in another way, as JSON with its keys sorted. */
const NOT_COMPARED = /^(?:JSON|INTERVAL|STRUCT|MAP|UNION)\b|\[\d*\]$/;

/** Whether a column's values can be told to be the same. */
export const isCompared = ({ type }: Column): boolean => !NOT_COMPARED.test(type);

/** A column of both sides in one type: the warehouse's, but where the target's is what its text was read as. */
interface Pair {
  /** Quoted, as is `own`, the name at the target. */
  readonly name: string;
  readonly own: string;
  /** SQL of what is sent, and of what was read. */
  readonly expected: string;
  readonly value: string;
  /** What is sent is compared as it is sent. */
  readonly isAsSent: boolean;
  /** What was read is cast: a text that has no value in the type is NULL. */
  readonly isCast: boolean;
}

/** The rows that were read back, in the types of those that are sent. */
export interface ReadRows {
  readonly pairs: readonly Pair[];
  /** Columns that the target does not have. */
  readonly lacking: readonly string[];
  /** All rows that count, as SQL; but for those that could not be read. */
  readonly all: string;
  /** How many rows have a value that is none of its column's type, and would pass for NULL. */
  readonly unread: number;
}

/** Values are cast once, into a table of their own, however often they are compared. */
export async function readAs(
  session: DuckSession,
  load: LoadDefinition,
  columns: readonly Column[],
  texts: TextForms | undefined,
): Promise<ReadRows> {
  const found = await session.describe(`SELECT * FROM ${BACK}`);
  const lacking = columns.filter(({ name }) => findColumn(found, name) === undefined).map(({ name }) => name);
  const pairs = columns.filter(isCompared).map((column) =>
    pairOf(column, findColumn(found, column.name) ?? column, texts)
  );
  if (lacking.length > 0) return { pairs, lacking, all: `SELECT * FROM ${BACK}`, unread: 0 };
  const { history } = loadShapeOf(load, 0);
  const current = history === undefined ? "true" : `CAST(${quoteIdentifier(history.isCurrent)} AS BOOLEAN)`;
  if (pairs.every(({ isCast }) => !isCast)) {
    const list = pairs.map(({ name, own }) => `${own} AS ${name}`);
    return {
      pairs,
      lacking,
      all: `SELECT ${list.join(", ")} FROM ${BACK} AS back WHERE ${current}`,
      unread: 0,
    };
  }
  const casts = pairs.map(({ own, value }, i) => `${own} AS o${i}, ${value} AS v${i}`);
  const isUnread = pairs.flatMap(({ isCast }, i) => isCast ? [`(o${i} IS NOT NULL AND v${i} IS NULL)`] : []);
  const list = pairs.map(({ name }, i) => `v${i} AS ${name}`);
  await session.run(
    `CREATE OR REPLACE TEMP TABLE ${READ.slice("temp.".length)} AS
       SELECT ${list.join(", ")}, ${isUnread.join(" OR ")} AS _sluice_unread
         FROM (SELECT ${casts.join(", ")} FROM ${BACK} AS back WHERE ${current})`,
  );
  const [counted] = await session.rows(`SELECT count(*) AS n FROM ${READ} WHERE _sluice_unread`);
  return {
    pairs,
    lacking,
    all: `SELECT ${pairs.map(({ name }) => name).join(", ")} FROM ${READ} WHERE NOT _sluice_unread`,
    unread: Number(counted?.["n"]),
  };
}

function pairOf(column: Column, found: Column, texts: TextForms | undefined): Pair {
  const [name, own] = [quoteIdentifier(column.name), quoteIdentifier(found.name)];
  const pair = { name, own, expected: name, value: own, isAsSent: true, isCast: false };
  if (column.type === found.type) return pair;
  if (column.type === "VARCHAR") {
    return { ...pair, expected: `TRY_CAST(${name} AS ${found.type})`, isAsSent: false };
  }
  const value = texts === undefined
    ? `TRY_CAST(${own} AS ${column.type})`
    : triedCast({ text: own, type: column.type, isGiven: true }, {
      decimalSeparator: texts.decimalSeparator,
      thousandsSeparator: texts.thousandsSeparator,
      dateFormat: texts.dateFormat,
      timestampFormat: undefined,
    });
  return { ...pair, value, isCast: true };
}
