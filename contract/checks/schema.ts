import * as v from "valibot";
import { MODEL_NAME_LENGTH, NAME_PATTERN } from "../names.ts";
import { columns, someTime, text } from "../pipeline/words.ts";
import { THRESHOLD_PATTERN } from "./threshold.ts";

/** What can be checked of the rows of a model or a stream, as its author writes it. */

const SEVERITIES = ["error", "warn"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** `daily`, `main.daily` or `raw.orders`. */
const TABLE_NAME_PATTERN = new RegExp(
  `^(?:(?:main|raw)\\.)?[A-Za-z_][A-Za-z0-9_]{0,${MODEL_NAME_LENGTH - 1}}$`,
);
export const tableReference = v.pipe(
  v.string(),
  v.regex(TABLE_NAME_PATTERN, "expected a model such as daily, or a stream such as raw.orders"),
);
const checkName = v.pipe(
  v.string(),
  v.regex(NAME_PATTERN, "expected a letter or _, then letters, digits or _, at most 63 characters"),
);

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const values = v.pipe(
  v.array(v.union([v.string(), v.number(), v.boolean()])),
  v.minLength(1, "expected at least one value"),
);
const bound = v.union([v.number(), text], "expected a number, or a text such as 2024-01-01");
const threshold = v.pipe(
  v.string(),
  v.regex(THRESHOLD_PATTERN, 'expected a comparison of failing rows such as "> 10" or "> 1%"'),
);

const severity = v.optional(
  v.pipe(
    v.picklist(SEVERITIES),
    v.description("error: the run fails. warn: the run goes on and reports it."),
  ),
  "error",
);

const options = {
  severity,
  name: v.optional(v.pipe(checkName, v.description("Its name in runs; made up where left out."))),
  where: v.optional(
    v.pipe(text, v.description("A condition in SQL: only the rows for which it is true are looked at.")),
  ),
  error_if: v.optional(
    v.pipe(
      threshold,
      v.description('How many failing rows are an error, as "> 10" or "> 1%"; by default any: "!= 0".'),
    ),
  ),
  warn_if: v.optional(
    v.pipe(
      threshold,
      v.description("How many of them are a warning, where they are no error; by default any."),
    ),
  ),
};

const isBounded = (of: { readonly min?: unknown; readonly max?: unknown }) =>
  of.min !== undefined || of.max !== undefined;
const NEEDS_BOUND = "expected min, max or both";

const countBounds = {
  min: v.optional(v.pipe(count, v.description("How many there are at least."))),
  max: v.optional(v.pipe(count, v.description("How many there are at most."))),
};

const columnKinds = {
  not_null: v.optional(v.pipe(v.literal(true), v.description("No row has NULL here."))),
  accepted_values: v.optional(v.pipe(values, v.description("The only values allowed, beside NULL."))),
  not_accepted_values: v.optional(v.pipe(values, v.description("Values that no row may have."))),
  relationships: v.optional(
    v.pipe(
      v.strictObject({
        to: v.pipe(tableReference, v.description("A model, or a stream as raw.orders.")),
        column: v.pipe(text, v.description("The column there that must have the value.")),
      }),
      v.description("Each value, beside NULL, is found in a column of another table."),
    ),
  ),
  range: v.optional(
    v.pipe(
      v.strictObject({
        min: v.optional(v.pipe(bound, v.description("The least value allowed."))),
        max: v.optional(v.pipe(bound, v.description("The greatest value allowed."))),
        exclusive: v.optional(v.pipe(v.boolean(), v.description("Whether min and max are not allowed."))),
      }),
      v.check((of) => isBounded(of), NEEDS_BOUND),
      v.description("Each value, beside NULL, lies between min and max."),
    ),
  ),
  pattern: v.optional(
    v.pipe(
      text,
      v.description("A regular expression that is found in each value, beside NULL, as ^[A-Z]{2}$."),
    ),
  ),
  length: v.optional(
    v.pipe(
      v.union([count, v.strictObject(countBounds)], "expected a number, or min and max"),
      v.check((length) => typeof length === "number" || isBounded(length), NEEDS_BOUND),
      v.description("How many characters, or items of a list, each value has, beside NULL."),
    ),
  ),
  recency: v.optional(
    v.pipe(
      someTime,
      v.description("How long before the run's moment the greatest value may lie, as 1d; of a date or time."),
    ),
  ),
};

const sqlExpression = v.pipe(
  text,
  v.description("An expression that must not be false for any row, as amount >= 0; NULL passes."),
);

const tableKinds = {
  row_count: v.optional(
    v.pipe(
      v.strictObject({
        ...countBounds,
        equal_to: v.optional(
          v.pipe(tableReference, v.description("A model or a stream that has as many rows.")),
        ),
      }),
      v.check((of) => isBounded(of) || of.equal_to !== undefined, "expected min, max or equal_to"),
      v.description("How many rows there are."),
    ),
  ),
  freshness: v.optional(
    v.pipe(
      v.strictObject({
        column: v.pipe(text, v.description("The date or time of a row, as loaded_at.")),
        warn_after: v.optional(v.pipe(someTime, v.description("A warning where the newest is older."))),
        error_after: v.optional(v.pipe(someTime, v.description("An error where the newest is older."))),
      }),
      v.check(
        (of) => of.warn_after !== undefined || of.error_after !== undefined,
        "expected warn_after, error_after or both",
      ),
      v.description("How long before the run's moment the newest row may lie."),
    ),
  ),
  expression: v.optional(sqlExpression),
  change: v.optional(
    v.pipe(
      v.strictObject({
        metric: v.optional(
          v.pipe(
            text,
            v.description("An aggregate in SQL, as sum(amount); the number of rows where left out."),
          ),
        ),
        max: v.optional(
          v.pipe(
            v.string(),
            v.regex(/^\d+(?:\.\d+)?%$/, "expected a share such as 50%"),
            v.description("By how much it may differ from the mean of the runs before, as 50%."),
          ),
        ),
        z_score: v.optional(
          v.pipe(
            v.number(),
            v.gtValue(0),
            v.description("By how many standard deviations it may differ from that mean."),
          ),
        ),
        direction: v.optional(
          v.pipe(v.picklist(["up", "down"]), v.description("Only what grows, or only what shrinks, counts.")),
        ),
        runs: v.optional(
          v.pipe(
            v.number(),
            v.integer(),
            v.minValue(2),
            v.maxValue(100),
            v.description("With how many runs before it is compared; 10 by default."),
          ),
        ),
        min_runs: v.optional(
          v.pipe(
            v.number(),
            v.integer(),
            v.minValue(1),
            v.maxValue(100),
            v.description("With fewer runs before it passes; 3 by default."),
          ),
        ),
        since: v.optional(
          v.pipe(
            v.string(),
            v.isoDate("expected a date such as 2024-01-31"),
            v.description("Runs before this date do not count: what has changed then is the new normal."),
          ),
        ),
      }),
      v.check(
        (of) => (of.max === undefined) !== (of.z_score === undefined),
        "expected either max or z_score",
      ),
      v.check(
        (of) => (of.min_runs ?? DEFAULT_MIN_RUNS) <= (of.runs ?? DEFAULT_RUNS),
        "min_runs is more than runs",
      ),
      v.description("How much the number of rows, or a metric, differs from what it was in the runs before."),
    ),
  ),
};

/** With how many runs a `change` is compared, and with fewer than how many it passes. */
export const DEFAULT_RUNS = 10;
export const DEFAULT_MIN_RUNS = 3;

const COLUMN_KINDS = ["not_null", "unique", ...keysOf(columnKinds, "not_null"), "sql"] as const;
const TABLE_KINDS = ["sql", "unique", ...keysOf(tableKinds)] as const;
/** These say by themselves what is too much. */
const WITHOUT_THRESHOLDS = ["row_count", "freshness", "recency", "change"] as const;

function keysOf<T extends object>(entries: T, ...without: (keyof T)[]): (keyof T & string)[] {
  return Object.keys(entries).filter((key): key is keyof T & string => !without.some((one) => one === key));
}

interface Options {
  readonly severity: Severity;
  readonly where?: string | undefined;
  readonly error_if?: string | undefined;
  readonly warn_if?: string | undefined;
}

const kindsIn = (check: object, kinds: readonly string[]): string[] =>
  kinds.filter((kind) => Reflect.get(check, kind) !== undefined);

const hasUsefulThresholds = ({ severity, error_if: errorIf, warn_if: warnIf }: Options) =>
  severity === "warn" || warnIf === undefined || errorIf !== undefined;
const WARN_IF_ALONE = "warn_if has no effect: any failing row is an error; add error_if, or severity: warn";
const ERROR_IF_OF_WARNING = "error_if needs severity: error, which is the default";

const takesThresholds = (check: Options): boolean =>
  check.error_if === undefined && check.warn_if === undefined ||
  kindsIn(check, WITHOUT_THRESHOLDS).length === 0;
const NO_THRESHOLDS = `${WITHOUT_THRESHOLDS.join(", ")} take no error_if and warn_if`;

export const columnCheckSchema = v.union([
  v.picklist(["not_null", "unique"]),
  v.pipe(
    v.strictObject({
      ...columnKinds,
      unique: v.optional(
        v.pipe(v.literal(true), v.description("No value comes twice; NULLs are not counted.")),
      ),
      sql: v.optional(sqlExpression),
      ...options,
    }),
    v.check(
      (check) => kindsIn(check, COLUMN_KINDS).length === 1,
      `expected exactly one of ${COLUMN_KINDS.join(", ")}`,
    ),
    v.check((of) => hasUsefulThresholds(of), WARN_IF_ALONE),
    v.check((check) => check.severity === "error" || check.error_if === undefined, ERROR_IF_OF_WARNING),
    v.check((of) => takesThresholds(of), NO_THRESHOLDS),
  ),
]);
export type ColumnCheckDefinition = v.InferOutput<typeof columnCheckSchema>;

export const tableCheckSchema = v.pipe(
  v.strictObject({
    column: v.optional(
      v.pipe(text, v.description("The column that is checked, by one of the checks of columns.")),
    ),
    ...columnKinds,
    unique: v.optional(
      v.pipe(
        v.union([columns, v.literal(true)], "expected a list of columns"),
        v.description("Columns whose values together come once, as [order_id, line]."),
      ),
    ),
    sql: v.optional(
      v.pipe(text, v.description("A SELECT of the rows that are wrong; any row is a failure.")),
    ),
    ...tableKinds,
    ...options,
  }),
  v.check(
    (check) =>
      check.column !== undefined || kindsIn(check, keysOf(columnKinds)).length === 0 && check.unique !== true,
    `${keysOf(columnKinds).join(", ")} and unique: true need column`,
  ),
  v.check(
    (check) =>
      check.column === undefined ||
      kindsIn(check, keysOf(tableKinds)).length === 0 && !Array.isArray(check.unique),
    `${keysOf(tableKinds).join(", ")} and a list of unique columns do not go with column`,
  ),
  v.check(
    (check) => kindsIn(check, check.column === undefined ? TABLE_KINDS : COLUMN_KINDS).length === 1,
    `expected exactly one of ${TABLE_KINDS.join(", ")}; or with column, one of ${COLUMN_KINDS.join(", ")}`,
  ),
  v.check(
    (check) => check.column !== undefined || check.sql === undefined || check.where === undefined,
    "sql says in its own SELECT which rows it looks at: leave out where",
  ),
  v.check((of) => hasUsefulThresholds(of), WARN_IF_ALONE),
  v.check((check) => check.severity === "error" || check.error_if === undefined, ERROR_IF_OF_WARNING),
  v.check((of) => takesThresholds(of), NO_THRESHOLDS),
);
export type TableCheckDefinition = v.InferOutput<typeof tableCheckSchema>;

/** `50%` as 0.5. */
export const shareOf = (share: string): number => Number(share.slice(0, -1)) / 100;
