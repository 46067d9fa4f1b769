import {
  type CheckOptions,
  type ColumnCheck,
  type ColumnRule,
  type TableCheck,
  tableCheckOf,
  type TableRule,
} from "../../../contract/checks/rules.ts";
import type { Severity, TableCheckDefinition } from "../../../contract/checks/schema.ts";
import { quoteIdentifier } from "../../../contract/sql.ts";
import type { DocumentPath } from "../../../text/yaml_document.ts";
import { type CheckSql, checkSql, type Fragment, type Measure } from "./check_sql.ts";

/** A model or a stream, as far as its checks go. */
export interface CheckedTable {
  /** How SQL and people name it: `daily`, `raw.orders`. */
  readonly name: string;
  /** Of the graph: `model:daily`, `extract:orders`. */
  readonly node: string;
  readonly columns: Readonly<Record<string, { readonly checks: readonly ColumnCheck[] }>>;
  readonly checks: readonly TableCheck[];
}

/** One check of a model or a stream, ready to run. */
export interface Check {
  /** Unique in its table, as `not_null_day`. */
  readonly name: string;
  /** Its table, as CheckedTable names it. */
  readonly table: string;
  readonly node: string;
  readonly rule: ColumnRule | TableRule;
  /** Of a check of one column. */
  readonly column?: string;
  readonly severity: Severity;
  readonly thresholds: Pick<CheckOptions, "errorIf" | "warnIf">;
  /** How messages call it: `not_null(day)`, `no_gaps`. */
  readonly label: string;
  /** A SELECT of what fails: rows; values for `unique`; a row with what was measured for checks of a whole table. */
  readonly sql: string;
  readonly measure: Measure;
  /** Its author's own SQL in `sql`. */
  readonly fragments: readonly Fragment[];
  /** Where the header or the stream says it, as `["columns", "day", "checks", 0]`. */
  readonly path: DocumentPath;
}

/** The checks of a table's columns as they are written, then those of the table. */
export function checksOf(table: CheckedTable): Check[] {
  const ofColumns = Object.entries(table.columns).flatMap(([column, { checks }]) =>
    checks.map((check, index) => ({ check, column, path: ["columns", column, "checks", index] }))
  );
  const ofTable = table.checks.map((check, index) => ({
    check,
    column: "of" in check ? check.of : undefined,
    path: ["checks", index],
  }));
  const all = [...ofColumns, ...ofTable];
  const nameFor = namesFor(all.flatMap(({ check: { name } }) => name === undefined ? [] : [name]));
  return all.map(({ check, column, path }): Check => {
    const name = check.name ?? nameFor(baseName(check, column, path));
    const { errorIf, warnIf } = check;
    return {
      name,
      table: table.name,
      node: table.node,
      rule: check,
      ...(column === undefined ? {} : { column }),
      severity: check.severity,
      thresholds: {
        ...(errorIf === undefined ? {} : { errorIf }),
        ...(warnIf === undefined ? {} : { warnIf }),
      },
      label: check.name ?? labelOf(check, column, name),
      ...sqlOf(table, check, column),
      path,
    };
  });
}

/** Those of a model. */
export function modelChecks(
  { name, columns, checks }: Pick<CheckedTable, "name" | "columns" | "checks">,
): Check[] {
  return checksOf({ name, node: `model:${name}`, columns, checks });
}

/** Those of a stream, whose table is raw.<name>. */
export function streamChecks(
  name: string,
  { checks = [] }: { readonly checks?: readonly TableCheckDefinition[] | undefined },
): Check[] {
  return checksOf({
    name: `raw.${name}`,
    node: `extract:${name}`,
    columns: {},
    checks: checks.map(tableCheckOf),
  });
}

/** The name of a check's step. */
export function checkStep({ table, name }: Pick<Check, "table" | "name">): string {
  return `check:${table}.${name}`;
}

/** The node that a check's step looks at: `check:raw.orders.fresh` → `extract:orders`. */
export function checkedNode(step: string): string {
  const name = step.slice("check:".length);
  const [table = "", stream = ""] = name.split(".");
  return name.startsWith("raw.") && name.split(".").length > 2 ? `extract:${stream}` : `model:${table}`;
}

/** The place of the part of the check that can be wrong. */
export function checkPath({ path, rule }: Check): DocumentPath {
  return [...path, rule.kind === "query" ? "sql" : rule.kind === "unique_together" ? "unique" : rule.kind];
}

/** Columns that a check names beside the SQL of its author, with their places. */
export function namedColumns(check: Check): { readonly column: string; readonly path: DocumentPath }[] {
  const { rule, path } = check;
  if (check.column !== undefined) {
    return path[0] === "columns" ? [] : [{ column: check.column, path: [...path, "column"] }];
  }
  if (rule.kind === "freshness") return [{ column: rule.column, path: [...path, "freshness", "column"] }];
  if (rule.kind !== "unique_together") return [];
  return rule.columns.map((column, index) => ({ column, path: [...path, "unique", index] }));
}

/** Whether it reads more than its table's own columns, or SQL that nobody has looked at. */
export function readsOtherTables({ rule, fragments }: Check): boolean {
  return fragments.length > 0 || rule.kind === "relationships" ||
    rule.kind === "row_count" && rule.equalTo !== undefined;
}

function sqlOf(table: CheckedTable, check: ColumnCheck | TableCheck, column: string | undefined): CheckSql {
  return checkSql(relationOf(table.node), check, column);
}

/** The quoted table. */
export function relationOf(node: string): string {
  const label = quoteIdentifier(node.slice(node.indexOf(":") + 1));
  return `${node.startsWith("model:") ? "main" : "raw"}.${label}`;
}

function baseName(check: ColumnCheck | TableCheck, column: string | undefined, path: DocumentPath): string {
  if (column !== undefined) return `${check.kind}_${column}`;
  switch (check.kind) {
    case "unique_together":
      return `unique_${check.columns.join("_")}`;
    case "freshness":
      return `freshness_${check.column}`;
    case "query":
    case "expression":
      return `check_${Number(path.at(-1)) + 1}`;
    default:
      return check.kind;
  }
}

function labelOf(check: ColumnCheck | TableCheck, column: string | undefined, name: string): string {
  switch (check.kind) {
    case "query":
      return name;
    case "sql":
    case "expression":
      return `${check.kind}(${check.sql.trim()})`;
    case "unique_together":
      return `unique(${check.columns.join(", ")})`;
    case "freshness":
      return `freshness(${check.column})`;
    case "change":
      return `change(${check.metric?.trim() ?? "row_count"})`;
    case "row_count":
      return check.kind;
    default:
      return `${check.kind}(${column ?? ""})`;
  }
}

const MAX_NAME = 63;

/** Makes names that are not taken, `given` in mind. */
function namesFor(given: readonly string[]): (base: string) => string {
  const taken = new Set(given.map((name) => name.toLowerCase()));
  return (base) => {
    const plain = base.replace(/[^\p{L}\p{N}_]+/gu, "_");
    let name = plain.length > MAX_NAME && /^(?:unique|freshness)_/.test(plain)
      ? plain.slice(0, MAX_NAME)
      : plain;
    for (let count = 2; taken.has(name.toLowerCase()); count++) name = `${plain}_${count}`;
    taken.add(name.toLowerCase());
    return name;
  };
}
