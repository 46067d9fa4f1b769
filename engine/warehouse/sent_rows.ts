import { quoteIdentifier, type SqlSession } from "../../contract/sql.ts";

/**
 * What loads with `changed_only` have sent: for each step the keys, each with a hash of its row, and which load it
 * was. It is written in the transaction of the step's record, so it is never ahead of the destination. A load
 * that has begun is noted before, so that what an unknown load may have changed is known to be unsure.
 */
export interface SentLoad {
  /** The load that left what is noted. */
  readonly loadId: string;
  /** What else it depends on: another one makes it void. */
  readonly fingerprint: string;
  /** The load that has begun since, and of which it is not known whether it took effect. */
  readonly pending: string | null;
  /** The table of its keys, quoted; its column `_sluice_hash` has the hashes. */
  readonly keys: string;
}

type Session = Pick<SqlSession, "rows" | "run">;

/** Undefined where nothing is known of what the destination has. */
export async function sentLoadOf(session: Session, step: string): Promise<SentLoad | undefined> {
  const [row] = await session.rows(
    "SELECT load_id, fingerprint, pending, table_name FROM _sluice.sent_loads WHERE step = ? AND load_id IS NOT NULL",
    [step],
  );
  if (row === undefined) return undefined;
  const { load_id: loadId, fingerprint, pending, table_name: table } = row;
  return {
    loadId: String(loadId),
    fingerprint: String(fingerprint),
    pending: typeof pending === "string" ? pending : null,
    keys: `_sluice.${quoteIdentifier(String(table))}`,
  };
}

/** Notes that the load begins; to be committed before the destination is asked for anything. */
export async function notePending(session: Session, step: string, loadId: string): Promise<void> {
  await session.run(
    `INSERT INTO _sluice.sent_loads (step, pending) VALUES (?, ?)
     ON CONFLICT (step) DO UPDATE SET pending = excluded.pending`,
    [step, loadId],
  );
}

/** Takes `keys` (a SELECT of the key's columns and `_sluice_hash`) for what the destination has now, by the load. */
export async function recordSent(
  session: Session,
  step: string,
  { loadId, fingerprint, keys }: {
    readonly loadId: string;
    readonly fingerprint: string;
    readonly keys: string;
  },
): Promise<void> {
  const name = await tableOf(session, step);
  await session.run(`CREATE OR REPLACE TABLE _sluice.${quoteIdentifier(name)} AS ${keys}`);
  await session.run("INSERT OR REPLACE INTO _sluice.sent_loads VALUES (?, ?, ?, NULL, ?)", [
    step,
    loadId,
    fingerprint,
    name,
  ]);
}

/** From now on it is unknown what the destination has. */
export async function forgetSent(session: Session, step: string): Promise<void> {
  await session.run(`DROP TABLE IF EXISTS _sluice.${quoteIdentifier(await tableOf(session, step))}`);
  await session.run("DELETE FROM _sluice.sent_loads WHERE step = ?", [step]);
}

async function tableOf(session: Session, step: string): Promise<string> {
  const [row] = await session.rows("SELECT 'sent_' || left(md5(?), 16) AS name", [step]);
  return String(row?.["name"]);
}
