import { fail } from "node:assert/strict";
import { join } from "node:path";
import type { PipelineSummary } from "../../../contract/run.ts";
import { acquirePostgres } from "../../support/postgres.ts";
import { randomFrom } from "../../support/random.ts";
import { waitFor } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";
import { Clients } from "./clients.ts";
import { gather } from "./evidence.ts";
import { pause, Place } from "./places.ts";
import { filesOf, HOOK_SECRET, PIPELINES } from "./project.ts";
import { Receivers } from "./receivers.ts";
import { makeTrouble, pickTrouble } from "./troubles.ts";
import { faultsOf } from "./verdict.ts";

/**
 * A server under load of every kind that is killed at random moments, with its processes or without, at its start and as it
 * stops; in the end all that it took on must have happened once.
 */

export interface OrchestrationOptions {
  readonly seed: number;
  /** How often something is done to a server. */
  readonly troubles: number;
  /** On one store; each has warehouses of its own. */
  readonly servers: number;
  /** From one trouble to the next at the most. */
  readonly pauseMs: number;
  /** From one firing of the schedule to the next. */
  readonly everyMs: number;
  readonly onTrouble: (line: string) => void;
}

export interface OrchestrationReport {
  /** Processes that were killed. */
  readonly killed: number;
  readonly runs: number;
  readonly lost: number;
  readonly posts: number;
  readonly alerts: number;
  readonly repeated: number;
  readonly faults: readonly string[];
}

/** So long a process is frozen at the most. */
const SHORT_MS = 2_500;
/** Longer than a lease, so that the other server takes its runs. */
const LONG_MS = 50_000;
/** Where nothing ends for so long nothing will any more; a lease of a server that died takes half a minute. */
const STUCK_MS = 120_000;
/** A process of a run sees in no time that its server is gone; in a long query within some seconds. */
const LINGER_MS = 15_000;

export async function runOrchestration(options: OrchestrationOptions): Promise<OrchestrationReport> {
  const { seed, troubles, servers, pauseMs, everyMs, onTrouble } = options;
  const random = randomFrom(seed);
  await using postgres = await acquirePostgres();
  await using database = await postgres.createDatabase();
  await database.sql`CREATE TABLE readings (id bigint PRIMARY KEY, name text)`;
  await using receivers = new Receivers();
  await using project = await TestProject.create(
    filesOf({ databaseUrl: database.url, alertUrl: receivers.url, mailPort: receivers.mailPort, everyMs }),
  );
  const { projectDir, folder } = project;
  const policy = join(folder, "policy.yaml");
  await Deno.writeTextFile(policy, "private_hosts_allow: [127.0.0.1]\n");
  const storePath = servers === 1 ? join(project.dataDir, "sluice.db") : join(folder, "shared.db");
  const environment = {
    SLUICE_SECRET_HOOK: HOOK_SECRET,
    SLUICE_POLICY: policy,
    // With processes that wait for runs, and without.
    SLUICE_READY_PROCESSES: String(seed % 3),
    ...(servers === 1 ? {} : { SLUICE_STORE_URL: `file:${storePath}` }),
  };
  const dataDirs = Array.from(
    { length: servers },
    (_, n) => n === 0 ? project.dataDir : join(folder, `data${n}`),
  );
  const places = dataDirs.map((dataDir) => new Place(projectDir, dataDir, storePath, environment));
  const clients = new Clients({ places, database, random: randomFrom(seed + 1) });
  let killed = 0;
  try {
    for (const place of places) await place.start();
    await inForce(places);
    clients.start();
    for (let n = 0; n < troubles; n++) {
      await pause(random() * pauseMs);
      const place = places[Math.floor(random() * places.length)];
      if (place === undefined) continue;
      const trouble = pickTrouble(random);
      onTrouble(`${n + 1}: ${trouble}`);
      killed += await makeTrouble(trouble, place, random, servers > 1 ? LONG_MS : SHORT_MS);
    }
    await clients.stop();
    const isAtRest = await comeToRest(places);
    const output: string[] = [];
    for (const place of places) output.push(await place.stop());
    const processes = (await Promise.all(places.map((place) => place.processes()))).flat();
    const evidence = await gather({ storePath, dataDirs, database });
    const got = receivers.got();
    const faults = faultsOf({ said: clients.said, evidence, got, processes, everyMs });
    if (!isAtRest) faults.unshift(`it did not come to rest:\n${tailOf(output)}`);
    return {
      killed,
      runs: evidence.runs.length,
      lost: evidence.attempts.filter(({ state }) => state === "lost").length,
      posts: clients.said.taken.size,
      alerts: evidence.deliveries.length,
      repeated: got.filter(({ isRepeated }) => isRepeated).length,
      faults,
    };
  } finally {
    await clients.stop();
    for (const place of places) {
      await place.kill();
      await waitFor(async () => (await place.processes()).length === 0 || undefined, LINGER_MS);
    }
  }
}

/** On a busy machine the server serves before it has checked all of the project. */
async function inForce([place]: readonly Place[]): Promise<void> {
  const arePresent = async () =>
    (await place?.server?.call<unknown[]>("GET", "/api/pipelines"))?.length === PIPELINES || undefined;
  if (await waitFor(arePresent, STUCK_MS) === undefined) fail("the pipelines are not in force");
}

const tailOf = (output: readonly string[]): string => output.join("\n").split("\n").slice(-20).join("\n");

/** Nothing new comes; what is there is seen to its end. Returns whether that came. */
async function comeToRest(places: readonly Place[]): Promise<boolean> {
  const [server] = places.flatMap(({ server }) => server === undefined ? [] : [server]);
  if (server === undefined) return false;
  await server.call<PipelineSummary>("PATCH", "/api/pipelines/readings", { paused: true });
  // What was read last is not yet all that there is.
  await server.trigger("readings");
  const countOf = async (path: string) => (await server.call<unknown[]>("GET", `${path}&limit=500`)).length;
  let open = NaN;
  let quiet = 0;
  for (let sinceMs = Date.now(); quiet < 4 && Date.now() - sinceMs < STUCK_MS;) {
    const counts = await Promise.all(
      ["/api/runs?state=queued", "/api/runs?state=running", "/api/deliveries?state=waiting"].map(countOf),
    );
    const now = counts.reduce((sum, count) => sum + count);
    if (now !== open) sinceMs = Date.now();
    open = now;
    // What follows on what has just ended is there within a moment.
    quiet = open === 0 ? quiet + 1 : 0;
    await pause(300);
  }
  return open === 0;
}
