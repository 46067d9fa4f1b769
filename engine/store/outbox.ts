import { and, asc, gt, lte, max, sql } from "drizzle-orm";
import { type Database, storing } from "./database.ts";
import { runOf } from "./rows.ts";
import { outbox } from "./schema.ts";
import type { Outbox } from "./store.ts";

export function createOutbox(db: Database): Outbox {
  return {
    async read(afterSeq, limit) {
      const query = db.select().from(outbox).where(gt(outbox.seq, afterSeq)).orderBy(asc(outbox.seq))
        .limit(limit);
      return (await storing("read the outbox", query)).map(({ seq, kind, payload, createdAtMs }) => (
        { seq, kind, run: runOf(payload), createdAtMs }
      ));
    },

    async lastSeq() {
      const [row] = await storing("read the outbox", db.select({ seq: max(outbox.seq) }).from(outbox));
      return row?.seq ?? 0;
    },

    async markDelivered(uptoSeq, atMs) {
      const waiting = and(lte(outbox.seq, uptoSeq), sql`${outbox.deliveredAtMs} is null`);
      await storing("write the outbox", db.update(outbox).set({ deliveredAtMs: atMs }).where(waiting));
    },
  };
}
