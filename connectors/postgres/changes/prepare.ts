import type { FollowProgress } from "../../../contract/connector/changes.ts";
import type { FollowedStream, FollowRequest } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { ofEachStream } from "../../of_stream.ts";
import { toPostgresError } from "../errors.ts";
import type { PostgresStream } from "../options.ts";
import type { ReadContext } from "../read/plan.ts";
import type { Session } from "../session/session.ts";
import { TEXT_SETTINGS } from "../session/text_settings.ts";
import { parseTableName, type TableName } from "../table_name.ts";
import {
  actionOf,
  type FollowedTable,
  inspectTable,
  readState,
  reasonToReadAgain,
} from "./followed_table.ts";
import { writeLsn } from "./lsn.ts";
import { followerName } from "./names.ts";
import { dropPublication, preparePublication, type Publication } from "./publication.ts";
import { progressOf } from "./slot_progress.ts";
import { createSlot, dropSlot, type SlotStatus, slotStatus } from "./slot.ts";
import { usableSlot } from "./usable_slot.ts";

/** What stands before the log is read. */
export interface Preparation {
  readonly action: string;
  readonly slot: FollowedSlot;
  /** The slot as it was found; undefined where it was made. */
  readonly status: SlotStatus | undefined;
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

export interface FollowedSlot {
  readonly name: string;
  /** The server's, as 150004. */
  readonly version: number;
  /** Of the streams that share it. */
  readonly options: readonly PostgresStream["options"][];
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
  const tables = await inspectAll(session, request, context);
  checkTwice(action, tables);
  const resting = request.resting.flatMap((stream) => readState(stream)?.position ?? []);
  await setUp(replication);
  // What is read again by itself needs nothing of the log.
  const goingOn = tables.filter((table) => reasonToReadAgain(table) === undefined);
  const status = await usableSlot(session, {
    action,
    version,
    name: names.slot,
    positions: goingOn.flatMap(({ before }) => before?.position ?? []),
    resting,
  });
  const added = await preparePublication(session, names.publication, {
    followed: tables.map(({ table }) => table),
    resting: restingTables(request, context),
  }, { action, version });
  const notes: string[] = [];
  const readAnew = tables.flatMap((table) => {
    const reason = reasonToReadAgain(table) ?? reasonInLog(table, status, added);
    if (table.generated.length > 0) {
      notes.push(
        `${table.name}: ${table.generated.join(", ")} is generated and not in the log, so it is left out`,
      );
    }
    return reason === undefined ? [] : [{ table, reason }];
  });
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
    slot: { name: names.slot, version, options: optionsOf(request) },
    status,
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

/** What the server says of the slot of a pipeline's streams; undefined where there is none. */
export async function lookAtSlot(
  session: Session,
  request: FollowRequest<PostgresStream>,
  context: ReadContext,
): Promise<FollowProgress | undefined> {
  const action = `Cannot look at the replication slot of ${context.name}`;
  const version = await checkServer(session, action);
  const { slot } = followerNames(request, context);
  const status = await slotStatus(session, slot, { action, version });
  if (status === undefined) return undefined;
  return progressOf({ slot, status, options: optionsOf(request) });
}

/** Removes what was made for a pipeline's streams. */
export async function forget(
  session: Session,
  follower: Pick<FollowRequest, "pipeline" | "token">,
  context: ReadContext,
): Promise<void> {
  const name = followerName(follower, context.name);
  const action = `Cannot drop the replication slot "${name}" of ${context.name}`;
  await dropSlot(session, name, action);
  await dropPublication(session, name);
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

const optionsOf = (
  { streams, resting }: FollowRequest<PostgresStream>,
): readonly PostgresStream["options"][] => [...streams, ...resting].map(({ address }) => address.options);

interface FollowerNames {
  readonly slot: string;
  readonly publication: Publication;
}

/** Of one slot for all streams of the pipeline. Throws `invalid` where they name several. */
function followerNames(request: FollowRequest<PostgresStream>, context: ReadContext): FollowerNames {
  const own = followerName(request, context.name);
  const options = optionsOf(request);
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
    publication: { name: publication ?? own, isGiven: publication !== undefined },
  };
}

/** The tables of streams that are not followed now, which the publication keeps where it has them. */
function restingTables({ resting }: FollowRequest<PostgresStream>, { defaultSchema }: ReadContext) {
  return resting.flatMap(({ address: { stream } }) =>
    stream === undefined ? [] : [parseTableName(stream, defaultSchema)]
  );
}

/** Looks at each stream's table. Throws StreamsFailed with those that cannot be followed. */
async function inspectAll(
  session: Session,
  { streams }: FollowRequest<PostgresStream>,
  context: ReadContext,
): Promise<readonly FollowedTable[]> {
  return await ofEachStream(streams, async (stream) => {
    try {
      return await inspectTable(session, stream, context);
    } catch (error) {
      throw toPostgresError(actionOf(stream, context), error);
    }
  });
}

/** Why the log does not have all changes of the table since it was last followed; undefined where it does. */
function reasonInLog(
  { before, table }: FollowedTable,
  status: SlotStatus | undefined,
  added: readonly TableName[],
): string | undefined {
  if (before === undefined) return undefined;
  if (status !== undefined && status.confirmed > before.position) {
    return `the log has no changes since ${writeLsn(before.position)} any more`;
  }
  const isAdded = added.some((other) => other.schema === table.schema && other.table === table.table);
  return isAdded ? "the publication did not have it, so that changes may be missing" : undefined;
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
