import { quoteIdentifier, quoteLiteral } from "../../contract/sql.ts";
import { type ColumnCheck, type Model, modelTable } from "./model.ts";
import type { Severity } from "./model_header.ts";
import { parseTableName } from "./resolve_table.ts";
import { withoutTerminators } from "./scan_sql.ts";

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
function givenNames(model: Model): string[] {
  const columnChecks = Object.values(model.columns).flatMap((column) => column.checks);
  return [...columnChecks, ...model.checks].flatMap(({ name }) =>
    name === undefined ? [] : [name.toLowerCase()]
  );
}

/** The place in the header of the part of the check that can be wrong. */
export function checkPath(check: Check): (string | number)[] {
  return [...check.headerPath, check.kind === "query" ? "sql" : check.kind];
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
