import type { FollowedStream, FollowRequest } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { formatBytes } from "../../../text/format.ts";
import { parseSize } from "../../../text/size.ts";
import type { PostgresStream } from "../options.ts";
import type { ReadContext } from "../read/plan.ts";
import type { Session } from "../session/session.ts";
import { TEXT_SETTINGS } from "../session/text_settings.ts";
import { parseTableName } from "../table_name.ts";
import {
  actionOf,
  type FollowedTable,
  inspectTable,
  readState,
  reasonToReadAgain,
} from "./followed_table.ts";
import { earliest, writeLsn } from "./lsn.ts";
import { followerName } from "./names.ts";
import { preparePublication, type Publication } from "./publication.ts";
import { createSlot, dropSlot, type SlotStatus, slotStatus } from "./slot.ts";

/** What stands before the log is read. */
export interface Preparation {
  readonly action: string;
  readonly slot: { readonly name: string; readonly retainedBytes: number };
  readonly publication: Publication;
  readonly tables: readonly FollowedTable[];
  /** Those whose rows are to be read first. */
  readonly toRead: readonly { readonly table: FollowedTable; readonly reason: string }[];
  /** There where something is to be read. */
  readonly snapshot: Snapshot | undefined;
  /** How far the streams are that are not followed now. */
  readonly resting: readonly bigint[];
  readonly notes: readonly string[];
  readonly validateUtf8: boolean;
  /** To be called once all rows are read, or none had to be: the session for the log can be used. */
  endSnapshot(): Promise<void>;
}

export interface Snapshot {
  /** What was committed before this place is in the snapshot. */
  readonly consistentPoint: bigint;
  readonly name: string;
}

/**
 * Looks at server, tables, publication and slot, and makes what is missing of them. Throws with what to do
 * where the tables cannot be followed, or the log no longer has what comes next.
 */
export async function prepare(
  session: Session,
  replication: Session,
  request: FollowRequest<PostgresStream>,
  context: ReadContext,
): Promise<Preparation> {
  const action = `Cannot follow the changes of ${context.name}`;
  const version = await checkServer(session, action);
  const names = followerNames(request, context);
  const tables: FollowedTable[] = [];
  for (const stream of request.streams) tables.push(await inspectTable(session, stream, context));
  checkTwice(action, tables);
  await preparePublication(session, names.publication, tablesOf(request, context), { action, version });
  const notes: string[] = [];
  const resting = request.resting.flatMap((stream) => readState(stream)?.position ?? []);
  const readAnew = tables.flatMap((table) => {
    const reason = reasonToReadAgain(table);
    if (table.generated.length > 0) {
      notes.push(
        `${table.name}: ${table.generated.join(", ")} is generated and not in the log, so it is left out`,
      );
    }
    return reason === undefined ? [] : [{ table, reason }];
  });
  await setUp(replication);
  const status = await usableSlot(session, { action, version, names, tables });
  noteRetained(status, request, names.slot, notes);
  let snapshot: Snapshot | undefined;
  let temporary: string | undefined;
  if (status === undefined) {
    const created = await createSlot(replication, names.slot, { action, isTemporary: false });
    snapshot = { consistentPoint: created.consistentPoint, name: created.snapshot };
  } else if (readAnew.length > 0) {
    temporary = `sluice_snapshot_${crypto.randomUUID().slice(0, 8)}`;
    const created = await createSlot(replication, temporary, { action, isTemporary: true });
    snapshot = { consistentPoint: created.consistentPoint, name: created.snapshot };
  }
  return {
    action,
    slot: { name: names.slot, retainedBytes: status?.retainedBytes ?? 0 },
    publication: names.publication,
    tables,
    toRead: readAnew,
    snapshot,
    resting,
    notes,
    validateUtf8: session.serverEncoding === "SQL_ASCII",
    endSnapshot: async () => {
      if (temporary !== undefined) await replication.query(`DROP_REPLICATION_SLOT "${temporary}"`);
    },
  };
}

/** The columns of a table that its log has. Throws where it cannot be followed, as `prepare` does. */
export async function followedColumns(
  session: Session,
  request: FollowedStream<PostgresStream>,
  context: ReadContext,
): Promise<readonly string[]> {
  await checkServer(session, actionOf(request, context));
  return (await inspectTable(session, request, context)).facts.read;
}

/** Removes what was made for a pipeline's streams. */
export async function forget(
  session: Session,
  follower: Pick<FollowRequest, "pipeline" | "token">,
  context: ReadContext,
): Promise<string> {
  const name = followerName(follower, context.name);
  const action = `Cannot drop the replication slot "${name}" of ${context.name}`;
  await dropSlot(session, name, action);
  await session.query(`DROP PUBLICATION IF EXISTS "${name}"`);
  return name;
}

const LOGICAL_WAL = "logical";

