import type { ReadPublication } from "../../contract/lineage/across.ts";
import { PUBLISHED_CONNECTOR } from "../../contract/snapshots/source.ts";
import { and, asc, eq, type SQL, sql } from "drizzle-orm";
import { AppError } from "../../contract/errors.ts";
import type { Sealer } from "../../contract/keys/sealer.ts";
import type { Column } from "../../contract/sql.ts";
import { type Database, storing } from "./database.ts";
import { openConnector, sealConnector } from "./keys/sealed_entries.ts";
import { isHeld } from "./run_changes.ts";
import {
  connectors as connectorsTable,
  pipelines,
  revisions,
  scheduleFirings,
  schedules,
  streamColumns,
} from "./schema.ts";
import type { PipelineStore } from "./ports/definitions.ts";

export function createPipelineStore(db: Database, sealer: Sealer): PipelineStore {
  return { ...definitionsOf(db), ...schedulesOf(db), ...sourcesOf(db, sealer) };
}

function definitionsOf(
  db: Database,
): Pick<
  PipelineStore,
  | "subjects"
  | "list"
  | "names"
  | "get"
  | "getAll"
  | "publicationsRead"
  | "put"
  | "source"
  | "putSource"
  | "remove"
> {
  const select = (where: SQL | undefined) =>
    db.select({
      name: pipelines.name,
      origin: pipelines.origin,
      revision: pipelines.revision,
      paused: sql<boolean>`coalesce(${schedules.paused}, 0)`.mapWith(Boolean),
      faults: pipelines.faults,
      rolledBackFrom: pipelines.rolledBackFrom,
      lastFiredAtMs: schedules.lastFiredAtMs,
    }).from(pipelines).leftJoin(schedules, eq(schedules.pipeline, pipelines.name))
      .where(and(eq(pipelines.removed, false), where)).orderBy(asc(pipelines.name));

  return {
    async subjects(name) {
      const query = db.select({
        name: pipelines.name,
        tags: sql<string[]>`coalesce(${revisions.definition} -> '$.tags', '[]')`.mapWith(JSON.parse),
        owner: sql<string | null>`${revisions.definition} ->> '$.owner'`,
      }).from(pipelines).leftJoin(revisions, eq(revisions.id, pipelines.revision))
        .where(name === undefined ? undefined : eq(pipelines.name, name)).orderBy(asc(pipelines.name));
      return await storing("read whose pipelines are", query);
    },

    list: () => storing("read the pipelines", select(undefined)),

    async names() {
      const query = db.select({ name: pipelines.name }).from(pipelines).where(eq(pipelines.removed, false))
        .orderBy(asc(pipelines.name));
      return (await storing("read the pipelines", query)).map(({ name }) => name);
    },

    async get(name) {
      const [found] = await storing(`read pipeline "${name}"`, select(eq(pipelines.name, name)));
      return found;
    },

    async publicationsRead() {
      return await storing(
        "read what pipelines read of each other",
        db.all<ReadPublication>(sql`
          select p.name as pipeline, e.key as stream, e.value ->> '$.stream' as address
          from pipelines as p join revisions as r on r.id = p.revision, json_each(r.definition, '$.extract') as e
          where p.removed = 0 and e.value ->> '$.connector' = ${PUBLISHED_CONNECTOR}
          order by p.name, e.key
        `),
      );
    },

    async getAll(names) {
      const asked = sql`${pipelines.name} in (select value from json_each(${JSON.stringify(names)}))`;
      const found = await storing("read the pipelines", select(asked));
      return new Map(found.map((record) => [record.name, record]));
    },

    async put({ name, origin, revision, faults, rolledBackFrom = null }) {
      const values = { name, origin, revision: revision ?? null, faults, rolledBackFrom };
      const insert = db.insert(pipelines).values(values)
        .onConflictDoUpdate({
          target: pipelines.name,
          set: {
            origin,
            faults,
            removed: false,
            // Files that are wrong are no change of what is in force.
            rolledBackFrom:
              sql`iif(excluded.revision is null, pipelines.rolled_back_from, excluded.rolled_back_from)`,
            revision: sql`coalesce(excluded.revision, pipelines.revision)`,
          },
        });
      await storing(`write pipeline "${name}"`, insert);
    },

    async source(name) {
      const query = db.select({ source: revisions.source }).from(pipelines)
        .innerJoin(revisions, eq(revisions.id, pipelines.revision)).where(eq(pipelines.name, name));
      const [found] = await storing(`read pipeline "${name}"`, query);
      return found?.source ?? undefined;
    },

    async putSource(name, source) {
      const inForce = db.select({ revision: pipelines.revision }).from(pipelines).where(
        eq(pipelines.name, name),
      );
      const update = db.update(revisions).set({ source }).where(sql`${revisions.id} = (${inForce})`);
      await storing(`write pipeline "${name}"`, update);
    },

    // Without its revision: brought back with a fault, it must not run what was removed.
    async remove(name) {
      const update = db.update(pipelines).set({ removed: true, revision: null }).where(
        eq(pipelines.name, name),
      );
      await storing(`remove pipeline "${name}"`, update);
    },
  };
}

