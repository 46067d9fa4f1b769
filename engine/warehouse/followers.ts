import type { SqlSession } from "../../contract/sql.ts";

/**
 * Connectors whose changes the pipeline follows: their systems keep a log for it. The token is part of
 * what the system knows the pipeline by, and there before the system is asked for anything, so that it
 * can always be let go again.
 */

const TOKEN_LENGTH = 8;

/** The token of a connector, made at the first call. */
export async function followerToken(session: SqlSession, connector: string): Promise<string> {
  const token = crypto.randomUUID().replaceAll("-", "").slice(0, TOKEN_LENGTH);
  await session.run("INSERT OR IGNORE INTO _sluice.followers VALUES (?, ?, now())", [connector, token]);
  const [row] = await session.rows("SELECT token FROM _sluice.followers WHERE connector = ?", [connector]);
  return String(row?.["token"]);
}

/** Tokens by connector. */
export async function followers(session: SqlSession): Promise<Map<string, string>> {
  const rows = await session.rows("SELECT connector, token FROM _sluice.followers ORDER BY connector");
  return new Map(rows.map((row) => [String(row["connector"]), String(row["token"])]));
}

export async function forgetFollower(session: SqlSession, connector: string): Promise<void> {
  await session.run("DELETE FROM _sluice.followers WHERE connector = ?", [connector]);
}
