import { triedCast } from "../../../connectors/text_cast/exact_cast.ts";
import { PLAIN_FORMAT } from "../../../connectors/text_cast/value_format.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteLiteral, SqlError, type SqlSession } from "../../../contract/sql.ts";
import type { TestValue } from "../../../contract/testing/unit_test.ts";
import type { Fault, SourcePlace } from "../../../text/fault.ts";

/** Values of tests in SQL: none is rounded, cut or made up on its way into its column's type. */

/** A value of a test, with the column that it is meant for. */
export interface TestCell {
  readonly value: TestValue;
  readonly column: string;
  /** In DuckDB's own words. */
  readonly type: string;
  readonly place: SourcePlace;
}

/** What DuckDB casts as it is written: all else goes by the rules for texts. */
const PLAIN_FORMS: readonly (readonly [type: RegExp, text: RegExp])[] = [
  [/^VARCHAR$/, /^/],
  [/^U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?$/, /^-?\d+$/],
  [/^(?:DOUBLE|FLOAT)$/, /^-?\d{1,6}(?:\.\d{1,6})?$/],
  [/^BOOLEAN$/, /^(?:true|false)$/],
  [/^DATE$/, /^\d{4}-\d\d-\d\d$/],
  [/^TIMESTAMP$/, /^\d{4}-\d\d-\d\d(?:[ T](?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,6})?)?$/],
  [
    /^TIMESTAMP WITH TIME ZONE$/,
    /^\d{4}-\d\d-\d\d(?:[ T](?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?)?$/,
  ],
];

function isPlain(text: string, type: string): boolean {
  const [, scale] = /^DECIMAL\(\d+,(\d+)\)$/.exec(type) ?? [];
  if (scale !== undefined) {
    return new RegExp(`^-?\\d+(?:\\.\\d{1,${Math.max(1, Number(scale))}})?$`).test(text);
  }
  return PLAIN_FORMS.some(([of, form]) => of.test(type) && form.test(text));
}

/** The value as its type writes it: a moment with a `Z` is the same one without a zone, which is UTC, too. */
export function inUtc(value: TestValue, type: string): TestValue {
  if (value === null || !("text" in value) || !/^TIMESTAMP(?:_\w+)?$/.test(type)) return value;
  const [, text = value.text] =
    /^(\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?:Z|\+00(?::?00)?)$/i.exec(value.text) ?? [];
  return { text };
}

/** The value in its type. Texts without a time zone are UTC, as the session is. */
export function cellSql({ value, type }: TestCell): string {
  if (value === null) return "NULL";
  if ("text" in value) return `CAST(${quoteLiteral(value.text)} AS ${type})`;
  return `CAST(CAST(${quoteLiteral(value.json)} AS JSON) AS ${type})`;
}

/** Throws invalid with each value that its column does not hold as it is written. */
export async function requireFits(session: SqlSession, cells: readonly TestCell[]): Promise<void> {
  const odd = cells.filter(({ value, type }) =>
    value !== null && "text" in value && !isPlain(value.text, type)
  );
  const wrong: TestCell[] = [];
  for (let start = 0; start < odd.length; start += CELLS_AT_ONCE) {
    const batch = odd.slice(start, start + CELLS_AT_ONCE);
    const tried = batch.map(({ value, type }, index) => {
      const text = value !== null && "text" in value ? quoteLiteral(value.text) : "NULL";
      return `${triedCast({ text, type, isGiven: true }, PLAIN_FORMAT)} IS NULL AS c${index}`;
    });
    const [row] = await session.rows(`SELECT ${tried.join(", ")}`);
    wrong.push(...batch.filter((_, index) => row?.[`c${index}`] === true));
  }
  if (wrong.length > 0) throw unfit(wrong);
}

const CELLS_AT_ONCE = 50;

/** Of an INSERT or a SELECT of the cells that failed: those that are at fault. */
export async function explainCells(
  session: SqlSession,
  cells: readonly TestCell[],
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof SqlError) || error.code === "cancelled" || error.code === "timeout") return error;
  const wrong: TestCell[] = [];
  for (const cell of cells) {
    if (cell.value === null) continue;
    try {
      const [row] = await session.rows(`SELECT TRY(${cellSql(cell)}) IS NULL AS is_null`);
      if (row?.["is_null"] === true) wrong.push(cell);
    } catch (other) {
      if (!(other instanceof SqlError)) throw other;
      wrong.push(cell);
    }
  }
  return wrong.length === 0 ? error : unfit(wrong);
}

function unfit(cells: readonly TestCell[]): AppError {
  const faults = cells.map(({ value, column, type, place }): Fault => {
    const written = value === null ? "NULL" : "text" in value ? JSON.stringify(value.text) : value.json;
    const hint = /^TIMESTAMP(?:_\w+)?$/.test(type) && /\d[+-]\d\d(?::?\d\d)?"$/.test(written)
      ? ", which has no time zone: write it in UTC"
      : "";
    return {
      ...place,
      message: `${column}: ${written} is no value of type ${type}${hint}`,
      severity: "error",
    };
  });
  return new AppError("invalid", "Values of the test do not fit their columns", { faults });
}
