import { quoteIdentifier, quoteLiteral, type SqlRow, type SqlSession } from "../../contract/sql.ts";
import { type ColumnCheck, type Model, modelTable } from "../language/model.ts";
import type { Severity } from "../language/model_header.ts";
import { parseTableName } from "../language/resolve_table.ts";
import { rowText } from "../language/row_text.ts";
import { withoutTerminators } from "../language/scan_sql.ts";

/** One check of a model, ready to run. */
export interface Check {
  /** Unique within the model, as `not_null_day`. */
  readonly name: string;
  readonly model: string;
  readonly kind: ColumnCheck["kind"] | "query";
  readonly column?: string;
  readonly severity: Severity;
  /** How messages call it: `not_null(day)`, `no_gaps`. */
  readonly label: string;
  /** A SELECT of what fails: rows, or values for `unique`. */
  readonly sql: string;
  /** Where the header says it, as `["columns", "day", "checks", 0]`. */
  readonly headerPath: readonly (string | number)[];
}

export interface CheckResult {
  /** Rows that fail; for `unique`, values that come more than once. */
  readonly failures: number;
  /** Rows of the model. */
  readonly total: number;
  /** At most SAMPLE_ROWS of the failures. */
  readonly sample: readonly SqlRow[];
}

export const SAMPLE_ROWS = 5;

/** The checks of a model's columns in the header's order, then its own queries. */
export function checksOf(model: Model): Check[] {
  const taken = new Set<string>(givenNames(model));
  const nameFor = (given: string | undefined, base: string): string => {
    if (given !== undefined) return given;
    const plain = base.replace(/[^\p{L}\p{N}_]+/gu, "_");
    let name = plain;
    for (let count = 2; taken.has(name.toLowerCase()); count++) name = `${plain}_${count}`;
    taken.add(name.toLowerCase());
    return name;
  };
  const checks: Check[] = [];
  for (const [column, definition] of Object.entries(model.columns)) {
    for (const [index, check] of definition.checks.entries()) {
      checks.push({
        name: nameFor(check.name, `${check.kind}_${column}`),
        model: model.name,
        kind: check.kind,
        column,
        severity: check.severity,
        label: check.name ?? `${check.kind}(${check.kind === "sql" ? check.sql.trim() : column})`,
        sql: columnCheckSql(model, column, check),
        headerPath: ["columns", column, "checks", index],
      });
    }
  }
  for (const [index, check] of model.checks.entries()) {
    const name = nameFor(check.name, `check_${index + 1}`);
    checks.push({
      name,
      model: model.name,
      kind: "query",
      severity: check.severity,
      label: name,
      sql: withoutTerminators(check.sql),
      headerPath: ["checks", index],
    });
  }
  return checks;
}

/** Names that the header gives, in lower case, as often as it gives them. */
export function givenNames(model: Model): string[] {
  const columnChecks = Object.values(model.columns).flatMap((column) => column.checks);
  return [...columnChecks, ...model.checks].flatMap(({ name }) =>
    name === undefined ? [] : [name.toLowerCase()]
  );
}

/** The place in the header of the part of the check that can be wrong. */
export function checkPath(check: Check): (string | number)[] {
  return [...check.headerPath, check.kind === "query" ? "sql" : check.kind];
}

/** Runs a check against the model's table. Throws SqlError where its SQL fails. */
export async function runCheck(session: SqlSession, check: Check): Promise<CheckResult> {
  const table = modelTable(check.model);
  const [counts] = await session.rows(
    `SELECT (SELECT count(*) FROM (\n${check.sql}\n)) AS failures, (SELECT count(*) FROM ${table}) AS total`,
  );
  const failures = Number(counts?.["failures"] ?? 0);
  const sample = failures === 0
    ? []
    : await session.rows(`SELECT * FROM (\n${check.sql}\n) LIMIT ${SAMPLE_ROWS}`);
  return { failures, total: Number(counts?.["total"] ?? 0), sample };
}

/** `not_null(day): 3 of 120 rows, for example day = NULL, revenue = 5`. */
export function checkMessage(check: Check, result: CheckResult): string {
  const { failures, total, sample } = result;
  if (failures === 0) return `${check.label}: no failures in ${count(total, "row")}`;
  const what = check.kind === "unique"
    ? `${count(failures, "value")} more than once in ${count(total, "row")}`
    : check.kind === "query"
    ? count(failures, "row")
    : `${failures} of ${count(total, "row")}`;
  const [first] = sample;
  return `${check.label}: ${what}${
    first === undefined ? "" : `, for example ${rowText(first, check.column)}`
  }`;
}

function columnCheckSql(model: Model, column: string, check: ColumnCheck): string {
  const table = modelTable(model.name);
  const name = quoteIdentifier(column);
  switch (check.kind) {
    case "not_null":
      return `SELECT * FROM ${table} WHERE ${name} IS NULL`;
    case "unique":
      return `SELECT ${name}, count(*) AS "rows" FROM ${table} WHERE ${name} IS NOT NULL ` +
        `GROUP BY ${name} HAVING count(*) > 1`;
    case "accepted_values": {
      // Texts take the type of the column that they are compared with.
      const values = check.values.map((value) => quoteLiteral(String(value))).join(", ");
      return `SELECT * FROM ${table} WHERE ${name} NOT IN (${values})`;
    }
    case "relationships": {
      const { schema = "main", name: parent } = parseTableName(check.to);
      const target = `${quoteIdentifier(schema.toLowerCase())}.${quoteIdentifier(parent)}`;
      return `SELECT "_child".* FROM ${table} AS "_child" WHERE "_child".${name} IS NOT NULL AND NOT EXISTS ` +
        `(SELECT 1 FROM ${target} AS "_parent" WHERE "_parent".${
          quoteIdentifier(check.column)
        } = "_child".${name})`;
    }
    case "sql":
      return `SELECT * FROM ${table} WHERE NOT (\n${check.sql}\n)`;
  }
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}
