import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import type { SqlSession, TargetColumn } from "../../destination/system.ts";

/**
 * Rows wait in a table of their load's own: `_sluice_stage_<load>_<when>_<attempt>`, and keys that are gone in one with
 * `_gone` at its end. A process that was killed
 * leaves it; the next attempt of the same load drops it, or any load when it is old.
 */

const PREFIX = "_sluice_stage_";
/** No load goes on for longer. */
const ABANDONED_MS = 7 * 24 * 60 * 60 * 1_000;

type Session = Pick<SqlSession<TargetColumn>, "rows" | "run">;

/** The name of a new one; the same load has another one in each attempt, as an earlier one may still be sending. */
export async function newStageName(loadId: string, nowMs: number): Promise<string> {
  const attempt = crypto.getRandomValues(new Uint8Array(4)).toHex();
  return `${PREFIX}${await shortHash(loadId)}_${nowMs.toString(36)}_${attempt}`;
}

/** Drops what attempts left that were killed: all of this load, and old ones of others. */
export async function dropAbandoned(session: Session, loadId: string, nowMs: number): Promise<void> {
  const own = await shortHash(loadId);
  const found = await session.rows(
    `SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, ${PREFIX.length}) = ${
      quoteLiteral(PREFIX)
    }`,
  );
  for (const [name] of found) {
    const [load, madeAt = ""] = name?.slice(PREFIX.length).split("_") ?? [];
    if (name === undefined || name === null) continue;
    if (load !== own && !(nowMs - parseInt(madeAt, 36) > ABANDONED_MS)) continue;
    await session.run(`DROP TABLE IF EXISTS ${quoteIdentifier(name)}`);
  }
}

async function shortHash(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(hash).toHex().slice(0, 16);
}
