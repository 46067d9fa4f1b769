import { Buffer } from "node:buffer";
import { and, asc, count, desc, eq, getTableColumns, gt, isNull, lt, lte, max, sql } from "drizzle-orm";
import { type Database, storing } from "./database.ts";
import { inbox } from "./schema.ts";
import type { Inbox, StoredMessage } from "./ports/messages.ts";

/** A header that no request can have: it has a blank. */
const DROPPED_KEY = '"dropped by"';
const DROPPED_BY = sql<string | null>`json_extract(${inbox.headers}, '$."dropped by"')`;

const STORED = {
  seq: inbox.seq,
  receivedAtMs: inbox.receivedAtMs,
  sizeBytes: sql<number>`length(${inbox.body})`,
  headers: inbox.headers,
  settledAtMs: inbox.settledAtMs,
  droppedBy: DROPPED_BY,
};

function storedOf(
  { headers, seq, receivedAtMs, sizeBytes, settledAtMs, droppedBy }: Omit<StoredMessage, "contentType"> & {
    readonly headers: Readonly<Record<string, string>>;
  },
): StoredMessage {
  const contentType = headers["content-type"] ?? "";
  return { seq, receivedAtMs, sizeBytes, contentType, settledAtMs, droppedBy };
}

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
          db.select({
            seq: inbox.seq,
            isSame: sql<number>`${inbox.body} = ${body} or ${DROPPED_BY} is not null`,
          }).from(inbox)
            .where(and(eq(inbox.hook, hook), eq(inbox.key, key))),
        ]),
      );
      return { seq: first?.seq ?? 0, isNew: inserted !== undefined, isSame: first?.isSame === 1 };
    },

    async after(hook, seq) {
      const { settledAtMs: _, ...columns } = getTableColumns(inbox);
      const query = db.select(columns).from(inbox).where(
        and(eq(inbox.hook, hook), gt(inbox.seq, seq), sql`${DROPPED_BY} is null`),
      )
        .orderBy(asc(inbox.seq)).limit(1);
      const [found] = await storing(`read the inbox of "${hook}"`, query);
      return found && { ...found, body: new Uint8Array(found.body) };
    },

    async list(hook, { before, openAfter, limit }) {
      const isOpen = openAfter === undefined
        ? undefined
        : and(isNull(inbox.settledAtMs), gt(inbox.seq, openAfter));
      const query = db.select(STORED).from(inbox)
        .where(and(eq(inbox.hook, hook), before === undefined ? undefined : lt(inbox.seq, before), isOpen))
        .orderBy(desc(inbox.seq)).limit(limit);
      return (await storing(`list the inbox of "${hook}"`, query)).map(storedOf);
    },

    async get(hook, seq) {
      const query = db.select({ ...STORED, body: inbox.body }).from(inbox)
        .where(and(eq(inbox.hook, hook), eq(inbox.seq, seq)));
      const [found] = await storing(`read the inbox of "${hook}"`, query);
      return found && { ...storedOf(found), body: new Uint8Array(found.body) };
    },

    async figures(hook, afterSeq) {
      // What stands behind a body is read through all of it: only what is open is looked at, by its index.
      const isOpen = and(eq(inbox.hook, hook), isNull(inbox.settledAtMs), gt(inbox.seq, afterSeq));
      const [[sums], [oldest], [newest]] = await storing(
        `count the inbox of "${hook}"`,
        db.batch([
          db.select({
            count: count(),
            sizeBytes: sql<number>`coalesce(sum(length(${inbox.body})), 0)`,
          }).from(inbox).where(isOpen),
          db.select({ atMs: inbox.receivedAtMs }).from(inbox).where(isOpen).orderBy(asc(inbox.seq)).limit(1),
          db.select({ atMs: inbox.receivedAtMs }).from(inbox).where(eq(inbox.hook, hook))
            .orderBy(desc(inbox.seq)).limit(1),
        ]),
      );
      return {
        count: sums?.count ?? 0,
        sizeBytes: sums?.sizeBytes ?? 0,
        oldestAtMs: oldest?.atMs ?? null,
        newestAtMs: newest?.atMs ?? null,
      };
    },

    async drop(hook, seq, by, atMs) {
      const query = db.update(inbox).set({
        body: Buffer.alloc(0),
        headers: sql`json_set(${inbox.headers}, '$.' || ${DROPPED_KEY}, ${by})`,
        settledAtMs: atMs,
      }).where(and(eq(inbox.hook, hook), eq(inbox.seq, seq), isNull(inbox.settledAtMs)))
        .returning({ seq: inbox.seq });
      return (await storing(`drop a message of "${hook}"`, query)).length > 0;
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
