import { and, asc, eq, gt, lt, lte, max, sql } from "drizzle-orm";
import { type Database, storing } from "./database.ts";
import { runOf } from "./rows.ts";
import { outbox, outboxCursors } from "./schema.ts";
import type { Outbox } from "./ports/messages.ts";

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

    async cursor(name) {
      const action = `read how far "${name}" is in the outbox`;
      const query = db.select({ seq: outboxCursors.seq }).from(outboxCursors).where(
        eq(outboxCursors.name, name),
      );
      const [known] = await storing(action, query);
      if (known !== undefined) return known.seq;
      const last = sql`coalesce((select max(seq) from ${outbox}), 0)`;
      const [, [made]] = await storing(
        action,
        db.batch([db.insert(outboxCursors).values({ name, seq: last }).onConflictDoNothing(), query]),
      );
      return made?.seq ?? 0;
    },

    async advance(name, seq) {
      const behind = and(eq(outboxCursors.name, name), lt(outboxCursors.seq, seq));
      await storing(
        `write how far "${name}" is in the outbox`,
        db.update(outboxCursors).set({ seq }).where(behind),
      );
    },

    async forgetReader(name) {
      await storing(
        `forget how far "${name}" is in the outbox`,
        db.delete(outboxCursors).where(eq(outboxCursors.name, name)),
      );
    },

    async markDelivered(uptoSeq, atMs) {
      const waiting = and(lte(outbox.seq, uptoSeq), sql`${outbox.deliveredAtMs} is null`);
      await storing("write the outbox", db.update(outbox).set({ deliveredAtMs: atMs }).where(waiting));
    },
  };
}
