import { durationMs } from "../pipeline/words.ts";
import {
  type ColumnCheckDefinition,
  DEFAULT_MIN_RUNS,
  DEFAULT_RUNS,
  type Severity,
  shareOf,
  type TableCheckDefinition,
} from "./schema.ts";

/** What a check says, one shape for each kind. */

/** Checks of one column. */
export type ColumnRule =
  | { readonly kind: "not_null" | "unique" }
  | { readonly kind: "accepted_values" | "not_accepted_values"; readonly values: readonly CheckValue[] }
  | { readonly kind: "relationships"; readonly to: string; readonly column: string }
  | { readonly kind: "range"; readonly min?: Bound; readonly max?: Bound; readonly isExclusive: boolean }
  | { readonly kind: "pattern"; readonly pattern: string }
  | { readonly kind: "length"; readonly min?: number; readonly max?: number }
  | { readonly kind: "recency"; readonly errorAfterMs: number }
  | { readonly kind: "sql"; readonly sql: string };

/** Checks of a table as a whole. */
export type TableRule =
  | { readonly kind: "query"; readonly sql: string }
  | { readonly kind: "unique_together"; readonly columns: readonly string[] }
  | { readonly kind: "row_count"; readonly min?: number; readonly max?: number; readonly equalTo?: string }
  | {
    readonly kind: "freshness";
    readonly column: string;
    readonly warnAfterMs?: number;
    readonly errorAfterMs?: number;
  }
  | { readonly kind: "expression"; readonly sql: string }
  | ChangeRule;

export interface ChangeRule {
  readonly kind: "change";
  /** An aggregate in SQL; undefined for the number of rows. */
  readonly metric?: string;
  /** One of the two: a share of the mean, or a number of standard deviations. */
  readonly maxShare?: number;
  readonly zScore?: number;
  readonly direction: "up" | "down" | "both";
  readonly runs: number;
  readonly minRuns: number;
  /** Earlier values do not count; epoch milliseconds. */
  readonly sinceMs?: number;
}

export type CheckValue = string | number | boolean;
export type Bound = string | number;

export interface CheckOptions {
  readonly name?: string;
  readonly severity: Severity;
  /** A condition in SQL. */
  readonly where?: string;
  /** Texts that match THRESHOLD_PATTERN. */
  readonly errorIf?: string;
  readonly warnIf?: string;
}

export type ColumnCheck = ColumnRule & CheckOptions;
/** Of a table as a whole, or of the column that it names. */
export type TableCheck = (TableRule | ColumnRule & { readonly of: string }) & CheckOptions;

export function columnCheckOf(definition: ColumnCheckDefinition): ColumnCheck {
  if (typeof definition === "string") return { kind: definition, severity: "error" };
  return { ...columnRuleOf(definition), ...optionsOf(definition) };
}

export function tableCheckOf(definition: TableCheckDefinition): TableCheck {
  const { column, ...rest } = definition;
  const options = optionsOf(definition);
  if (column === undefined) return { ...tableRuleOf(definition), ...options };
  return { ...columnRuleOf(rest), of: column, ...options };
}

type Written = Exclude<ColumnCheckDefinition, string> | TableCheckDefinition;

function columnRuleOf(definition: Omit<Written, "column">): ColumnRule {
  const { accepted_values, not_accepted_values, relationships, range, pattern, length, recency, sql } =
    definition;
  if (accepted_values !== undefined) return { kind: "accepted_values", values: accepted_values };
  if (not_accepted_values !== undefined) return { kind: "not_accepted_values", values: not_accepted_values };
  if (relationships !== undefined) return { kind: "relationships", ...relationships };
  if (range !== undefined) {
    return { kind: "range", ...boundsOf(range), isExclusive: range.exclusive ?? false };
  }
  if (pattern !== undefined) return { kind: "pattern", pattern };
  if (length !== undefined) {
    return {
      kind: "length",
      ...(boundsOf<number>(typeof length === "number" ? { min: length, max: length } : length)),
    };
  }
  if (recency !== undefined) return { kind: "recency", errorAfterMs: durationMs(recency) };
  if (sql !== undefined) return { kind: "sql", sql };
  return { kind: definition.not_null === true ? "not_null" : "unique" };
}

function tableRuleOf(definition: TableCheckDefinition): TableRule {
  const { unique, row_count, freshness, expression, change, sql = "" } = definition;
  if (Array.isArray(unique)) return { kind: "unique_together", columns: unique };
  if (row_count !== undefined) {
    const { equal_to: equalTo } = row_count;
    return { kind: "row_count", ...boundsOf(row_count), ...(equalTo === undefined ? {} : { equalTo }) };
  }
  if (freshness !== undefined) {
    const { column, warn_after: warn, error_after: error } = freshness;
    return {
      kind: "freshness",
      column,
      ...(warn === undefined ? {} : { warnAfterMs: durationMs(warn) }),
      ...(error === undefined ? {} : { errorAfterMs: durationMs(error) }),
    };
  }
  if (expression !== undefined) return { kind: "expression", sql: expression };
  return change === undefined ? { kind: "query", sql } : changeOf(change);
}

function changeOf(change: NonNullable<TableCheckDefinition["change"]>): ChangeRule {
  const { metric, max, z_score: zScore, direction = "both", runs, min_runs: minRuns, since } = change;
  return {
    kind: "change",
    ...(metric === undefined ? {} : { metric }),
    ...(max === undefined ? {} : { maxShare: shareOf(max) }),
    ...(zScore === undefined ? {} : { zScore }),
    direction,
    runs: runs ?? DEFAULT_RUNS,
    minRuns: minRuns ?? DEFAULT_MIN_RUNS,
    ...(since === undefined ? {} : { sinceMs: Date.parse(since) }),
  };
}

function optionsOf({ name, severity, where, error_if: errorIf, warn_if: warnIf }: Written): CheckOptions {
  return {
    ...(name === undefined ? {} : { name }),
    severity,
    ...(where === undefined ? {} : { where }),
    ...(errorIf === undefined ? {} : { errorIf }),
    ...(warnIf === undefined ? {} : { warnIf }),
  };
}

function boundsOf<T>(
  { min, max }: { readonly min?: T | undefined; readonly max?: T | undefined },
): { readonly min?: T; readonly max?: T } {
  return { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
}
