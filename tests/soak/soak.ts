import { equal } from "node:assert/strict";
import { join } from "node:path";
import { acquirePostgres } from "../support/postgres.ts";
import { Served } from "../support/served_project.ts";
import { waitFor } from "../support/sluice_server.ts";
import { processorSeconds, type ProcessSample, sampleProcess } from "./process_sample.ts";
import { growthOf, leaksOf, type Still } from "./verdict.ts";
import { type Shop, soakEnvironment, soakProject, Workload } from "./workload.ts";

/** A process that waits for a next run ends after a minute; connections of the store and of pools before. */
const STILL_WITHIN_MS = 90_000;
const DELIVERED_WITHIN_MS = 30_000;

export interface SoakOptions {
  /** How long runs go on, the warm-up included. */
  readonly durationMs: number;
  /** What the server takes until it has seen everything and its heap has its size. */
  readonly warmUpMs: number;
  /** Between the ends and the beginnings of what is asked for. */
  readonly pauseMs: number;
  readonly sampleEveryMs: number;
  /** How often the pipeline with a schedule is due. */
  readonly everySeconds: number;
  /**
   * Whether the server collects all garbage each time that it collects some. Else its memory goes up and down by 70 MB
   * over some fifty runs: what it holds is seen only where there are many times as many.
   */
  readonly collectsAll: boolean;
  readonly onSample?: (sample: ProcessSample, runs: number) => void;
}

/** Ten minutes for one twentieth of a processor. */
export const LIGHT: SoakOptions = {
  durationMs: 6.5 * 60_000,
  warmUpMs: 90_000,
  pauseMs: 18_000,
  sampleEveryMs: 10_000,
  everySeconds: 120,
  collectsAll: true,
};

export interface SoakReport {
  readonly leaks: readonly string[];
  /** How many were asked for, beside those of the schedule and those after others. */
  readonly runs: number;
  readonly firstRssBytes: number;
  readonly lastRssBytes: number;
  readonly rssGrowth: number;
  readonly before: Still;
  readonly after: Still;
  /** Of the server and its processes. */
  readonly processorSeconds: number;
}

/**
 * Lets a real server do small runs of every kind for a while, and looks at what it holds: while runs go on, and while
 * nothing does, before and after. Throws where a run does not end as it should, or a row or an alert is lost or doubled.
 */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { durationMs, warmUpMs, pauseMs, everySeconds } = options;
  await using database = await createShop();
  const alerts: string[] = [];
  await using receiver = receiveAlerts(alerts);
  const policy = await Deno.makeTempFile({ prefix: "sluice-policy-", suffix: ".yaml" });
  await Deno.writeTextFile(policy, "private_hosts_allow: [127.0.0.1]\n");
  try {
    const url = `http://127.0.0.1:${receiver.addr.port}/`;
    await using served = await Served.start(
      soakProject(database, url, everySeconds),
      { ...soakEnvironment(policy), ...(options.collectsAll ? { DENO_V8_FLAGS: "--gc-global" } : {}) },
    );
    const workload = new Workload(served, database);
    const look = async () => await sampleProcess(served.server.pid, () => database.connections());

    const untilWarmMs = Date.now() + warmUpMs;
    for (let beat = 0; beat < workload.length || Date.now() < untilWarmMs; beat++) {
      await workload.beat();
      await pause(pauseMs);
    }
    const before = await stillness(served, look);

    const stop = new AbortController();
    const samples: ProcessSample[] = [];
    const sampling = (async () => {
      while (!stop.signal.aborted) {
        const sample = await look();
        samples.push(sample);
        options.onSample?.(sample, workload.runs);
        await pause(options.sampleEveryMs, stop.signal);
      }
    })();
    const untilMs = Date.now() + durationMs - warmUpMs;
    while (Date.now() < untilMs) {
      await workload.beat();
      await pause(pauseMs);
    }
    stop.abort();
    await sampling;
    const after = await stillness(served, look);

    await waitFor(
      () => Promise.resolve(alerts.length >= workload.failures * 2 || undefined),
      DELIVERED_WITHIN_MS,
    );
    await workload.compare(alerts);
    equal(await database.copied(), workload.orders, "orders that were loaded");
    return {
      leaks: leaksOf({ samples, before, after }),
      runs: workload.runs,
      ...growthOf(samples),
      before,
      after,
      processorSeconds: await processorSeconds(served.server.pid),
    };
  } finally {
    await Deno.remove(policy);
  }
}

/** Waits until no run goes on and no process waits for one, and looks then. */
async function stillness(served: Served, look: () => Promise<ProcessSample>): Promise<Still> {
  const { server, project } = served;
  const setPaused = (paused: boolean) => server.call("PATCH", "/api/pipelines/due", { paused });
  await setPaused(true);
  let sample = await look();
  const untilMs = Date.now() + STILL_WITHIN_MS;
  while (sample.processes > 0 && Date.now() < untilMs) {
    await pause(1_000);
    sample = await look();
  }
  const names = Array.fromAsync(Deno.readDir(join(project.dataDir, "tmp")), ({ name }) => name);
  const spills = await names.catch(() => []);
  await setPaused(false);
  return { ...sample, spills };
}

function receiveAlerts(events: string[]) {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const body: { readonly events: readonly { readonly event: string }[] } = await request.json();
    events.push(...body.events.map(({ event }) => event));
    return new Response();
  });
}

/** A database of its own with a table of orders, and one that they are copied to. */
async function createShop(): Promise<Shop & AsyncDisposable & { copied(): Promise<number> }> {
  const postgres = await acquirePostgres();
  const database = await postgres.createDatabase();
  const { sql } = database;
  await sql`CREATE TABLE orders (id integer PRIMARY KEY, at timestamptz DEFAULT now())`;
  return {
    url: database.url,
    async addOrder(id) {
      await sql`INSERT INTO orders (id) VALUES (${id})`;
    },
    async connections() {
      const [row] = await sql`
        SELECT count(*)::int AS n FROM pg_stat_activity
        WHERE datname = current_database() AND application_name ILIKE 'sluice%'
      `;
      return Number(row?.["n"]);
    },
    async copied() {
      const [row] = await sql`SELECT count(*)::int AS n FROM orders_copy`;
      return Number(row?.["n"]);
    },
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await postgres[Symbol.asyncDispose]();
    },
  };
}

async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal?.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}