/** The server's version, as 150004. */
async function checkServer(session: Session, action: string): Promise<number> {
  const { rows: [row] } = await session.query(
    `SELECT pg_catalog.current_setting('server_version_num'), pg_catalog.current_setting('wal_level'),
            pg_catalog.pg_is_in_recovery()`,
  );
  const [version, walLevel, isStandby] = row ?? [];
  if (isStandby === "t") {
    throw new AppError("invalid", `${action}: the server is a standby; follow its primary`);
  }
  if (walLevel !== LOGICAL_WAL) {
    throw new AppError(
      "invalid",
      `${action}: the server's wal_level is ${walLevel}; run ALTER SYSTEM SET wal_level = logical; and restart it ` +
        "(on Amazon RDS set the parameter rds.logical_replication to 1)",
    );
  }
  return Number(version);
}

interface FollowerNames {
  readonly slot: string;
  readonly isSlotGiven: boolean;
  readonly publication: Publication;
}

/** Of one slot for all streams of the pipeline. Throws `invalid` where they name several. */
function followerNames(request: FollowRequest<PostgresStream>, context: ReadContext): FollowerNames {
  const own = followerName(request, context.name);
  const options = [...request.streams, ...request.resting].map(({ address }) => address.options);
  const only = (key: "slot" | "publication"): string | undefined => {
    const named = [...new Set(options.map((option) => option[key]))];
    if (named.length <= 1) return named[0];
    throw new AppError(
      "invalid",
      `Cannot follow the changes of ${context.name}: all streams of a pipeline share one ${key}, and these name ` +
        `${named.map((name) => name ?? "none").join(", ")}; give each the same`,
    );
  };
  const [slot, publication] = [only("slot"), only("publication")];
  return {
    slot: slot ?? own,
    isSlotGiven: slot !== undefined,
    publication: { name: publication ?? own, isGiven: publication !== undefined },
  };
}

function tablesOf({ streams, resting }: FollowRequest<PostgresStream>, { defaultSchema }: ReadContext) {
  return [...streams, ...resting].flatMap(({ address: { stream } }) =>
    stream === undefined ? [] : [parseTableName(stream, defaultSchema)]
  );
}

function checkTwice(action: string, tables: readonly FollowedTable[]): void {
  for (const [i, { name, facts }] of tables.entries()) {
    const other = tables.slice(0, i).find((table) => table.facts.table === facts.table);
    if (other === undefined) continue;
    throw new AppError("invalid", `${action}: the streams ${other.name} and ${name} follow the same table`);
  }
}

/** Settings of the session for the log: values as text in one form, and no end while it waits. */
async function setUp(replication: Session): Promise<void> {
  const settings: Readonly<Record<string, string>> = {
    ...TEXT_SETTINGS,
    lc_monetary: "C",
    idle_in_transaction_session_timeout: "0",
    statement_timeout: "0",
    lock_timeout: "0",
  };
  await replication.query(
    Object.entries(settings).map(([name, value]) => `SET ${name} = '${value}'`).join("; "),
  );
}

interface SlotSubject {
  readonly action: string;
  readonly version: number;
  readonly names: FollowerNames;
  readonly tables: readonly FollowedTable[];
}

/**
 * The slot, where it has all that the tables need; undefined where one is to be made. Throws `invalid` where
 * changes are lost.
 */
async function usableSlot(
  session: Session,
  { action, version, names, tables }: SlotSubject,
): Promise<SlotStatus | undefined> {
  const status = await slotStatus(session, names.slot, { action, version });
  const from = earliest(tables.flatMap(({ before }) => before?.position ?? []));
  if (status?.walStatus === "lost") {
    if (from !== undefined) {
      throw lost(
        action,
        `the server has removed its log behind the slot "${names.slot}" (max_slot_wal_keep_size), and with it ` +
          `changes since ${writeLsn(from)}`,
      );
    }
    await dropSlot(session, names.slot, action);
    return undefined;
  }
  if (from === undefined) return status;
  if (status === undefined) {
    throw lost(
      action,
      `there is no slot "${names.slot}" any more, and no record of changes since ${writeLsn(from)}`,
    );
  }
  if (status.confirmed > from) {
    throw lost(
      action,
      `the slot "${names.slot}" is at ${writeLsn(status.confirmed)} already, and this pipeline at ${
        writeLsn(from)
      }: ` +
        "somebody else has used it, or it was made anew",
    );
  }
  return status;
}

function lost(action: string, what: string): AppError {
  return new AppError("invalid", `${action}: ${what}; run once with --full-refresh to read the tables anew`);
}

function noteRetained(
  status: SlotStatus | undefined,
  { streams }: FollowRequest<PostgresStream>,
  slot: string,
  notes: string[],
): void {
  if (status === undefined) return;
  const { retainedBytes, walStatus } = status;
  const limits = streams.map(({ address }) => address.options.max_retained_wal);
  const limit = limits.toSorted((a, b) => (parseSize(a) ?? 0) - (parseSize(b) ?? 0))[0] ?? "";
  if (walStatus === "unreserved") {
    notes.push(
      `The slot ${slot} is about to lose its log (max_slot_wal_keep_size): run more often, or raise it`,
    );
  } else if (retainedBytes > (parseSize(limit) ?? Number.POSITIVE_INFINITY)) {
    notes.push(
      `The slot ${slot} made the server keep ${
        formatBytes(retainedBytes)
      } of its log, more than max_retained_wal ` +
        `(${limit}): run more often, or drop the slot where nobody follows it`,
    );
  }
}
