import type { ConnectionCheck } from "../../../contract/discovery.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { formatBytes } from "../../../text/format.ts";
import { toPostgresError } from "../errors.ts";
import { ServerError } from "../session/server_error.ts";
import type { SessionPool } from "../session_pool.ts";
import type { Session } from "../session/session.ts";
import { parseLsn } from "./lsn.ts";
import { SLOT_PREFIX } from "./names.ts";

/** What the server says of a replication slot. */
export interface SlotStatus {
  /** What comes before is forgotten. */
  readonly confirmed: bigint;
  readonly isActive: boolean;
  /** `reserved`, `extended`, `unreserved` or `lost`; undefined before PostgreSQL 13. */
  readonly walStatus: string | undefined;
  readonly retainedBytes: number;
  /** Where the server's log ended when it was asked. */
  readonly logEnd: bigint;
}

const SLOTS_USED_UP = "53400";
const IN_USE = "55006";
const MISSING = "42704";
const WAL_STATUS_VERSION = 130_000;
const BUSY_WAIT_MS = 200;
/** How long a process that was killed may be noticed late by the server. */
const BUSY_PATIENCE_MS = 30_000;

/** Undefined where there is no such slot. Throws `invalid` for one of another kind or database. */
export async function slotStatus(
  session: Session,
  name: string,
  { action, version }: { readonly action: string; readonly version: number },
): Promise<SlotStatus | undefined> {
  const walStatus = version < WAL_STATUS_VERSION ? "NULL" : "s.wal_status";
  const { rows: [row] } = await session.query(
    `SELECT s.plugin, s.database = pg_catalog.current_database(), s.confirmed_flush_lsn, s.active, ${walStatus},
            coalesce(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), s.restart_lsn), 0),
            pg_catalog.pg_current_wal_lsn()
       FROM pg_catalog.pg_replication_slots s WHERE s.slot_name = ${quoteLiteral(name)}`,
  );
  if (row === undefined) return undefined;
  const [plugin, isHere, confirmed, active, status, retained, logEnd] = row;
  if (plugin !== "pgoutput" || isHere !== "t") {
    const what = isHere === "t" ? `one of the plugin ${plugin ?? "none"}` : "one of another database";
    throw new AppError(
      "invalid",
      `${action}: the slot "${name}" is ${what}, where pgoutput of this one is needed`,
    );
  }
  return {
    confirmed: confirmed === null || confirmed === undefined ? 0n : parseLsn(confirmed),
    isActive: active === "t",
    walStatus: status ?? undefined,
    retainedBytes: Math.max(0, Number(retained)),
    logEnd: parseLsn(logEnd ?? ""),
  };
}

/** A new slot: where its changes begin, and the snapshot of everything before, until the session's next command. */
export interface CreatedSlot {
  readonly consistentPoint: bigint;
  readonly snapshot: string;
}

/** Waits for transactions that are open. Throws `unavailable` where the server has no slot left. */
export async function createSlot(
  session: Session,
  name: string,
  { action, isTemporary }: { readonly action: string; readonly isTemporary: boolean },
): Promise<CreatedSlot> {
  const kind = isTemporary ? "TEMPORARY " : "";
  try {
    const { rows: [row] } = await session.query(
      `CREATE_REPLICATION_SLOT ${quoteIdentifier(name)} ${kind}LOGICAL pgoutput EXPORT_SNAPSHOT`,
    );
    const [, consistentPoint, snapshot] = row ?? [];
    return { consistentPoint: parseLsn(consistentPoint ?? ""), snapshot: snapshot ?? "" };
  } catch (error) {
    if (error instanceof ServerError && error.fields.code === SLOTS_USED_UP) {
      throw new AppError(
        "unavailable",
        `${action}: the server has no replication slot left; raise max_replication_slots, or drop one that ` +
          "nobody uses: SELECT slot_name, active FROM pg_replication_slots; SELECT pg_drop_replication_slot('name');",
        { cause: error },
      );
    }
    throw toPostgresError(action, error);
  }
}

/** Drops the slot by SQL, waiting for who uses it; does nothing where there is none. */
export async function dropSlot(session: Session, name: string, action: string): Promise<void> {
  await whenFree(action, name, async () => {
    try {
      await session.query(`SELECT pg_catalog.pg_drop_replication_slot(${quoteLiteral(name)})`);
    } catch (error) {
      if (!(error instanceof ServerError) || error.fields.code !== MISSING) throw error;
    }
  });
}

/**
 * Waits while another session uses the slot: that of a process that was killed, which the server has not noticed
 * yet. Throws `unavailable` where it stays.
 */
export async function whenFree<T>(action: string, slot: string, use: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + BUSY_PATIENCE_MS;
  for (;;) {
    try {
      return await use();
    } catch (error) {
      if (!(error instanceof ServerError) || error.fields.code !== IN_USE) throw error;
      if (performance.now() > deadline) {
        throw new AppError(
          "unavailable",
          `${action}: ${error.message}; no other program may use the slot "${slot}"`,
          { cause: error },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, BUSY_WAIT_MS));
    }
  }
}

/** Below this nobody has to do anything about a slot that is not read just now. */
const MUCH_BYTES = 1_000_000_000;

/** The slots of pipelines in this database that nobody reads, and how much of its log the server keeps for them. */
export async function checkSlots(pool: SessionPool, signal: AbortSignal): Promise<ConnectionCheck> {
  await using lease = await pool.lease(signal);
  const { rows } = await lease.session.query(
    `SELECT slot_name, coalesce(pg_catalog.pg_wal_lsn_diff(
              CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_receive_lsn()
                   ELSE pg_catalog.pg_current_wal_lsn() END, restart_lsn), 0)
       FROM pg_catalog.pg_replication_slots
      WHERE pg_catalog.starts_with(slot_name, '${SLOT_PREFIX}') AND database = pg_catalog.current_database()
        AND NOT active ORDER BY 2 DESC, 1`,
  );
  const name = "replication slots";
  const slots = rows.map(([slot, bytes]) => ({ slot: slot ?? "", keptBytes: Number(bytes) }));
  const shown = (some: typeof slots) =>
    some.map(({ slot, keptBytes }) => `${slot} (${formatBytes(keptBytes)})`).join(", ");
  const large = slots.filter(({ keptBytes }) => keptBytes > MUCH_BYTES);
  if (large.length === 0) {
    const message = slots.length === 0
      ? "none is idle"
      : `idle, and little of the log is kept for them: ${shown(slots)}`;
    return { name, state: "ok", message };
  }
  return {
    name,
    state: "missing",
    message:
      `nobody reads these just now, and the server keeps its log for them: ${
        shown(large)
      }; run their pipelines, or ` +
      `where there is none any more: SELECT pg_drop_replication_slot('${large[0]?.slot}');`,
  };
}
