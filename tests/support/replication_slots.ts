import type postgres from "postgres";

/** Drops the slots of the session's database, which would keep the server's log for ever, once nobody uses them. */
export async function dropSlots(sql: postgres.Sql): Promise<void> {
  // What used them last may have been killed a moment ago.
  while (true) {
    const used = await sql`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
      WHERE database = current_database() AND active`;
    if (used.length === 0) break;
  }
  await sql`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
    WHERE database = current_database()`;
}