function schedulesOf(
  db: Database,
): Pick<PipelineStore, "setPaused" | "scheduleMarks" | "putScheduleMarks" | "forgetScheduleMarks"> {
  return {
    async setPaused(name, paused) {
      const [known] = await storing(
        `write the schedule of "${name}"`,
        db.select({ name: pipelines.name }).from(pipelines)
          .where(and(eq(pipelines.name, name), eq(pipelines.removed, false))),
      );
      if (known === undefined) throw new AppError("not_found", `There is no pipeline "${name}"`);
      const upsert = db.insert(schedules).values({ pipeline: name, paused })
        .onConflictDoUpdate({ target: schedules.pipeline, set: { paused } });
      await storing(`write the schedule of "${name}"`, upsert);
    },

    scheduleMarks: () => storing("read how far schedules are", db.select().from(scheduleFirings)),

    async putScheduleMarks(marks) {
      const upsert = db.run(sql`
        insert into schedule_firings (pipeline, schedule, last_fired_at)
        select value ->> 'pipeline', value ->> 'schedule', max(value ->> 'untilMs')
        from json_each(${JSON.stringify(marks)})
        where value ->> 'pipeline' in (select name from pipelines)
        group by 1, 2
        on conflict (pipeline, schedule)
        do update set last_fired_at = max(last_fired_at, excluded.last_fired_at)
      `);
      await storing("write how far schedules are", upsert);
    },

    async forgetScheduleMarks(marks) {
      const forget = db.run(sql`
        delete from schedule_firings where (pipeline, schedule) in (
          select value ->> 'pipeline', value ->> 'schedule' from json_each(${JSON.stringify(marks)})
        )
      `);
      await storing("forget how far schedules were", forget);
    },
  };
}

function sourcesOf(
  db: Database,
  sealer: Sealer,
): Pick<PipelineStore, "putStreamColumns" | "streamColumns" | "putConnectors" | "connectors"> {
  return {
    async putStreamColumns(pipeline, stream, columns, lease) {
      const upsert = db.run(sql`
        insert into stream_columns (pipeline, stream, columns)
        select ${pipeline}, ${stream}, ${JSON.stringify(columns)}
        where ${lease === undefined ? sql`true` : isHeld(lease)}
        on conflict (pipeline, stream) do update set columns = excluded.columns
      `);
      await storing(`write the columns of "${stream}"`, upsert);
    },

    async streamColumns(pipeline) {
      const query = db.select().from(streamColumns).where(eq(streamColumns.pipeline, pipeline));
      const found = await storing(`read the columns of "${pipeline}"`, query);
      return Object.fromEntries(found.map((row): [string, Column[]] => [row.stream, [...row.columns]]));
    },

    async putConnectors(connectors) {
      const rows = await Promise.all(
        Object.entries(connectors).map(async ([name, entry]) => ({
          name,
          ...await sealConnector(sealer, name, entry),
        })),
      );
      const inserts = rows.map((row) => db.insert(connectorsTable).values(row));
      await storing("write the connectors", db.batch([db.delete(connectorsTable), ...inserts]));
    },

    async connectors() {
      const found = await storing("read the connectors", db.select().from(connectorsTable));
      const opened = found.map(async (row) => [row.name, await openConnector(sealer, row)] as const);
      return Object.fromEntries(await Promise.all(opened));
    },
  };
}
