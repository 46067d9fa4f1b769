import type {
  Bound,
  CheckOptions,
  CheckValue,
  ColumnCheck,
  ColumnRule,
  TableCheck,
} from "../../../contract/checks/rules.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { parseTableName } from "../resolve_table.ts";
import { withoutTerminators } from "../scan_sql.ts";

/** How it is found out what fails. */
export type Measure =
  /** Rows of the table for which the condition is true: counted together with other checks in one pass. */
  | { readonly by: "rows"; readonly fails: string; readonly where?: string }
  /** Rows of the check's own SELECT. */
  | { readonly by: "query" }
  /** Aggregates over the table, by name, in the same pass; those that are alone are the row of the check's SELECT. */
  | {
    readonly by: "values";
    readonly values: AggregatesOf;
    readonly where?: string;
    readonly isAlone?: true;
  };

/** `filter` is nothing, or ` FILTER (WHERE …)` behind each aggregate. */
export type AggregatesOf = (filter: string) => Readonly<Record<string, string>>;

/** A piece of its author's SQL in the SQL of a check. */
export interface Fragment {
  /** The key of the check that has it, as `["where"]`. */
  readonly key: readonly string[];
  readonly text: string;
  /** UTF-16 units from 0 in the check's SQL. */
  readonly start: number;
}

export interface CheckSql {
  readonly sql: string;
  readonly measure: Measure;
  readonly fragments: readonly Fragment[];
}

/** A text, or one of the author's that stands at `key`; `sql` is of the same length, where it goes in as another one. */
type Part = string | { readonly key: readonly string[]; readonly text: string; readonly sql?: string };

/** `relation` is quoted; `column` is that of a check of one column. */
export function checkSql(
  relation: string,
  check: ColumnCheck | TableCheck,
  column: string | undefined,
): CheckSql {
  switch (check.kind) {
    case "query":
      return byQuery([{ key: ["sql"], text: check.sql, sql: withoutTerminators(check.sql) }]);
    case "sql":
    case "expression":
      return byRows(relation, check, ["NOT (\n", { key: [check.kind], text: check.sql }, "\n)"]);
    case "unique":
      return byQuery(repeated(relation, [quoteIdentifier(column ?? "")], check, true));
    case "unique_together":
      return byQuery(repeated(relation, check.columns.map(quoteIdentifier), check, false));
    case "relationships":
      return byQuery(orphans(relation, quoteIdentifier(column ?? ""), check));
    case "row_count":
    case "recency":
    case "freshness":
    case "change":
      return byValues(relation, check, column);
    default:
      return byRows(relation, check, [failingCondition(check, quoteIdentifier(column ?? ""))]);
  }
}

type SimpleRule = Extract<
  ColumnRule,
  { kind: "not_null" | "unique" | "accepted_values" | "not_accepted_values" | "range" | "pattern" | "length" }
>;

/** True for a row that fails; `name` is the quoted column. */
function failingCondition(rule: SimpleRule, name: string): string {
  switch (rule.kind) {
    case "not_null":
    case "unique":
      return `${name} IS NULL`;
    case "accepted_values":
      return `${name} NOT IN (${rule.values.map(valueSql).join(", ")})`;
    case "not_accepted_values":
      return `${name} IN (${rule.values.map(valueSql).join(", ")})`;
    case "range":
      return outside(name, rule.min, rule.max, rule.isExclusive);
    case "pattern":
      return `NOT regexp_matches(CAST(${name} AS VARCHAR), ${quoteLiteral(rule.pattern)})`;
    case "length":
      return outside(`length(${name})`, rule.min, rule.max, false);
  }
}

function outside(
  value: string,
  min: Bound | undefined,
  max: Bound | undefined,
  isExclusive: boolean,
): string {
  return [
    ...(min === undefined ? [] : [`${value} ${isExclusive ? "<=" : "<"} ${boundSql(min)}`]),
    ...(max === undefined ? [] : [`${value} ${isExclusive ? ">=" : ">"} ${boundSql(max)}`]),
  ].join(" OR ");
}

/** A text takes the type of what it is compared with; a number is one, since '1.5' would become 2 there. */
const boundSql = (bound: Bound): string => typeof bound === "number" ? String(bound) : quoteLiteral(bound);
/** Texts take the type of the column that they are compared with. */
const valueSql = (value: CheckValue): string => quoteLiteral(String(value));

function repeated(
  relation: string,
  columns: readonly string[],
  options: CheckOptions,
  isNullLeftOut: boolean,
): Part[] {
  const list = columns.join(", ");
  const known = isNullLeftOut ? [`${list} IS NOT NULL`] : [];
  return [
    `SELECT ${list}, count(*) AS "rows" FROM ${relation}`,
    ...whereParts([...known, ...conditionOf(options)]),
    ` GROUP BY ${list} HAVING count(*) > 1`,
  ];
}

