import { quoteIdentifier, type SqlSession } from "../../contract/sql.ts";

/** What of ours a warehouse keeps that is begun with a sample of raw tables, by table: its models are built anew. */
export const KEPT_WITH_SAMPLE: Readonly<Record<string, string>> = {
  states: "true",
  schemas: "true",
  wildcards: "true",
  windows: "starts_with(step, 'extract:')",
};

/**
 * Forgets what is true of production alone: which slots of replication are its own, what its loads have sent, what its
 * runs have done and which rows they could not take. Streams that are forgotten are read from their beginning. In one
 * transaction.
 */
export async function beginEnvironment(session: SqlSession, forgotten: readonly string[]): Promise<void> {
  await session.transaction(async () => {
    const sent = await session.rows("SELECT table_name FROM _sluice.sent_loads WHERE table_name IS NOT NULL");
    for (const { table_name: name } of sent) {
      await session.run(`DROP TABLE IF EXISTS _sluice.${quoteIdentifier(String(name))}`);
    }
    for (const table of ["sent_loads", "followers", "steps", "parts", "rejects", "failed_rows"]) {
      await session.run(`DELETE FROM _sluice.${table}`);
    }
    await session.run("DELETE FROM _sluice.windows WHERE starts_with(step, 'load:')");
    for (const stream of await withTables(session, forgotten)) {
      await session.run("DELETE FROM _sluice.states WHERE stream = ?", [stream]);
      await session.run("DELETE FROM _sluice.wildcards WHERE stream = ?", [stream]);
      await session.run("DELETE FROM _sluice.windows WHERE step = ?", [`extract:${stream}`]);
    }
  });
}

/** The streams, and for a wildcard the streams that it stood for. */
async function withTables(session: SqlSession, streams: readonly string[]): Promise<string[]> {
  const names = [...streams];
  for (const stream of streams) {
    const rows = await session.rows(
      `SELECT unnest(from_json(tables, '[{"name":"VARCHAR"}]')).name AS name FROM _sluice.wildcards WHERE stream = ?`,
      [stream],
    );
    names.push(...rows.map(({ name }) => String(name)));
  }
  return names;
}
