import type { Said } from "./clients.ts";
import type { AttemptFact, Evidence, RunFact } from "./evidence.ts";
import { WINDOWS } from "./project.ts";
import type { Got } from "./receivers.ts";

export interface Witnesses {
  readonly said: Said;
  readonly evidence: Evidence;
  readonly got: readonly Got[];
  /** Processes that are left. */
  readonly processes: readonly number[];
  /** From one firing to the next. */
  readonly everyMs: number;
}

/** What is not as it was promised, in words; nothing where all is well. */
export function faultsOf(witnesses: Witnesses): string[] {
  const { said, evidence, processes, everyMs } = witnesses;
  const faults = [
    ...said.wrong,
    ...runFaults(evidence),
    ...firingFaults(ofPipeline(evidence, "readings"), everyMs),
    ...followingFaults(evidence),
    ...askedFaults(said, evidence),
    ...filledFaults(evidence),
    ...alertFaults(witnesses),
    ...rowFaults(said, evidence),
  ];
  if (processes.length > 0) faults.push(`processes are left: ${processes.join(" ")}`);
  if (evidence.heldSlots > 0) faults.push(`${evidence.heldSlots} slots are still held`);
  if (evidence.strayTables.length > 0) faults.push(`tables are left: ${evidence.strayTables.join(" ")}`);
  if (evidence.litter.length > 0) faults.push(`files are left: ${evidence.litter.join(" ")}`);
  return faults;
}

const ofPipeline = ({ runs }: Evidence, name: string): RunFact[] =>
  runs.filter(({ pipeline }) => pipeline === name);

/** Every run ended once, by one of its attempts. */
function runFaults({ runs, attempts, ends }: Evidence): string[] {
  const faults: string[] = [];
  const byRun = Map.groupBy(attempts, ({ run }) => run);
  for (const run of runs) {
    const own = byRun.get(run.id) ?? [];
    const title = `run ${run.id} of ${run.pipeline}, ${run.state}`;
    const expected = run.pipeline === "shaky" ? ["succeeded", "failed"] : ["succeeded"];
    if (!expected.includes(run.state)) faults.push(`${title}: ${run.error ?? "without an error"}`);
    if (run.owner !== null) faults.push(`${title}, still belongs to ${run.owner}`);
    if (ends.get(run.id) !== 1) faults.push(`${title}, ended ${ends.get(run.id) ?? 0} times`);
    const fault = attemptFault(run, own);
    if (fault !== undefined) faults.push(`${title}, ${fault}: ${own.map(({ state }) => state).join(", ")}`);
  }
  return faults;
}

function attemptFault(run: RunFact, own: readonly AttemptFact[]): string | undefined {
  if (own.some(({ ended_at }) => ended_at === null)) return "has an attempt that goes on";
  if (own.some(({ attempt }, index) => attempt !== index + 1)) return "lacks an attempt";
  if (own.length !== run.attempt) return `has ${own.length} attempts, and says ${run.attempt}`;
  const states = own.map(({ state }) => state);
  if (states.slice(0, -1).includes("succeeded")) return "went on after its success";
  if (states.at(-1) !== run.state) return "is not what its last attempt is";
}

/** Each moment of the schedule has its run, from the first to the last. */
function firingFaults(runs: readonly RunFact[], everyMs: number): string[] {
  const moments = runs.filter(({ trigger }) => trigger === "schedule")
    .map(({ triggered_by }) => Date.parse(triggered_by ?? "")).toSorted((a, b) => a - b);
  const [first = NaN] = moments;
  const faults = moments.flatMap((moment, index) =>
    moment === first + index * everyMs
      ? []
      : [`firing ${index} is ${new Date(moment).toISOString()}, not ${new Date(first + index * everyMs)}`]
  );
  return moments.length === 0 ? ["the schedule never fired"] : faults.slice(0, 3);
}

/** Each success has one run after it, and each run after it has one. */
function followingFaults(evidence: Evidence): string[] {
  const successes = ofPipeline(evidence, "readings").filter(({ state }) => state === "succeeded").map((
    { id },
  ) => id);
  const following = ofPipeline(evidence, "following");
  return [
    ...differences(
      "successes that were followed",
      successes,
      following.map(({ parent }) => parent ?? "none"),
    ),
    ...differences("rows of made.followed", idsOf(following), column(evidence, "followed", 0)),
    ...differences("rows of made.reads", successes, column(evidence, "reads", 0)),
  ];
}

function askedFaults({ asked }: Said, evidence: Evidence): string[] {
  return [
    ...differences("requested runs", [...asked.values()], idsOf(ofPipeline(evidence, "asked"))),
    ...differences("rows of made.asked", [...asked.keys()].map(String), column(evidence, "asked", 1)),
  ];
}

