import { and, asc, desc, eq, gt, inArray, lt, max, ne, notInArray, sql } from "drizzle-orm";
import { toAppError } from "../../../contract/errors.ts";
import { type AuditLine, chainLine } from "../../../contract/audit/line.ts";
import { type Database, storing } from "../database.ts";
import { auditAnchor, auditIntents, auditLog, auditReaders, lineOf, rowOf } from "./audit_tables.ts";
import { conditionOf } from "./conditions.ts";
import type { AuditStore, ChainPlace, NewAuditLine } from "./port.ts";

/** Other processes may write lines between the look at the last one and the write. */
const MOST_TRIES = 40;
const WRITE = "write the audit log";
const READ = "read the audit log";

export function createAuditStore(db: Database): AuditStore {
  const last = () =>
    db.select({ seq: auditLog.seq, hash: auditLog.hash }).from(auditLog)
      .orderBy(desc(auditLog.seq)).limit(1);
  const anchorQuery = () => db.select({ seq: auditAnchor.seq, hash: auditAnchor.hash }).from(auditAnchor);
  const tip = async (): Promise<ChainPlace> => {
    const [[line], [anchor]] = await storing(READ, db.batch([last(), anchorQuery()]));
    return line ?? anchor ?? { seq: 0, hash: "" };
  };

  /** Without those whose origin is told of already. */
  const newOf = async (lines: readonly NewAuditLine[]): Promise<NewAuditLine[]> => {
    const origins = [...new Set(lines.flatMap(({ origin }) => origin ?? []))];
    if (origins.length === 0) return [...lines];
    const rows = await storing(
      READ,
      db.select({ origin: auditLog.origin }).from(auditLog).where(inArray(auditLog.origin, origins)),
    );
    const known = new Set(rows.map(({ origin }) => origin));
    return lines.filter(({ origin }) => {
      if (origin === undefined) return true;
      const isNew = !known.has(origin);
      known.add(origin);
      return isNew;
    });
  };

  const link = (lines: readonly NewAuditLine[], { seq, hash }: ChainPlace): AuditLine[] => {
    let previous = hash;
    return lines.map((line, index) => {
      const linked = chainLine(line, seq + index + 1, previous);
      previous = linked.hash;
      return linked;
    });
  };

  // Within one process they come one after the other.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const done = turn.then(act);
    turn = done.catch(() => {});
    return done;
  };

  const insert = (lines: readonly NewAuditLine[], linked: readonly AuditLine[]) =>
    db.insert(auditLog).values(linked.map((line, index) => rowOf(line, lines[index]?.origin ?? null)));

  return {
    append: (lines) =>
      inTurn(async () => {
        const intents = lines.flatMap(({ intent }) => intent ?? []);
        const drop = db.delete(auditIntents).where(inArray(auditIntents.id, intents));
        return await persist(async () => {
          const fresh = await newOf(lines);
          if (fresh.length === 0) {
            if (intents.length > 0) await storing(WRITE, drop);
            return [];
          }
          const linked = link(fresh, await tip());
          const add = insert(fresh, linked);
          await (intents.length === 0 ? storing(WRITE, add) : storing(WRITE, db.batch([add, drop])));
          return linked;
        });
      }),

    async list(filter, { limit, beforeSeq }) {
      const where = and(
        isKept(),
        beforeSeq === undefined ? undefined : lt(auditLog.seq, beforeSeq),
        conditionOf(filter),
      );
      const query = db.select().from(auditLog).where(where).orderBy(desc(auditLog.seq)).limit(limit);
      return (await storing(READ, query)).map(lineOf);
    },

    async read(afterSeq, limit, filter = {}) {
      const where = and(isKept(), gt(auditLog.seq, afterSeq), conditionOf(filter));
      const query = db.select().from(auditLog).where(where).orderBy(asc(auditLog.seq)).limit(limit);
      return (await storing(READ, query)).map(lineOf);
    },

    tip,

    async anchor() {
      const [anchor] = await storing(READ, anchorQuery());
      return anchor ?? { seq: 0, hash: "" };
    },

    prune: (beforeMs, lineFor) =>
      inTurn(() =>
        persist(async () => {
          const [found] = await storing(READ, db.all<ChainPlace & { count: number }>(prunable(beforeMs)));
          if (found === undefined) return 0;
          const { seq, hash, count } = found;
          const lines = [lineFor({ count, upTo: { seq, hash } })];
          // Where another server was faster, the anchor is refused, and with it the line.
          const move = db.update(auditAnchor).set({ seq, hash });
          await storing(WRITE, db.batch([move, insert(lines, link(lines, await tip()))]));
          return count;
        })
      ),

    async removePruned(limit) {
      const query = db.run(sql`
        delete from audit_log where seq in (
          select seq from audit_log where seq <= (select seq from audit_anchor) order by seq limit ${limit}
        )
      `);
      return (await storing("remove old lines of the audit log", query)).rowsAffected;
    },

    async putIntent(intent) {
      await storing(WRITE, db.insert(auditIntents).values(intent));
    },

    async dropIntent(id) {
      await storing(WRITE, db.delete(auditIntents).where(eq(auditIntents.id, id)));
    },

    oldIntents(holder, beforeMs) {
      const query = db.select().from(auditIntents)
        .where(and(ne(auditIntents.holder, holder), lt(auditIntents.atMs, beforeMs)))
        .orderBy(asc(auditIntents.atMs));
      return storing("read what was left undone of the audit log", query);
    },

    async cursor(name) {
      const action = `read how far "${name}" is in the audit log`;
      const query = db.select({ seq: auditReaders.seq }).from(auditReaders).where(
        eq(auditReaders.name, name),
      );
      const [known] = await storing(action, query);
      if (known !== undefined) return known.seq;
      const from = sql`coalesce((select max(seq) from audit_log), (select seq from audit_anchor))`;
      const [, [made]] = await storing(
        action,
        db.batch([db.insert(auditReaders).values({ name, seq: from }).onConflictDoNothing(), query]),
      );
      return made?.seq ?? 0;
    },

    async furthestReader() {
      const [row] = await storing(READ, db.select({ seq: max(auditReaders.seq) }).from(auditReaders));
      return row?.seq ?? 0;
    },

    async advance(name, seq) {
      const behind = and(eq(auditReaders.name, name), lt(auditReaders.seq, seq));
      await storing(
        `write how far "${name}" is in the audit log`,
        db.update(auditReaders).set({ seq }).where(behind),
      );
    },

    async keepReaders(names) {
      const query = db.delete(auditReaders).where(notInArray(auditReaders.name, [...names]));
      await storing("forget who read the audit log", query);
    },
  };
}

/** The last line from before then that may be let go of. The first that is younger ends it, whatever a clock has said. */
const prunable = (beforeMs: number) =>
  sql`
    select seq, hash, seq - (select seq from audit_anchor) as count from audit_log
    where seq > (select seq from audit_anchor)
      and seq < coalesce((
        select seq from audit_log where seq > (select seq from audit_anchor) and +at >= ${beforeMs}
        order by seq limit 1
      ), ${Number.MAX_SAFE_INTEGER})
      and seq < (select max(seq) from audit_log)
      and seq <= coalesce((select min(seq) from audit_readers), seq)
    order by seq desc limit 1
  `;

/** Does it again where another process has written the last line meanwhile. Throws what it throws in the end. */
async function persist<T>(act: () => Promise<T>): Promise<T> {
  for (let round = 1;; round++) {
    try {
      return await act();
    } catch (error) {
      if (toAppError(error).code !== "conflict" || round === MOST_TRIES) throw error;
    }
    // Of two in step neither would come first.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(round * 5, 100)));
  }
}

/** What retention has let go of is gone, whether it has been removed yet or not. */
const isKept = () => sql`${auditLog.seq} > (select seq from audit_anchor)`;
