import { and, asc, eq, gt, max, sql } from "drizzle-orm";
import { type Database, storing } from "./database.ts";
import { logLineOf, storableText } from "./rows.ts";
import { isHeld } from "./run_changes.ts";
import { runLogs } from "./schema.ts";
import type { LogStore } from "./ports/runs.ts";

export function createLogStore(db: Database): LogStore {
  return {
    // All lines as one JSON value: binding each of their columns by itself takes five times as long.
    async append(lease, lines) {
      if (lines.length === 0) return true;
      const rows = lines.map((line) => [
        line.seq,
        Date.parse(line.at),
        line.level,
        line.step,
        storableText(line.message),
      ]);
      const insert = db.run(sql`
        insert into run_logs (run, attempt, seq, at, level, step, message)
        select ${lease.run}, ${lease.attempt},
          value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
        from json_each(${JSON.stringify(rows)}) where ${isHeld(lease)}
      `);
      return (await storing(`write the log of run ${lease.run}`, insert)).rowsAffected > 0;
    },

    async read(runId, { afterSeq, limit }) {
      const query = db.select().from(runLogs)
        .where(and(eq(runLogs.run, runId), gt(runLogs.seq, afterSeq)))
        .orderBy(asc(runLogs.seq)).limit(limit);
      return (await storing(`read the log of run ${runId}`, query)).map(logLineOf);
    },

    async lastSeq(runId) {
      const query = db.select({ seq: max(runLogs.seq) }).from(runLogs).where(eq(runLogs.run, runId));
      const [row] = await storing(`read the log of run ${runId}`, query);
      return row?.seq ?? 0;
    },
  };
}
