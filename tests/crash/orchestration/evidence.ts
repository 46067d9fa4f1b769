import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as v from "valibot";
import type { TestDatabase } from "../../support/postgres.ts";
import { queryWarehouse } from "../../support/served_project.ts";

/** What is left when all has come to rest: in the control store, the warehouses, the destination and the folders. */
export interface Evidence {
  readonly runs: readonly RunFact[];
  readonly attempts: readonly AttemptFact[];
  /** How often the outbox says of a run that it has ended, by run. */
  readonly ends: ReadonlyMap<string, number>;
  /** Slots of limits that are still held. */
  readonly heldSlots: number;
  readonly deliveries: readonly { readonly id: string; readonly state: string; readonly attempt: number }[];
  /** Posts that nobody has read. */
  readonly openPosts: number;
  /** Table → rows, values as text; of the destination, and `raw.…` of the warehouses. */
  readonly tables: ReadonlyMap<string, readonly (readonly string[])[]>;
  /** Tables of the destination that are none of the pipelines'. */
  readonly strayTables: readonly string[];
  /** Files of the data folders that are nobody's. */
  readonly litter: readonly string[];
}

const runSchema = v.object({
  id: v.string(),
  pipeline: v.string(),
  state: v.string(),
  trigger: v.string(),
  triggered_by: v.nullable(v.string()),
  parent: v.nullable(v.string()),
  attempt: v.number(),
  owner: v.nullable(v.string()),
  error: v.nullable(v.string()),
});
export type RunFact = v.InferOutput<typeof runSchema>;

const attemptSchema = v.object({
  run: v.string(),
  attempt: v.number(),
  state: v.string(),
  ended_at: v.nullable(v.number()),
});
export type AttemptFact = v.InferOutput<typeof attemptSchema>;

const countSchema = v.array(v.object({ run: v.string(), count: v.number() }));
const deliverySchema = v.object({ id: v.string(), state: v.string(), attempt: v.number() });
const oneSchema = v.object({ count: v.number() });

export interface EvidencePlaces {
  readonly storePath: string;
  readonly dataDirs: readonly string[];
  readonly database: TestDatabase;
}

const LEDGER = "_sluice_loads";
const TABLES = new Set([LEDGER, "readings", "reads", "followed", "orders", "asked", "filled"]);

/** To be asked for when no server is there any more. */
export async function gather(places: EvidencePlaces): Promise<Evidence> {
  const { storePath, dataDirs, database } = places;
  using store = new DatabaseSync(storePath, { readOnly: true });
  const all = <T>(schema: v.GenericSchema<unknown, T>, sql: string): T[] =>
    v.parse(v.array(schema), store.prepare(sql).all());
  const count = (sql: string) => v.parse(oneSchema, store.prepare(sql).get()).count;
  const ends = v.parse(
    countSchema,
    store.prepare(`
      select run, count(*) as count from outbox
      where payload ->> 'state' in ('succeeded', 'failed', 'cancelled') group by run`).all(),
  );
  const names = await database.sql<{ name: string }[]>`
    SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'made' ORDER BY 1`;
  const strayTables = names.map(({ name }) => name).filter((name) => !TABLES.has(name));
  const tables = new Map<string, string[][]>();
  for (const { name } of names) {
    if (name === LEDGER || !TABLES.has(name)) continue;
    const rows = await database.sql`SELECT * FROM ${database.sql(`made.${name}`)}`;
    tables.set(name, rows.map((row) => Object.values(row).map(String)));
  }
  const [dataDir, otherDir] = dataDirs;
  // Of several each has what it has read itself.
  if (dataDir !== undefined && otherDir === undefined) {
    for (const [pipeline, table] of [["readings", "readings"], ["orders", "orders"]]) {
      const path = join(dataDir, "warehouse", `${pipeline}.duckdb`);
      tables.set(`raw.${table}`, await queryWarehouse(path, `SELECT id FROM raw.${table}`));
    }
  }
  return {
    runs: all(
      runSchema,
      "select id, pipeline, state, trigger, triggered_by, parent, attempt, owner, error from runs order by seq",
    ),
    attempts: all(attemptSchema, "select run, attempt, state, ended_at from attempts order by run, attempt"),
    ends: new Map(ends.map(({ run, count }) => [run, count])),
    heldSlots: count("select count(*) as count from limit_holders"),
    deliveries: all(deliverySchema, "select id, state, attempt from deliveries"),
    openPosts: count("select count(*) as count from inbox where settled_at is null"),
    tables,
    strayTables,
    litter: (await Promise.all(dataDirs.map(litterIn))).flat(),
  };
}

/** What belongs in a data folder, by the beginning of its path. */
const KNOWN = [
  /^(?:lock|format\.json|\.gitignore|sluice\.key|sluice\.db(?:-wal|-shm)?)$/,
  /^warehouse\/\w+\.duckdb$/,
  // What was being written is written over by the pipeline's next run.
  /^(?:streams|schemas|previews)\/\w+\/[\w.]+\.json(?:\.new)?$/,
];

async function litterIn(dataDir: string): Promise<string[]> {
  const found: string[] = [];
  const look = async (under: string) => {
    for await (const { name, isDirectory } of Deno.readDir(join(dataDir, under))) {
      const path = under === "" ? name : `${under}/${name}`;
      if (isDirectory && !path.startsWith("tmp/")) await look(path);
      else if (!KNOWN.some((known) => known.test(path))) found.push(path);
    }
  };
  await look("");
  return found;
}