function orphans(
  relation: string,
  name: string,
  check: Extract<ColumnCheck, { kind: "relationships" }>,
): Part[] {
  const source = check.where === undefined
    ? [relation]
    : [`(SELECT * FROM ${relation}`, ...whereParts(conditionOf(check)), ")"];
  return [
    'SELECT "_child".* FROM ',
    ...source,
    ` AS "_child" WHERE "_child".${name} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ${
      tableSql(check.to)
    } AS "_parent" WHERE "_parent".${quoteIdentifier(check.column)} = "_child".${name})`,
  ];
}

/** `daily` or `raw.orders`, quoted. */
export function tableSql(reference: string): string {
  const { schema = "main", name } = parseTableName(reference);
  return `${quoteIdentifier(schema.toLowerCase())}.${quoteIdentifier(name)}`;
}

function byRows(relation: string, options: CheckOptions, fails: readonly Part[]): CheckSql {
  const condition: readonly Part[] = options.where === undefined ? fails : ["(", ...fails, ")"];
  const parts = [`SELECT * FROM ${relation}`, ...whereParts([...conditionOf(options), condition])];
  return {
    ...assembled(parts),
    measure: { by: "rows", fails: assembled(fails).sql, ...whereOf(options) },
  };
}

function byQuery(parts: readonly Part[]): CheckSql {
  return { ...assembled(parts), measure: { by: "query" } };
}

type ValueCheck = Extract<
  ColumnCheck | TableCheck,
  { kind: "row_count" | "recency" | "freshness" | "change" }
>;

function byValues(relation: string, check: ValueCheck, column: string | undefined): CheckSql {
  const from = [` FROM ${relation}`, ...whereParts(conditionOf(check))];
  switch (check.kind) {
    case "row_count": {
      const other = check.equalTo === undefined
        ? undefined
        : `(SELECT count(*) FROM ${tableSql(check.equalTo)})`;
      const wrong = [
        outside("count(*)", check.min, check.max, false),
        ...(other === undefined ? [] : [`count(*) <> ${other}`]),
      ].filter((text) => text !== "").join(" OR ");
      return {
        ...assembled([
          `SELECT count(*) AS "rows"`,
          ...(other === undefined ? [] : [`, ${other} AS "expected"`]),
          ...from,
          ` HAVING ${wrong}`,
        ]),
        measure: {
          by: "values",
          values: (filter) => ({
            rows: `count(*)${filter}`,
            ...(other === undefined ? {} : { expected: other }),
          }),
          ...whereOf(check),
        },
      };
    }
    case "recency":
    case "freshness": {
      const newest = `max(${quoteIdentifier(check.kind === "freshness" ? check.column : column ?? "")})`;
      const age = (of: string) => `epoch(getvariable('run_start')) - epoch(${of})`;
      const limitMs = Math.min(...limitsOf(check));
      return {
        ...assembled([
          `SELECT ${newest} AS "newest"`,
          ...from,
          ` HAVING ${newest} IS NULL OR ${age(newest)} > ${limitMs / 1_000}`,
        ]),
        measure: {
          by: "values",
          values: (filter) => ({
            newest: `CAST(${newest}${filter} AS VARCHAR)`,
            age: age(`${newest}${filter}`),
          }),
          ...whereOf(check),
        },
      };
    }
    case "change": {
      const { metric } = check;
      if (metric === undefined) {
        return {
          ...assembled([`SELECT count(*) AS "value"`, ...from]),
          measure: { by: "values", values: (filter) => ({ value: `count(*)${filter}` }), ...whereOf(check) },
        };
      }
      const written = { key: ["change", "metric"], text: metric };
      // With HAVING it must be an aggregate.
      return {
        ...assembled([`SELECT CAST((\n`, written, `\n) AS DOUBLE) AS "value"`, ...from, " HAVING true"]),
        measure: { by: "values", values: () => ({}), isAlone: true },
      };
    }
  }
}

/** The ages in milliseconds beyond which a row is too old. */
function limitsOf(check: Extract<ValueCheck, { kind: "recency" | "freshness" }>): number[] {
  const { errorAfterMs } = check;
  const warnAfterMs = check.kind === "freshness" ? check.warnAfterMs : undefined;
  return [errorAfterMs, warnAfterMs].filter((limit) => limit !== undefined);
}

function conditionOf({ where }: CheckOptions): (string | readonly Part[])[] {
  return where === undefined ? [] : [["(\n", { key: ["where"], text: where }, "\n)"]];
}

function whereOf({ where }: CheckOptions): { readonly where?: string } {
  return where === undefined ? {} : { where };
}

function whereParts(conditions: readonly (string | readonly Part[])[]): Part[] {
  return conditions.flatMap((condition, index): Part[] => [
    index === 0 ? " WHERE " : " AND ",
    ...(typeof condition === "string" ? [condition] : condition),
  ]);
}

function assembled(
  parts: readonly Part[],
): { readonly sql: string; readonly fragments: readonly Fragment[] } {
  let sql = "";
  const fragments: Fragment[] = [];
  for (const part of parts) {
    if (typeof part === "string") {
      sql += part;
      continue;
    }
    fragments.push({ key: part.key, text: part.text, start: sql.length });
    sql += part.sql ?? part.text;
  }
  return { sql, fragments };
}
