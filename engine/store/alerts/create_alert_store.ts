import { eq, sql } from "drizzle-orm";
import type { Sealer } from "../../../contract/keys/sealer.ts";
import { type Database, storing } from "../database.ts";
import { headOfNotifier, openNotifier, sealNotifier } from "../keys/sealed_entries.ts";
import { notifiers } from "../schema.ts";
import type { AlertStore } from "./alert_store.ts";
import { createDeliveries } from "./deliveries.ts";
import { createProblems } from "./problems.ts";

export function createAlertStore(db: Database, sealer: Sealer): AlertStore {
  return {
    ...createProblems(db),
    ...createDeliveries(db),

    async putNotifiers(found, keep) {
      const entries = await Promise.all(
        Object.entries(found).map(async ([name, one]) => ({
          name,
          ...await sealNotifier(sealer, name, one),
        })),
      );
      const stay = keep === "all"
        ? sql`true`
        : sql`name in (select value from json_each(${JSON.stringify([...keep, ...Object.keys(found)])}))`;
      await storing(
        "write the notifiers",
        db.batch([
          db.run(sql`delete from ${notifiers} where not (${stay})`),
          ...entries.map(({ name, ...set }) =>
            db.insert(notifiers).values({ name, ...set }).onConflictDoUpdate({ target: notifiers.name, set })
          ),
        ]),
      );
    },

    async notifiers() {
      const query = db.select().from(notifiers).orderBy(notifiers.name);
      const rows = await storing("read the notifiers", query);
      return Object.fromEntries(rows.map(({ name, definition }) => [name, headOfNotifier(definition)]));
    },

    async notifier(name) {
      const query = db.select().from(notifiers).where(eq(notifiers.name, name));
      const [row] = await storing(`read the notifier "${name}"`, query);
      return row && await openNotifier(sealer, row);
    },

    async rowsBefore(run, limit) {
      const query = db.all<{ name: string; rows: number }>(sql`
        select s.name, s.rows from (
          select r.id, r.seq from runs as r, (select pipeline, seq from runs where id = ${run}) as this
          where r.pipeline = this.pipeline and r.seq < this.seq and r.state = 'succeeded'
            and r.selection is null and r.full_refresh = 0 and r.window_given = 0
          order by r.seq desc limit ${limit}
        ) as last20
        join step_runs as s on s.run = last20.id
        where s.rows is not null and s.kind <> 'check' and s.state in ('succeeded', 'warned')
          and coalesce(s.receipt ->> 'unchanged', 0) = 0
        order by last20.seq desc
      `);
      const found = new Map<string, number[]>();
      for (const { name, rows } of await storing("read earlier counts of rows", query)) {
        found.set(name, [...found.get(name) ?? [], rows]);
      }
      return found;
    },
  };
}
