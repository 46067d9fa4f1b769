import { Buffer } from "node:buffer";
import { and, asc, count, eq, getTableColumns, gt, isNull, lte, max, sql } from "drizzle-orm";
import { type Database, storing } from "./database.ts";
import { inbox } from "./schema.ts";
import type { Inbox } from "./ports/messages.ts";

export function createInbox(db: Database): Inbox {
  return {
    async put({ hook, key, body: bytes, headers, receivedAtMs }) {
      const action = `write the inbox of "${hook}"`;
      const body = Buffer.from(bytes);
      const [[inserted], [first]] = await storing(
        action,
        db.batch([
          db.insert(inbox).values({ hook, key, body, headers, receivedAtMs })
            .onConflictDoNothing({ target: [inbox.hook, inbox.key] }).returning({ seq: inbox.seq }),
          db.select({ seq: inbox.seq, isSame: sql<number>`${inbox.body} = ${body}` }).from(inbox)
            .where(and(eq(inbox.hook, hook), eq(inbox.key, key))),
        ]),
      );
      return { seq: first?.seq ?? 0, isNew: inserted !== undefined, isSame: first?.isSame === 1 };
    },

    async after(hook, seq) {
      const { settledAtMs: _, ...columns } = getTableColumns(inbox);
      const query = db.select(columns).from(inbox).where(and(eq(inbox.hook, hook), gt(inbox.seq, seq)))
        .orderBy(asc(inbox.seq)).limit(1);
      const [found] = await storing(`read the inbox of "${hook}"`, query);
      return found && { ...found, body: new Uint8Array(found.body) };
    },

    async open() {
      const query = db.select({ hook: inbox.hook, lastSeq: max(inbox.seq), count: count() }).from(inbox)
        .where(isNull(inbox.settledAtMs)).groupBy(inbox.hook);
      const found = await storing("look for open messages of the inbox", query);
      return found.map(({ lastSeq, ...hook }) => ({ ...hook, lastSeq: lastSeq ?? 0 }));
    },

    async settle(hook, uptoSeq, atMs) {
      const isMeant = and(eq(inbox.hook, hook), isNull(inbox.settledAtMs), lte(inbox.seq, uptoSeq));
      await storing(
        `settle messages of "${hook}"`,
        db.update(inbox).set({ settledAtMs: atMs }).where(isMeant),
      );
    },
  };
}
