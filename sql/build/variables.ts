import type { ParamDefinitions, ParamType } from "../../contract/params/definition.ts";
import type { ParamValue } from "../../contract/run.ts";
import { quoteIdentifier, quoteLiteral, type SqlSession } from "../../contract/sql.ts";

/** What a run sets for its SQL: `getvariable('run_id')` and so on, and one variable for each param. */
export interface RunVariables {
  readonly runId: string;
  readonly pipeline: string;
  readonly runStart: Date;
  /** null where there was no run before. */
  readonly windowStart: Date | null;
  readonly windowEnd: Date;
  /** The pipeline's params. */
  readonly definitions: ParamDefinitions;
  /** As resolveParams returns them. */
  readonly params: Readonly<Record<string, ParamValue>>;
}

/** Set for every run; `cursor` while an incremental model is built. */
export const RUN_VARIABLES = [
  "run_id",
  "pipeline",
  "run_start",
  "window_start",
  "window_end",
  "cursor",
] as const;

const SQL_TYPES: Readonly<Record<ParamType, string>> = {
  string: "VARCHAR",
  integer: "BIGINT",
  number: "DOUBLE",
  boolean: "BOOLEAN",
  date: "DATE",
  timestamp: "TIMESTAMP WITH TIME ZONE",
};

/** Sets the variables of a run; each has its type even where it is NULL. */
export async function setRunVariables(session: SqlSession, variables: RunVariables): Promise<void> {
  await session.run([
    assignment("run_id", variables.runId, "string"),
    assignment("pipeline", variables.pipeline, "string"),
    assignment("run_start", variables.runStart.toISOString(), "timestamp"),
    assignment("window_start", variables.windowStart?.toISOString() ?? null, "timestamp"),
    assignment("window_end", variables.windowEnd.toISOString(), "timestamp"),
    ...Object.entries(variables.definitions).map(([name, { type }]) =>
      assignment(name, variables.params[name] ?? null, type)
    ),
  ].join(";\n"));
}

/** Sets the variables with their types and without values, so that SQL that reads them can be bound. */
export async function declareRunVariables(
  session: SqlSession,
  definitions: ParamDefinitions,
): Promise<void> {
  await session.run([
    ...["run_id", "pipeline"].map((name) => assignment(name, null, "string")),
    ...["run_start", "window_start", "window_end"].map((name) => assignment(name, null, "timestamp")),
    ...Object.entries(definitions).map(([name, { type }]) => assignment(name, null, type)),
  ].join(";\n"));
}

/**
 * Sets `window_start` and `window_end` for what the session does next, in epoch milliseconds. A beginning that is
 * null is NULL, or with `isBounded` before all times, so that a comparison with it is true.
 */
export async function setWindow(
  session: SqlSession,
  { startMs, endMs }: { readonly startMs: number | null; readonly endMs: number },
  isBounded = false,
): Promise<void> {
  const start = startMs === null ? (isBounded ? "-infinity" : null) : new Date(startMs).toISOString();
  await session.run([
    assignment("window_start", start, "timestamp"),
    assignment("window_end", new Date(endMs).toISOString(), "timestamp"),
  ].join(";\n"));
}

function assignment(name: string, value: ParamValue, type: ParamType): string {
  const literal = value === null ? "NULL" : quoteLiteral(String(value));
  return `SET VARIABLE ${quoteIdentifier(name)} = CAST(${literal} AS ${SQL_TYPES[type]})`;
}
