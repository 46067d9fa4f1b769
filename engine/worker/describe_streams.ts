import { NO_COLUMNS, toAppError } from "../../contract/errors.ts";
import type { CheckSubject, DefinitionFault } from "../../contract/jobs/check_job.ts";
import type { StreamDefinition } from "../../contract/pipeline/stream.ts";
import { type Column, findColumn, type SqlSession } from "../../contract/sql.ts";
import { childTablesOf } from "../../contract/pipeline/child_tables.ts";
import { columnsOfTables } from "../warehouse/children/child_rows.ts";
import { keyColumnsOf } from "../warehouse/children/split_rows.ts";
import { HISTORY_COLUMNS } from "../warehouse/change_history.ts";
import type { Connections } from "./connections.ts";

/** What a connector may take to describe a stream, its connection included. */
export const DESCRIBE_TIMEOUT_MS = 10_000;
/** As many streams of one connector are asked for at a time. */
const STREAMS_AT_ONCE = 4;

export interface DescribeContext {
  /** Of a database that may read the streams' files. */
  readonly session: SqlSession;
  readonly connections: Pick<Connections, "source" | "shape">;
  readonly signal: AbortSignal;
  /** DESCRIBE_TIMEOUT_MS. */
  readonly timeoutMs: number;
  /** Called with the stream that is asked for next. */
  readonly onStream: (name: string) => void;
}

export interface DescribedStreams {
  /** Columns by stream, as the source has them or as they were last seen; undefined where nobody has looked yet. */
  readonly columns: Readonly<Record<string, readonly Column[] | undefined>>;
  readonly faults: readonly DefinitionFault[];
}

/**
 * Asks the sources of a pipeline for their streams' columns: those of different connectors side by
 * side, each within its time. One that does not answer is a warning, and what it was
 * last seen to have is used.
 */
export async function describeStreams(
  context: DescribeContext,
  subject: CheckSubject,
): Promise<DescribedStreams> {
  const muted = new Set(subject.mutedStreams);
  const streams = Object.entries(subject.definition.extract).filter(([name]) => !muted.has(name));
  const found = new Map<string, Described>();
  const connectors = Map.groupBy(streams, ([, { connector }]) => connector);
  await Promise.all([...connectors.values()].map(async (list) => {
    const waiting = [...list];
    // One that kept silent once is not waited for again.
    let isSilent = false;
    const askNext = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const described = await describeStream(context, subject, ...next, isSilent);
        isSilent ||= described.isLate;
        found.set(next[0], described);
      }
    };
    await Promise.all(Array.from({ length: STREAMS_AT_ONCE }, askNext));
  }));
  return {
    columns: Object.fromEntries([
      ...streams.flatMap(([name, stream]) => tablesOf(name, stream, found.get(name)?.columns)),
      ...subject.mutedStreams.map((name) => [name, subject.knownColumns[name]]),
    ]),
    faults: streams.flatMap(([name]) => found.get(name)?.faults ?? []),
  };
}

/** Where the columns of one of a stream's tables are not known, nothing is known of it. */
function tablesOf(
  name: string,
  stream: StreamDefinition,
  columns: Described["columns"] = new Map(),
): [string, readonly Column[] | undefined][] {
  const tables = [name, ...childTablesOf(name, stream).map((child) => child.table)];
  const isKnown = tables.every((table) => columns.has(table));
  return tables.map((table) => [table, isKnown ? columns.get(table) : undefined]);
}

interface Described {
  /** By raw table: the stream's own, and its child tables. */
  readonly columns: ReadonlyMap<string, readonly Column[]>;
  readonly faults: readonly DefinitionFault[];
  readonly isLate: boolean;
}

