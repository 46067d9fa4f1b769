import { and, desc, eq, gt, inArray, isNotNull, isNull, type SQL, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import type { Problem } from "../../../contract/alerts/problem.ts";
import { type Database, storing } from "../database.ts";
import { storableText } from "../rows.ts";
import { deliveries, deliveryEvents, outboxCursors, type ProblemRow, problems } from "../schema.ts";
import type { AlertChange, AlertStore, CursorMove, NewProblem, Notice, OpenProblem } from "./alert_store.ts";

/** After a message of more events than this the next one of the notifier gathers for longer. */
const STORM_EVENTS = 20;
const STORM_MS = 300_000;

type Problems = Pick<
  AlertStore,
  "apply" | "open" | "openOf" | "mutes" | "list" | "get" | "countOpen" | "acknowledge" | "mute"
>;

export function createProblems(db: Database): Problems {
  const read = async (where: SQL | undefined): Promise<Problem | undefined> => {
    const [row] = await storing("read the problem", db.select().from(problems).where(where));
    return row && problemOf(row);
  };
  const readOpen = async (where: SQL | undefined): Promise<OpenProblem[]> => {
    const query = db.select().from(problems).where(and(sql`${problems.closedAtMs} is null`, where));
    return (await storing("read the open problems", query)).map(openProblemOf);
  };
  const change = async (action: string, id: string, set: Partial<typeof problems.$inferInsert>) => {
    const query = db.update(problems).set(set).where(eq(problems.id, id)).returning();
    const [row] = await storing(action, query);
    return row && problemOf(row);
  };
  return {
    async apply(nowMs, changes, cursor) {
      const guard = cursor === undefined ? sql`true` : isAt(cursor);
      const [first, ...rest] = [
        ...changes.flatMap((one) => statementsOf(db, one, nowMs, guard)),
        ...(cursor === undefined ? [] : [moveOf(db, cursor)]),
      ];
      if (first === undefined) return true;
      const results = await storing("write what happened to problems", db.batch([first, ...rest]));
      if (cursor === undefined) return true;
      const moved: unknown = results.at(-1);
      return Array.isArray(moved) && moved.length > 0;
    },

    async open(pipelines) {
      const isOurs = pipelines === undefined ? undefined : inArray(problems.pipeline, [...pipelines]);
      return await readOpen(isOurs);
    },

    async openOf(key) {
      return (await readOpen(eq(problems.key, key)))[0];
    },

    async mutes(nowMs) {
      // Grouped here: SQLite would take the index of keys, and read all of it.
      const query = db.select({ key: problems.key, untilMs: problems.mutedUntilMs }).from(problems)
        .where(gt(problems.mutedUntilMs, nowMs)).orderBy(problems.mutedUntilMs);
      const found = await storing("read what is muted", query);
      return new Map(found.map(({ key, untilMs }) => [key, untilMs ?? 0]));
    },

    async list({ isOpen, pipelines, limit, behind }) {
      const isOf = pipelines === undefined ? undefined : inArray(problems.pipeline, [...pipelines]);
      const older = (atMs: typeof problems.lastAtMs | typeof problems.closedAtMs) =>
        behind === undefined ? undefined : sql`(${atMs}, ${problems.id}) < (${behind.atMs}, ${behind.id})`;
      const { lastAtMs, closedAtMs, id } = problems;
      const opened = db.select().from(problems)
        .where(and(isNull(closedAtMs), isOf, older(lastAtMs)))
        .orderBy(desc(lastAtMs), desc(id)).limit(limit);
      const closed = db.select().from(problems)
        .where(and(isNotNull(closedAtMs), isOf, behind?.isOpen === true ? undefined : older(closedAtMs)))
        .orderBy(desc(closedAtMs), desc(id)).limit(limit);
      const [first, second] = await storing("read the problems", db.batch([opened, closed]));
      const isBehindOpen = behind?.isOpen === false;
      const rows = [
        ...(isOpen === false || isBehindOpen ? [] : first),
        ...(isOpen === true ? [] : second),
      ];
      return rows.slice(0, limit).map(problemOf);
    },

    get: (id) => read(eq(problems.id, id)),

    async countOpen(pipelines) {
      const isOf = pipelines === undefined ? undefined : inArray(problems.pipeline, [...pipelines]);
      const query = db.select({ count: sql<number>`count(*)` }).from(problems)
        .where(and(isNull(problems.closedAtMs), isOf));
      return (await storing("count the problems", query))[0]?.count ?? 0;
    },

    acknowledge: (id, by, atMs) =>
      change("acknowledge the problem", id, {
        acknowledgedBy: by,
        acknowledgedAtMs: by === null ? null : atMs,
      }),

    async mute(id, untilMs) {
      if (untilMs !== null) return await change("mute the problem", id, { mutedUntilMs: untilMs });
      const key = sql`(select key from problems where id = ${id})`;
      const query = db.update(problems).set({ mutedUntilMs: null }).where(eq(problems.key, key));
      await storing("end the muting of the problem", query);
      return await read(eq(problems.id, id));
    },
  };
}

const isAt = ({ name, from }: CursorMove): SQL =>
  sql`exists (select 1 from ${outboxCursors} where name = ${name} and seq = ${from})`;

function moveOf(db: Database, { name, from, to }: CursorMove): BatchItem<"sqlite"> {
  return db.update(outboxCursors).set({ seq: to })
    .where(and(eq(outboxCursors.name, name), eq(outboxCursors.seq, from))).returning({
      seq: outboxCursors.seq,
    });
}

const isOpen = (id: string): SQL =>
  sql`exists (select 1 from ${problems} where id = ${id} and closed_at is null)`;

function statementsOf(db: Database, change: AlertChange, nowMs: number, guard: SQL): BatchItem<"sqlite">[] {
  switch (change.type) {
    case "open":
      return [openProblem(db, change.problem, guard)];
    case "again": {
      const { id, run, message, atMs, isTold, counts } = change;
      return [db.run(sql`
        update ${problems}
        set last_at = ${atMs}, run = ${run}, message = ${storableText(message)}, count = count + ${
        counts ? 1 : 0
      },
          notified_at = ${isTold ? sql`${atMs}` : sql`notified_at`}
        where id = ${id} and closed_at is null and ${guard}
      `)];
    }
    case "close":
      return [db.run(sql`
        update ${problems} set closed_at = ${change.atMs}
        where id = ${change.id} and closed_at is null and ${guard}
      `)];
    case "notify":
      return notify(db, change.notice, nowMs, guard);
  }
}

/** Muting goes on for what is about the same. */
function openProblem(db: Database, problem: NewProblem, guard: SQL): BatchItem<"sqlite"> {
  const { id, key, kind, pipeline, run, message, atMs, isTold } = problem;
  return db.run(sql`
    insert into ${problems}
      (id, key, kind, pipeline, run, message, opened_at, last_at, count, muted_until, notified_at)
    select ${id}, ${key}, ${kind}, ${pipeline}, ${run}, ${storableText(message)}, ${atMs}, ${atMs}, 1,
      (select max(muted_until) from problems where key = ${key} and muted_until > ${atMs}),
      ${isTold ? atMs : null}
    where ${guard}
    on conflict (key) where closed_at is null do nothing
  `);
}

function notify(db: Database, notice: Notice, nowMs: number, guard: SQL): BatchItem<"sqlite">[] {
  const { notifier, event, deliveryId, groupMs, problem } = notice;
  const isMeant = problem === undefined ? guard : sql`${guard} and ${isOpen(problem)}`;
  const gathering = sql`(
    select id from ${deliveries}
    where notifier = ${notifier} and state = 'waiting' and attempt = 0 and not_before > ${nowMs} limit 1
  )`;
  const lastStorm = sql`coalesce((
    select d.created_at + ${STORM_MS} from ${deliveries} as d where d.notifier = ${notifier}
      and d.created_at > ${nowMs - STORM_MS}
      and (select count(*) from ${deliveryEvents} as e where e.delivery = d.id) > ${STORM_EVENTS}
    order by d.created_at desc limit 1
  ), 0)`;
  return [
    db.run(sql`
      insert into ${deliveries} (id, notifier, state, attempt, not_before, created_at)
      select ${deliveryId}, ${notifier}, 'waiting', 0, max(${nowMs + groupMs}, ${lastStorm}), ${nowMs}
      where ${gathering} is null and ${isMeant}
    `),
    db.run(sql`
      insert into ${deliveryEvents} (delivery, event)
      select id, ${JSON.stringify(event)} from ${deliveries}
      where id = coalesce(${gathering}, ${deliveryId}) and ${isMeant}
    `),
  ];
}

function openProblemOf(row: ProblemRow): OpenProblem {
  return {
    id: row.id,
    key: row.key,
    kind: row.kind,
    pipeline: row.pipeline,
    run: row.run,
    message: row.message,
    count: row.count,
    lastAtMs: row.lastAtMs,
    isAcknowledged: row.acknowledgedBy !== null,
    notifiedAtMs: row.notifiedAtMs,
  };
}

function problemOf(row: ProblemRow): Problem {
  return {
    id: row.id,
    key: row.key,
    kind: row.kind,
    pipeline: row.pipeline,
    run: row.run,
    message: row.message,
    opened_at: iso(row.openedAtMs),
    last_at: iso(row.lastAtMs),
    count: row.count,
    closed_at: isoOrNull(row.closedAtMs),
    acknowledged_by: row.acknowledgedBy,
    acknowledged_at: isoOrNull(row.acknowledgedAtMs),
    muted_until: isoOrNull(row.mutedUntilMs),
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => ms === null ? null : iso(ms);
