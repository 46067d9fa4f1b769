import type { ParamDefinitions, ParamType } from "../../contract/params/definition.ts";
import type { ParamValue } from "../../contract/run.ts";
import { quoteLiteral, type SqlSession } from "../../contract/sql.ts";

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
  await session.setVariables({
    run_id: constant(variables.runId, "string"),
    pipeline: constant(variables.pipeline, "string"),
    run_start: constant(variables.runStart.toISOString(), "timestamp"),
    window_start: constant(variables.windowStart?.toISOString() ?? null, "timestamp"),
    window_end: constant(variables.windowEnd.toISOString(), "timestamp"),
    ...constants(variables.definitions, (name) => variables.params[name] ?? null),
  });
}

/** Sets the variables with their types and without values, so that SQL that reads them can be bound. */
export async function declareRunVariables(
  session: SqlSession,
  definitions: ParamDefinitions,
): Promise<void> {
  const [text, moment] = [constant(null, "string"), constant(null, "timestamp")];
  await session.setVariables({
    run_id: text,
    pipeline: text,
    run_start: moment,
    window_start: moment,
    window_end: moment,
    ...constants(definitions, () => null),
  });
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
  await session.setVariables({
    window_start: constant(start, "timestamp"),
    window_end: constant(new Date(endMs).toISOString(), "timestamp"),
  });
}

function constant(value: ParamValue, type: ParamType): string {
  return `CAST(${value === null ? "NULL" : quoteLiteral(String(value))} AS ${SQL_TYPES[type]})`;
}

const constants = (
  definitions: ParamDefinitions,
  valueOf: (name: string) => ParamValue,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(definitions).map(([name, { type }]) => [name, constant(valueOf(name), type)]),
  );
