import type {
  Destination,
  KeysGone,
  Load,
  LoadInput,
  LoadReceipt,
  LoadRequest,
} from "../../contract/connector/destination.ts";
import type { RunFacts } from "../../contract/connector/source.ts";
import { AppError } from "../../contract/errors.ts";
import type { LogLevel } from "../../contract/log.ts";
import { type LoadDefinition, loadShapeOf } from "../../contract/pipeline/load.ts";
import { quoteIdentifier } from "../../contract/sql.ts";
import type { Traffic } from "../../contract/streams/traffic.ts";
import { copyRows } from "../duckdb/from/copy.ts";
import { exportRows } from "../duckdb/from/export.ts";
import { hashedValues } from "../duckdb/hashed_values.ts";
import type { DuckSession } from "../duckdb/session.ts";
import { deliverRows } from "./deliver.ts";
import type { ChangedRows } from "./loads/changed_rows.ts";
import type { RejectedRow } from "./loads/rejected_rows.ts";
import { type RowsToLoad, rowsToLoad, sentRows } from "./loads/rows_to_load.ts";
import type { Points } from "./points.ts";

export interface LoadContext {
  readonly session: DuckSession;
  readonly runId: string;
  /** What a system without a transaction is told of the run. */
  readonly run: RunFacts;
  /** From when on the rows of a history hold: the same in each attempt of the run. */
  readonly atMs: number;
  /** Of a load that sends only what changed. */
  readonly changes?: ChangedRows;
  readonly signal: AbortSignal;
  readonly points: Points;
  /** Rows that were sent, and how many there are. */
  readonly onProgress: (rows: number, totalRows: number) => void;
  /** Told what the requests of all deliveries have come to. */
  readonly onTraffic: (traffic: Traffic) => void;
  readonly log: (level: LogLevel, message: string) => void;
  /** Keeps the rows that the destination rejected, in the place of those of the step's earlier runs. */
  readonly keepRejected: (rejected: readonly RejectedRow[]) => Promise<void>;
}

/**
 * Puts all rows of `relation` (a quoted table or view of the warehouse) where the load says;
 * `target` is what its connector made of it. The receipt says `repeated` where an earlier attempt
 * had committed the same load.
 */
export async function loadRelation(
  context: LoadContext,
  destination: Destination,
  target: unknown,
  stepName: string,
  relation: string,
  load: LoadDefinition,
): Promise<LoadReceipt> {
  const { session, signal, points } = context;
  const request = requestOf(context, stepName, target, load);
  const input = async (claimed: Pick<Load, "isAfter"> = {}) => {
    const chosen = await rowsToLoad(session, relation, load);
    return await inputOf(context, await context.changes?.choose(chosen, claimed) ?? chosen, load);
  };
  if (destination.kind === "delivering") {
    refuseSql(load);
    const { loadId, mode, primaryKey } = request;
    const { keepRejected: keep, log, run } = context;
    return await deliverRows(
      {
        signal,
        maxRejects: load.max_rejects,
        log,
        keep,
        pause: (ms) => pauseFor(ms, signal),
        onTraffic: context.onTraffic,
        onDelivered: () => points.reach(stepName, "while staging"),
      },
      destination,
      { loadId, target, mode, primaryKey, run, log },
      await inputOf(context, inOrder(await rowsToLoad(session, relation, load), load), load),
    );
  }
  await using begun = await destination.begin(request, signal);
  return await carryOut(begun, () => input(begun), {
    reach: (point) => points.reach(stepName, point),
  });
}

/** What a destination is asked for by a load step. */
export function requestOf(
  { runId, atMs }: Pick<LoadContext, "runId" | "atMs">,
  stepName: string,
  target: unknown,
  load: LoadDefinition,
): LoadRequest {
  const loadId = loadIdOf(runId, stepName);
  return { loadId, earlierLoadId: `${runId}/${stepName}`, target, ...loadShapeOf(load, atMs) };
}

/** By the primary key, so that each attempt sends the rows in the same order, where they have one. */
function inOrder(chosen: RowsToLoad, { primary_key: key = [] }: LoadDefinition): RowsToLoad {
  if (key.length === 0) return chosen;
  return {
    ...chosen,
    rows: `SELECT * FROM (${chosen.rows}) ORDER BY ${key.map(quoteIdentifier).join(", ")}`,
  };
}

