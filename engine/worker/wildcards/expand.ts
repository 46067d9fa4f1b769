import type { DiscoveredStream } from "../../../contract/connector/source.ts";
import { type LoadDefinition, loadTargets } from "../../../contract/pipeline/load.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import { isWildcard, loadOfStream, matchesTable, streamNameOf } from "../../../contract/pipeline/wildcard.ts";
import { isSameName } from "../../../contract/sql.ts";

/** A table that a wildcard stands for, as its source has described it. */
export type FoundTable = Pick<DiscoveredStream, "name" | "address" | "primaryKey" | "columns">;

/** The wildcards of a definition, by their streams' names. */
export function wildcardsOf({ extract }: Pick<PipelineDefinition, "extract">): [string, StreamDefinition][] {
  return Object.entries(extract).filter(([, stream]) => isWildcard(stream));
}

/** The tables that the wildcard means; views are named one by one. */
export function chooseTables(
  wildcard: StreamDefinition,
  discovered: readonly DiscoveredStream[],
): DiscoveredStream[] {
  const pattern = String(wildcard["stream"]);
  return discovered.filter(({ name, kind }) =>
    kind === "table" && matchesTable(pattern, name) &&
    !wildcard.except?.some((left) => matchesTable(left, name))
  );
}

export interface Expanded {
  readonly definition: PipelineDefinition;
  /** The names of the streams by their wildcard's. */
  readonly streams: ReadonlyMap<string, readonly string[]>;
  readonly warnings: readonly string[];
}

/** The definition with a stream for each table in the place of its wildcards, and their loads likewise. */
export function expandWildcards(
  definition: PipelineDefinition,
  tables: ReadonlyMap<string, readonly FoundTable[]>,
): Expanded {
  const extract: Record<string, StreamDefinition> = {};
  const load: Record<string, LoadDefinition | LoadDefinition[]> = {};
  const streams = new Map<string, readonly string[]>();
  const warnings: string[] = [];
  const isWritten = (name: string) =>
    Object.entries(definition.extract).some(([other, stream]) =>
      !isWildcard(stream) && isSameName(other, name)
    );
  for (const [name, stream] of Object.entries(definition.extract)) {
    if (!isWildcard(stream)) extract[name] = stream;
  }
  for (const [name, targets] of Object.entries(definition.load)) {
    if (!wildcardsOf(definition).some(([wildcard]) => wildcard === name)) load[name] = targets;
  }
  for (const [wildcard, stream] of wildcardsOf(definition)) {
    const names: string[] = [];
    for (const table of tables.get(wildcard) ?? []) {
      if (isWritten(streamNameOf(table.name, []) ?? "")) continue;
      const name = streamNameOf(table.name, Object.keys(extract));
      if (name === undefined) {
        warnings.push(`Table ${table.name}: its name makes no stream's name, it is left out`);
        continue;
      }
      extract[name] = streamOf(stream, table, (message) => warnings.push(`Stream "${name}": ${message}`));
      names.push(name);
      const targets = definition.load[wildcard];
      if (targets !== undefined && !Object.hasOwn(load, name)) {
        load[name] = loadTargets(targets).map((target) => loadOfStream(target, name));
      }
    }
    streams.set(wildcard, names);
  }
  return { definition: { ...definition, extract, load }, streams, warnings };
}

/** What the wildcard says, as far as the table has the columns for it. */
function streamOf(
  wildcard: StreamDefinition,
  { address, columns, primaryKey }: FoundTable,
  warn: (message: string) => void,
): StreamDefinition {
  const { except: _, stream: __, columns: only, exclude, update_key: updateKey, ...rest } = wildcard;
  const has = (name: string) => columns.some((column) => column.name.toLowerCase() === name.toLowerCase());
  const pick = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(record).filter(([name]) => has(name)));
  const key = wildcard.primary_key ?? (primaryKey.length === 0 ? undefined : [...primaryKey]);
  const renamed = Object.entries(wildcard.rename).find(([, to]) =>
    updateKey !== undefined && to === updateKey
  )?.[0];
  const hasCursor = updateKey !== undefined && has(renamed ?? updateKey);
  const stream: StreamDefinition = {
    ...rest,
    ...address,
    mask: pick(wildcard.mask),
    rename: pick(wildcard.rename),
    ...(only === undefined ? {} : { columns: only.filter(has) }),
    ...(exclude === undefined ? {} : { exclude: exclude.filter(has) }),
    ...(key === undefined ? {} : { primary_key: key }),
    ...(hasCursor ? { update_key: updateKey } : {}),
  };
  const lacks = wildcard.mode === "incremental" && key === undefined
    ? "a primary key"
    : updateKey !== undefined && !hasCursor
    ? `the column "${updateKey}"`
    : undefined;
  if (lacks === undefined || wildcard.mode === "full") return stream;
  warn(`its table lacks ${lacks}, so it is read as a whole`);
  const { lag: ___, ...whole } = stream;
  return { ...whole, mode: "full", deletes: "ignore" };
}
