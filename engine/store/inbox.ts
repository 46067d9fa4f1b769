import { Buffer } from "node:buffer";
import { and, asc, eq, isNull, type SQL } from "drizzle-orm";
import { type Database, storing } from "./database.ts";
import { inbox } from "./schema.ts";
import type { Inbox } from "./store.ts";

export function createInbox(db: Database): Inbox {
  const read = async (hook: string, where: SQL | undefined, limit: number) => {
    const query = db.select().from(inbox).where(where).orderBy(asc(inbox.seq)).limit(limit);
    return (await storing(`read the inbox of ${hook}`, query)).map(({ takenBy: _, body, ...message }) => (
      { ...message, body: new Uint8Array(body) }
    ));
  };
  return {
    async put({ hook, key, body, headers, receivedAtMs }) {
      const action = `write the inbox of "${hook}"`;
      const [[inserted], [first]] = await storing(
        action,
        db.batch([
          db.insert(inbox).values({ hook, key, body: Buffer.from(body), headers, receivedAtMs })
            .onConflictDoNothing({ target: [inbox.hook, inbox.key] }).returning({ seq: inbox.seq }),
          db.select({ seq: inbox.seq }).from(inbox).where(and(eq(inbox.hook, hook), eq(inbox.key, key))),
        ]),
      );
      return { seq: first?.seq ?? 0, isNew: inserted !== undefined };
    },

    waiting: (hook, limit) => read(`"${hook}"`, and(eq(inbox.hook, hook), isNull(inbox.takenBy)), limit),

    takenBy: (runId) => read(`run ${runId}`, eq(inbox.takenBy, runId), 1_000),
  };
}