function filledFaults(evidence: Evidence): string[] {
  const runs = ofPipeline(evidence, "filled");
  const windows = new Set(column(evidence, "filled", 1)).size;
  return [
    ...differences("rows of made.filled", idsOf(runs), column(evidence, "filled", 0)),
    ...(windows === WINDOWS && runs.length === WINDOWS
      ? []
      : [`${windows} windows were filled by ${runs.length} runs`]),
  ];
}

/** Each failure was told, once or marked as repeated, to each receiver. */
function alertFaults({ said: { shaky }, evidence, got }: Witnesses): string[] {
  const runs = ofPipeline(evidence, "shaky");
  const faults = differences("requested shaky runs", [...shaky.keys()], idsOf(runs));
  for (const { id, state } of runs) {
    if (shaky.has(id) && (state === "failed") !== shaky.get(id)) faults.push(`run ${id} is ${state}`);
  }
  const failed = runs.filter(({ state }) => state === "failed").map(({ id }) => `failure ${id}`);
  for (const receiver of ["pager", "mails"] as const) {
    const byId = Map.groupBy(got.filter((one) => one.receiver === receiver), ({ id }) => id);
    const told: string[] = [];
    for (const [id, all] of byId) {
      told.push(...all[0]?.events ?? []);
      if (all.slice(1).some(({ isRepeated }) => !isRepeated)) {
        faults.push(`${receiver} got ${id} ${all.length} times, not each marked as repeated`);
      }
    }
    const failures = told.filter((event) => event.startsWith("failure"));
    if (receiver === "pager") faults.push(...differences("failures told to the pager", failed, failures));
    else if (failures.length !== failed.length) {
      faults.push(`${failures.length} of ${failed.length} failures were mailed`);
    }
  }
  const open = evidence.deliveries.filter(({ state }) => state !== "sent");
  if (open.length > 0) {
    faults.push(`${open.length} alerts were not sent: ${JSON.stringify(open.slice(0, 3))}`);
  }
  const sent = new Set(got.map(({ id }) => id)).size;
  if (sent !== evidence.deliveries.length) {
    faults.push(`${sent} of ${evidence.deliveries.length} alerts came`);
  }
  return faults;
}

/** What is in the source, and what was posted, is in the warehouse and in the destination, once. */
function rowFaults({ readings, taken, unknown, refused }: Said, evidence: Evidence): string[] {
  const faults: string[] = [];
  const source = Array.from({ length: readings }, (_, index) => String(index + 1));
  for (const table of tablesOf(evidence, "readings")) {
    faults.push(...differences(`rows of ${table}`, source, column(evidence, table, 0)));
  }
  for (const table of tablesOf(evidence, "orders")) {
    const found = column(evidence, table, 0);
    const known = found.filter((id) => !unknown.has(Number(id)));
    faults.push(...differences(`rows of ${table}`, [...taken].map(String), known));
    faults.push(...differences(`rows of ${table}`, [...new Set(found)], found));
    const bad = found.filter((id) => refused.has(Number(id)));
    if (bad.length > 0) faults.push(`${table} has rows of refused posts: ${bad.join(" ")}`);
  }
  if (evidence.openPosts > 0) faults.push(`${evidence.openPosts} posts are not settled`);
  return faults;
}

/** Of the destination, and of the warehouse where there is one alone. */
const tablesOf = (
  { tables }: Evidence,
  name: string,
): string[] => [name, ...tables.has(`raw.${name}`) ? [`raw.${name}`] : []];
const idsOf = (runs: readonly RunFact[]): string[] => runs.map(({ id }) => id);
const column = ({ tables }: Evidence, table: string, index: number): string[] =>
  (tables.get(table) ?? []).map((row) => row[index] ?? "");

/** As bags: what is there twice is once too often. */
function differences(what: string, expected: readonly string[], found: readonly string[]): string[] {
  const [missing, more] = [minus(expected, found), minus(found, expected)];
  const part = (words: string, list: readonly string[]) =>
    list.length === 0
      ? []
      : [`${what}: ${list.length} of ${expected.length} ${words}, as ${list.slice(0, 4).join(" ")}`];
  return [...part("missing", missing), ...part("too many", more)];
}

function minus(from: readonly string[], what: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const value of what) counts.set(value, (counts.get(value) ?? 0) + 1);
  return from.filter((value) => {
    const count = counts.get(value) ?? 0;
    if (count > 0) counts.set(value, count - 1);
    return count === 0;
  });
}
