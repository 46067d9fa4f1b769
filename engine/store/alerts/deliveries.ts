import { and, asc, desc, eq, gt, lt, lte, min, or, type SQL, sql } from "drizzle-orm";
import * as v from "valibot";
import { type AlertEvent, alertEventSchema, type Delivery } from "../../../contract/alerts/problem.ts";
import { type Database, storing } from "../database.ts";
import { storableText } from "../rows.ts";
import { deliveries, deliveryEvents, type DeliveryRow } from "../schema.ts";
import type { AlertStore, ClaimedDelivery } from "./alert_store.ts";

/** So many events of a delivery are listed. */
const LISTED_EVENTS = 20;
/** Clocks of several servers differ by less. */
const SAME_TIME_MS = 60_000;

type Deliveries = Pick<
  AlertStore,
  "due" | "waiting" | "nextDueMs" | "claim" | "takeBack" | "finish" | "postpone" | "record" | "deliveries"
>;

export function createDeliveries(db: Database): Deliveries {
  const IS_WAITING = sql`${deliveries.state} = 'waiting'`;
  // Where the clock was set back behind its beginning nobody knows how long it has gathered events.
  const isDue = (nowMs: number) =>
    and(
      IS_WAITING,
      or(
        lte(deliveries.notBeforeMs, nowMs),
        and(eq(deliveries.attempt, 0), gt(deliveries.createdAtMs, nowMs + SAME_TIME_MS)),
      ),
    );
  return {
    async due(nowMs, limit) {
      const query = db.select({ id: deliveries.id }).from(deliveries)
        .where(isDue(nowMs))
        .orderBy(asc(deliveries.notBeforeMs)).limit(limit);
      return (await storing("read what is to be sent", query)).map(({ id }) => id);
    },

    async waiting() {
      const query = db.select({ notifier: deliveries.notifier, count: sql<number>`count(*)` }).from(
        deliveries,
      )
        .where(IS_WAITING).groupBy(sql`+${deliveries.notifier}`);
      const found = await storing("count what is to be sent", query);
      return new Map(found.map(({ notifier, count }) => [notifier, count]));
    },

    async nextDueMs() {
      const query = db.select({ dueMs: min(deliveries.notBeforeMs) }).from(deliveries).where(IS_WAITING);
      return (await storing("read what is to be sent", query))[0]?.dueMs ?? undefined;
    },

    async claim(id, nowMs, leaseUntilMs) {
      const [[row], events] = await storing(
        "begin to send an alert",
        db.batch([
          db.update(deliveries)
            .set({
              attempt: sql`${deliveries.attempt} + 1`,
              sending: true,
              error: null,
              notBeforeMs: leaseUntilMs,
            })
            .where(and(eq(deliveries.id, id), isDue(nowMs))).returning(),
          db.select({ event: deliveryEvents.event }).from(deliveryEvents)
            .where(eq(deliveryEvents.delivery, id)).orderBy(asc(deliveryEvents.seq)),
        ]),
      );
      if (row === undefined) return undefined;
      const { notifier, attempt, createdAtMs } = row;
      return { id, notifier, attempt, createdAtMs, events: events.map(({ event }) => event) };
    },

    async takeBack(nowMs) {
      const query = db.update(deliveries).set({ sending: false, notBeforeMs: nowMs })
        .where(and(IS_WAITING, eq(deliveries.sending, true)));
      await storing("take back what was being sent", query);
    },

    async finish(delivery, { state, atMs, title, error }) {
      const set = {
        state,
        sending: false,
        endedAtMs: atMs,
        title: storableText(title),
        error: error && storableText(error),
      };
      await storing("write that an alert was sent", db.update(deliveries).set(set).where(isTry(delivery)));
    },

    async postpone(delivery, { notBeforeMs, title, error }) {
      const set = {
        notBeforeMs,
        sending: false,
        title: title && storableText(title),
        error: storableText(error),
      };
      await storing("write that an alert waits", db.update(deliveries).set(set).where(isTry(delivery)));
    },

    async record(delivery) {
      const { id, notifier, state, title, events, attempt, created_at, ended_at, error } = delivery;
      const createdAtMs = Date.parse(created_at);
      await storing(
        "write that an alert was sent",
        db.batch([
          db.insert(deliveries).values({
            id,
            notifier,
            state,
            title: title && storableText(title),
            attempt,
            notBeforeMs: createdAtMs,
            createdAtMs,
            endedAtMs: ended_at === null ? null : Date.parse(ended_at),
            error: error && storableText(error),
          }),
          ...events.map((event) => db.insert(deliveryEvents).values({ delivery: id, event })),
        ]),
      );
    },

    async deliveries({ notifier, state, limit, beforeId }) {
      const action = "read what was sent";
      const query = db.select().from(deliveries).where(and(
        notifier === undefined ? undefined : eq(deliveries.notifier, notifier),
        state === undefined ? undefined : eq(deliveries.state, state),
        beforeId === undefined ? undefined : lt(deliveries.id, beforeId),
      )).orderBy(...(notifier === undefined ? [] : [desc(deliveries.createdAtMs)]), desc(deliveries.id))
        .limit(limit);
      const rows = await storing(action, query);
      const events = await storing(action, eventsOf(db, rows.map(({ id }) => id)));
      return rows.map((row) => deliveryOf(row, events.filter(({ delivery }) => delivery === row.id)));
    },
  };
}

const isTry = ({ id, attempt }: Pick<ClaimedDelivery, "id" | "attempt">): SQL | undefined =>
  and(eq(deliveries.id, id), eq(deliveries.attempt, attempt), sql`${deliveries.state} = 'waiting'`);

interface ListedEvent {
  readonly delivery: string;
  readonly event: AlertEvent;
  /** Of all events of the delivery. */
  readonly count: number;
}

/** The first events of each delivery. */
async function eventsOf(db: Database, ids: string[]): Promise<ListedEvent[]> {
  if (ids.length === 0) return [];
  const found = await db.all<{ delivery: string; event: string; count: number }>(sql`
    select delivery, event, count from (
      select delivery, event, seq, count(*) over (partition by delivery) as count,
        row_number() over (partition by delivery order by seq) as place
      from ${deliveryEvents} where delivery in (select value from json_each(${JSON.stringify(ids)}))
    ) where place <= ${LISTED_EVENTS} order by seq
  `);
  return found.map(({ event, ...rest }) => ({
    ...rest,
    event: v.parse(alertEventSchema, JSON.parse(event)),
  }));
}

function deliveryOf(row: DeliveryRow, events: readonly ListedEvent[]): Delivery {
  const iso = (ms: number) => new Date(ms).toISOString();
  return {
    id: row.id,
    notifier: row.notifier,
    state: row.state,
    title: row.title,
    events: events.map(({ event }) => event),
    event_count: events[0]?.count ?? 0,
    attempt: row.attempt,
    created_at: iso(row.createdAtMs),
    not_before: row.state === "waiting" ? iso(row.notBeforeMs) : null,
    ended_at: row.endedAtMs === null ? null : iso(row.endedAtMs),
    error: row.error,
  };
}
