import { and, asc, eq, gt, max } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { type Database, storing } from "./database.ts";
import { logLineOf, logRowOf } from "./rows.ts";
import { runLogs } from "./schema.ts";
import type { LogStore } from "./store.ts";

/** 6 values a line: 1,000 lines stay far under SQLite's 32,766 values a statement. */
const LINES_PER_STATEMENT = 1_000;

export function createLogStore(db: Database): LogStore {
  return {
    async append(runId, lines) {
      const inserts: BatchItem<"sqlite">[] = [];
      for (let at = 0; at < lines.length; at += LINES_PER_STATEMENT) {
        const rows = lines.slice(at, at + LINES_PER_STATEMENT).map((line) => logRowOf(runId, line));
        inserts.push(db.insert(runLogs).values(rows));
      }
      const [first, ...rest] = inserts;
      if (first === undefined) return;
      await storing(`write the log of run ${runId}`, db.batch([first, ...rest]));
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