/** A system without a transaction is only given rows. */
function refuseSql({ hard_delete, deletes, mode, pre_sql, post_sql }: LoadDefinition): void {
  if (pre_sql !== undefined || post_sql !== undefined) {
    throw new AppError("invalid", "Cannot run pre_sql or post_sql: the destination only takes rows");
  }
  if (hard_delete === undefined && deletes === "ignore") return;
  throw new AppError(
    "invalid",
    `Cannot delete by a load with mode: ${mode}: the destination only takes rows`,
  );
}

function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  });
}

/**
 * The id of a step's load: ASCII, since destinations keep it and not all of them can hold more. The
 * arrow of a step's name becomes `->`, other characters what they are in a URL.
 */
export function loadIdOf(runId: string, stepName: string): string {
  const ascii = [...stepName].map((character) => {
    if (character === "→") return "->";
    return /^[!-$&-~]$/.test(character) ? character : encodeURIComponent(character);
  });
  return `${runId}/${ascii.join("")}`;
}

export interface LoadPoints {
  reach(point: "after claim" | "after stage" | "after apply" | "before commit" | "after commit"): void;
}

/** The four steps of a load with the points between them. */
export async function carryOut(
  load: Load,
  input: () => Promise<LoadInput>,
  points: LoadPoints,
): Promise<LoadReceipt> {
  const known = await load.claim();
  if (known !== undefined) return known;
  points.reach("after claim");
  await load.stage(await input());
  return await complete(load, points);
}

/** What is left of a load when its rows are staged. */
export async function complete(load: Load, points: LoadPoints): Promise<LoadReceipt> {
  points.reach("after stage");
  await load.apply();
  points.reach("after apply");
  points.reach("before commit");
  const receipt = await load.commit();
  points.reach("after commit");
  return receipt;
}

const HASH_DIGITS = 32;

/** How many rows a relation has, and their hash as in LoadInput. */
export interface Counted {
  readonly rows: number;
  readonly hash: string;
}

export async function countRows(
  session: Pick<DuckSession, "rows" | "describe">,
  relation: string,
): Promise<Counted> {
  const values = (await session.describe(`SELECT * FROM ${relation} AS _sluice_row`)).flatMap((
    { name, type },
  ) => hashedValues(`_sluice_row.${quoteIdentifier(name)}`, type));
  // A sum: an exclusive or would lose each row that is there twice.
  const [counted] = await session.rows(
    `SELECT count(*) AS n, sum(hash(${values.join(", ")}))::VARCHAR AS h FROM ${relation} AS _sluice_row`,
  );
  const hash = BigInt(String(counted?.["h"] ?? 0)).toString(16).padStart(HASH_DIGITS, "0");
  return { rows: Number(counted?.["n"]), hash };
}

/** Whether the hash of a receipt can be compared with one of now: earlier versions' were shorter, and saw less. */
export const isComparable = (hash: string): boolean => hash.length === HASH_DIGITS;

async function inputOf(context: LoadContext, chosen: RowsToLoad, load: LoadDefinition): Promise<LoadInput> {
  const { session, signal, atMs } = context;
  const select = sentRows(chosen, load, atMs);
  const counted = await countRows(session, `(${chosen.rows})`);
  const { schema } = await exportRows(session, select, { signal });
  return {
    schema,
    rows: counted.rows,
    ...(chosen.isPartial ? { isPartial: true } : {}),
    ...(chosen.gone === undefined ? {} : { gone: await keysGone(context, chosen.gone) }),
    batches: async function* (batchRows) {
      let rows = 0;
      const { batches } = await exportRows(session, select, {
        signal,
        ...(batchRows === undefined ? {} : { batchRows }),
      });
      for await (const batch of batches) {
        yield batch;
        rows += batch.numRows;
        context.onProgress(rows, counted.rows);
      }
    },
    copyTo: async (path, options) => await copyRows(session, select, path, options, chosen.gone),
    hash: () => Promise.resolve(counted.hash),
  };
}

async function keysGone({ session, signal }: LoadContext, select: string): Promise<KeysGone> {
  const { schema } = await exportRows(session, select, { signal });
  return {
    schema,
    rows: (await countRows(session, `(${select})`)).rows,
    batches: async function* () {
      yield* (await exportRows(session, select, { signal })).batches;
    },
  };
}
