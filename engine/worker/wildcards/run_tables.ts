import type { DiscoveredStream } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { RunJob } from "../../../contract/jobs/run_job.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import type { SqlSession } from "../../../contract/sql.ts";
import { listWords } from "../../../text/suggest.ts";
import type { Connections } from "../connections.ts";
import type { JobContext } from "../job_context.ts";
import { chooseTables, expandWildcards, type FoundTable, wildcardsOf } from "./expand.ts";

/**
 * The definition of the run with its wildcards expanded. What tables there are is asked once a run and kept in the
 * warehouse: each attempt reads the same ones, and the contract knows which are new; a promotion asks nobody. Throws what the sources throw,
 * and `invalid` where the contract freezes tables and there are new ones.
 */
export async function expandForRun(
  session: SqlSession,
  job: RunJob,
  connections: Pick<Connections, "discover">,
  { reporter, signal }: Pick<JobContext, "reporter" | "signal">,
): Promise<PipelineDefinition> {
  const wildcards = wildcardsOf(job.definition);
  if (wildcards.length === 0) return job.definition;
  const tables = new Map<string, readonly FoundTable[]>();
  const discovered = new Map<string, Promise<readonly DiscoveredStream[]>>();
  for (const [name, stream] of wildcards) {
    const known = await readTables(session, name);
    if (known?.runId === job.runId || stream.enabled === false || job.promotes !== undefined) {
      tables.set(name, known?.tables ?? []);
      continue;
    }
    const asking = discovered.get(stream.connector) ?? allOf(connections, stream.connector, signal);
    discovered.set(stream.connector, asking);
    const found = chooseTables(stream, await asking);
    const taken = underContract(
      name,
      stream,
      found,
      known?.tables,
      (message) => reporter.log("warn", null, message),
    );
    await session.run("INSERT OR REPLACE INTO _sluice.wildcards VALUES (?, ?, ?, now())", [
      name,
      job.runId,
      JSON.stringify(taken),
    ]);
    tables.set(name, taken);
  }
  const { definition, streams, warnings } = expandWildcards(job.definition, tables);
  for (const [name, list] of streams) {
    reporter.log("info", null, `Stream "${name}" stands for ${list.length} tables: ${list.join(", ")}`);
  }
  for (const warning of warnings) reporter.log("warn", null, warning);
  return definition;
}

/** The definition with its wildcards expanded as the last run did; one that no run has had stands for nothing. */
export async function expandAsBefore(
  session: SqlSession,
  definition: PipelineDefinition,
): Promise<PipelineDefinition> {
  const tables = new Map<string, readonly FoundTable[]>();
  for (const [name] of wildcardsOf(definition)) {
    tables.set(name, (await readTables(session, name))?.tables ?? []);
  }
  return tables.size === 0 ? definition : expandWildcards(definition, tables).definition;
}

async function allOf(
  connections: Pick<Connections, "discover">,
  connector: string,
  signal: AbortSignal,
): Promise<readonly DiscoveredStream[]> {
  return await Array.fromAsync(await connections.discover(connector, signal));
}

interface KnownTables {
  readonly runId: string;
  readonly tables: readonly FoundTable[];
}

async function readTables(session: SqlSession, stream: string): Promise<KnownTables | undefined> {
  const [row] = await session.rows("SELECT run_id, tables FROM _sluice.wildcards WHERE stream = ?", [stream]);
  if (row === undefined) return undefined;
  return { runId: String(row["run_id"]), tables: JSON.parse(String(row["tables"])) };
}

function underContract(
  name: string,
  { contract }: StreamDefinition,
  found: readonly DiscoveredStream[],
  before: readonly FoundTable[] | undefined,
  warn: (message: string) => void,
): readonly FoundTable[] {
  const tables = found.map(({ name, address, primaryKey, columns }) => ({
    name,
    address,
    primaryKey,
    columns,
  }));
  if (before === undefined) return tables;
  const isKnown = (table: FoundTable) => before.some((other) => other.name === table.name);
  const added = tables.filter((table) => !isKnown(table)).map((table) => table.name);
  const gone = before.filter((table) => !tables.some((other) => other.name === table.name));
  for (const table of gone) {
    warn(`Stream "${name}": the table ${table.name} is gone at the source; its raw table stays as it is`);
  }
  if (added.length === 0) return tables;
  if (contract.tables === "freeze") {
    throw new AppError(
      "invalid",
      `Stream "${name}": there are new tables (${listWords(added, "and")}), and its contract freezes tables`,
      { detail: "Set contract: {tables: evolve} on the stream, or leave them out with except." },
    );
  }
  if (contract.tables === "evolve") {
    warn(`Stream "${name}": new tables are read from now on: ${listWords(added, "and")}`);
    return tables;
  }
  warn(`Stream "${name}": new tables are left out, as the contract says: ${listWords(added, "and")}`);
  return tables.filter(isKnown);
}
