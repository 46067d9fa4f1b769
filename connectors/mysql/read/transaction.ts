import type { Session } from "../session/session.ts";

/** Modes that change values while they are read, or refuse dates that a column may hold. */
const DROPPED_MODES = new Set(["PAD_CHAR_TO_FULL_LENGTH", "NO_ZERO_DATE", "NO_ZERO_IN_DATE", "TRADITIONAL"]);

/**
 * One snapshot for everything that is read until the transaction ends, of tables that have transactions.
 * A text of the user's is read as the server's own sql_mode has it.
 */
export async function beginRead(session: Session): Promise<void> {
  const modes = session.serverSqlMode.split(",").filter((mode) => mode !== "" && !DROPPED_MODES.has(mode));
  await session.setSqlMode([...new Set([...modes, "ALLOW_INVALID_DATES"])].join(","));
  await session.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
  await session.query("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
}
