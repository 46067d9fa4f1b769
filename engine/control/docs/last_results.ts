import type {
  CheckResult,
  PipelineDocs,
  PipelineResult,
  ProjectDocs,
  TableDocs,
  TableResult,
} from "../../../contract/docs/project_docs.ts";
import { AppError } from "../../../contract/errors.ts";
import { nameKey } from "../../../contract/sql.ts";
import type { Column } from "../../../contract/sql.ts";
import type { Run, Step } from "../../../contract/run.ts";
import type { Table } from "../../../contract/table.ts";
import { checkStep } from "../../../sql/language/checks/check.ts";
import type { Engine } from "../engine.ts";

/** What runs of a pipeline have left. */
export interface LastResults {
  readonly tables: readonly Table[];
  readonly run: PipelineResult | null;
  /** By their steps. */
  readonly checks: ReadonlyMap<string, CheckResult>;
}

/** A run may be one of some of its steps: checks that it did not have are looked for in those before it. */
const RUNS_LOOKED_AT = 5;
const RUNS_LISTED = 20;

/**
 * What is known of the runs of a project's pipelines, by name: of those that there are and may be seen. Of a failure nothing
 * but that it was one: its message may have values in it.
 */
export async function readLastResults(
  engine: Pick<Engine, "pipelineNames" | "listTables" | "listRuns" | "getRun">,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, LastResults>> {
  const found = new Map<string, LastResults>();
  for (const name of await engine.pipelineNames()) {
    signal.throwIfAborted();
    try {
      found.set(name, await resultsOf(engine, name));
    } catch (error) {
      // It has gone meanwhile.
      if (!(error instanceof AppError) || error.code !== "not_found") throw error;
    }
  }
  return found;
}

async function resultsOf(
  engine: Pick<Engine, "listTables" | "listRuns" | "getRun">,
  pipeline: string,
): Promise<LastResults> {
  const tables = await engine.listTables(pipeline);
  const ended = (await engine.listRuns({ pipeline, limit: RUNS_LISTED })).filter(({ state }) =>
    state === "succeeded" || state === "failed" || state === "cancelled"
  );
  const [succeeded] = await engine.listRuns({ pipeline, state: "succeeded", limit: 1 });
  const checks = new Map<string, CheckResult>();
  for (const { id } of ended.slice(0, RUNS_LOOKED_AT)) {
    for (const step of (await engine.getRun(id)).steps) {
      if (step.kind === "check" && hasEnded(step) && !checks.has(step.name)) {
        checks.set(step.name, { state: step.state, rows: step.rows, at: step.finished_at });
      }
    }
  }
  const [last] = ended;
  return { tables, run: last === undefined ? null : resultOf(last, succeeded), checks };
}

const hasEnded = ({ state }: Step): boolean =>
  state === "succeeded" || state === "warned" || state === "failed";

function resultOf(
  { id, state, warnings, finished_at, duration_ms }: Run,
  succeeded: Run | undefined,
): PipelineResult {
  return {
    run: id,
    state,
    warnings,
    finished_at,
    duration_ms,
    succeeded_at: succeeded?.finished_at ?? null,
  };
}

/** The columns of its streams' tables, for checks that ask no source. */
export function columnsOfStreams(
  results: Pick<LastResults, "tables"> | undefined,
): Readonly<Record<string, readonly Column[]>> {
  return Object.fromEntries(
    (results?.tables ?? []).filter(({ name, columns }) => name.startsWith("raw.") && columns.length > 0)
      .map(({ name, columns }) => [
        name.slice("raw.".length),
        columns.map((column) => ({ name: column.name, type: column.type })),
      ]),
  );
}

/** The same docs with what runs have left. */
export function withResults(docs: ProjectDocs, results: ReadonlyMap<string, LastResults>): ProjectDocs {
  return {
    ...docs,
    pipelines: docs.pipelines.map((pipeline): PipelineDocs => {
      const found = results.get(pipeline.name);
      if (found === undefined) return pipeline;
      return {
        ...pipeline,
        tables: pipeline.tables.map((table) => withTableResults(table, found)),
        last: found.run,
      };
    }),
  };
}

function withTableResults(table: TableDocs, { tables, checks }: LastResults): TableDocs {
  if (table.kind !== "model" && table.kind !== "stream") return table;
  const name = table.kind === "model" ? table.name : table.id;
  const written = tables.find((one) => nameKey(one.name) === nameKey(name));
  return {
    ...table,
    checks: table.checks.map((check) => ({
      ...check,
      last: checks.get(checkStep({ table: name, name: check.name })) ?? null,
    })),
    last: written === undefined ? null : tableResultOf(written),
  };
}

function tableResultOf({ row_count: rows, changed_at }: Table): TableResult | null {
  return changed_at === null ? null : { rows, changed_at };
}