async function describeStream(
  context: DescribeContext,
  subject: CheckSubject,
  name: string,
  stream: StreamDefinition,
  isSilent: boolean,
): Promise<Described> {
  const path = ["extract", name];
  const seen = () =>
    new Map(
      [name, ...childTablesOf(name, stream).map((child) => child.table)].flatMap((table) => {
        const columns = subject.knownColumns[table];
        return columns === undefined ? [] : [[table, columns] as const];
      }),
    );
  const deadline = AbortSignal.any([
    context.signal,
    isSilent ? AbortSignal.abort() : AbortSignal.timeout(context.timeoutMs),
  ]);
  try {
    deadline.throwIfAborted();
    context.onStream(name);
    const columns = await within(deadline, askSource(context, name, stream, deadline));
    if (columns === undefined) return { columns: seen(), faults: [], isLate: false };
    const faults = keyFaults(name, stream, columns);
    if (faults.length > 0) return { columns: new Map([[name, columns]]), faults, isLate: false };
    const tables = await columnsOfTables({ session: context.session, name, stream }, columns);
    return { columns: tables, faults: arrayFaults(name, stream, tables), isLate: false };
  } catch (error) {
    context.signal.throwIfAborted();
    const isLate = deadline.aborted;
    const failure = toAppError(error);
    const isAway = isLate || failure.code === "unavailable" || failure.code === "timeout";
    // It fails its own step; the other streams can be read.
    const isHarmless = isAway || failure.reason === NO_COLUMNS;
    const before = seen();
    const reason = isLate
      ? `connector "${stream.connector}" did not answer within ${context.timeoutMs / 1000} s`
      : failure.message;
    const message = isAway && before.size > 0
      ? `${reason}; checked against its columns as they were last seen`
      : reason;
    return {
      columns: before,
      faults: [{ path, message, severity: isHarmless ? "warning" : "error" }],
      isLate,
    };
  }
}

/** Leaves work behind that does not keep to its signal: the process ends after the check. */
async function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/**
 * The columns that a run would store of the stream; undefined where the source has no record to tell them by. Throws what
 * the source throws, and `invalid` for a shape it cannot have.
 */
export async function askSource(
  { session, connections }: Pick<DescribeContext, "session" | "connections">,
  name: string,
  stream: StreamDefinition,
  signal: AbortSignal,
): Promise<readonly Column[] | undefined> {
  const { source, request } = await connections.source(name, stream);
  const shape = await connections.shape(name, stream);
  const asked = shape.request(request, source);
  const scan = await source.scan?.({ ...asked, isSample: true }, signal);
  if (scan === undefined) {
    shape.requireFilter(source);
    const { columns: _columns, ...whole } = asked;
    const columns = shape.columns(session.columnsOf((await source.describe(whole, signal)).schema));
    return stream.history ? [...HISTORY_COLUMNS, ...columns] : columns;
  }
  if (scan.hasNoColumns) return undefined;
  await shape.checkWhere(session);
  try {
    return shape.columns(await session.describe(`SELECT * FROM ${scan.relation}${shape.whereClause}`));
  } catch (error) {
    throw await scan.explain(error);
  }
}

function keyFaults(name: string, stream: StreamDefinition, columns: readonly Column[]): DefinitionFault[] {
  const keys = [["primary_key", stream.primary_key], ["update_key", stream.update_key]] as const;
  return keys.flatMap(([field, names]): DefinitionFault[] => {
    const missing = [names ?? []].flat().filter((key) => findColumn(columns, key) === undefined);
    if (missing.length === 0) return [];
    const message = `stream "${name}" has no column "${missing.join('", "')}" (it has ${
      columns.map((column) => column.name).join(", ")
    })`;
    return [{ path: ["extract", name, field], message, severity: "error" }];
  });
}

/** Child tables that nothing is known of but whose elements their rows are. */
function arrayFaults(
  name: string,
  stream: StreamDefinition,
  tables: ReadonlyMap<string, readonly Column[]>,
): DefinitionFault[] {
  return childTablesOf(name, stream).flatMap((child): DefinitionFault[] => {
    const columns = tables.get(child.table) ?? [];
    if (columns.length > keyColumnsOf(child, stream).length) return [];
    const known = tables.get(child.within?.table ?? name) ?? [];
    const message = `stream "${name}" has no array "${child.text}" where it was looked for (it has ${
      known.map((column) => column.name).join(", ")
    })`;
    return [{ path: ["extract", name, "child_tables"], message, severity: "warning" }];
  });
}
