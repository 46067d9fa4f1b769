import { SERVER_KINDS, type ServerKind } from "../../../contract/alerts/problem.ts";
import { durationMs } from "../../../contract/pipeline/words.ts";
import { type SensorDefinition, sensorKey, sensorProblem } from "../../../contract/triggers/sensors.ts";
import type { Run } from "../../../contract/run.ts";
import { formatDuration } from "../../../text/format.ts";
import type { Store } from "../../store/store.ts";
import { schedulesOf } from "../../../contract/pipeline/schedule.ts";
import type { AlertDesk } from "./alert_desk.ts";
import type { MissedRuns } from "./missed_runs.ts";
import type { Recipients } from "./recipients.ts";

/** More runs of a pipeline than this do not wait at a time but for a backfill. */
const MOST_ACTIVE = 100;

/** What time alone says: runs that should have ended, and data that is too old. Looks at all pipelines. */
export async function noteTime(
  desk: AlertDesk,
  recipients: Recipients,
  store: Store,
  missed: MissedRuns,
  nowMs: number,
): Promise<void> {
  const records = await store.pipelines.list();
  const names = new Set(records.map(({ name }) => name));
  for (const problem of desk.open) {
    if (problem.pipeline !== null && !names.has(problem.pipeline)) desk.drop(problem, nowMs);
  }
  for (const record of records) {
    const { name, paused } = record;
    const wishes = await recipients.wishes(record);
    const { late_after: lateAfter, freshness, sensors = [] } = wishes;
    const missedMs = (untilMs: number) => missed.find(record, schedulesOf(wishes), untilMs, nowMs);
    await noteLate(desk, store, { pipeline: name, afterMs: msOf(lateAfter), nowMs }, missedMs);
    await noteStale(desk, store, { pipeline: name, afterMs: msOf(freshness), nowMs });
    // A paused one looks for nothing: what was wrong stays.
    if (!paused) {
      await noteSensors(desk, store, { pipeline: name, sensors, nowMs });
    }
  }
}

const msOf = (duration: string | undefined): number | undefined =>
  duration === undefined ? undefined : durationMs(duration);

interface Moment {
  readonly pipeline: string;
  /** Undefined where the definition wants none of it. */
  readonly afterMs: number | undefined;
  readonly nowMs: number;
}

/** Runs that are late, and where none is the firing up to a moment that has no run at all. */
async function noteLate(
  desk: AlertDesk,
  store: Store,
  { pipeline, afterMs, nowMs }: Moment,
  missedMs: (untilMs: number) => Promise<number | undefined>,
): Promise<void> {
  const known = desk.find(pipeline, "late");
  if (afterMs === undefined) return known === undefined ? undefined : desk.drop(known, nowMs);
  const late = (await activeRuns(store, pipeline))
    .filter((run) => !isOfBackfill(run) && nowMs - dueMs(run) > afterMs)
    .sort((a, b) => a.id < b.id ? -1 : 1)[0];
  const none = { message: "no run is late any more", atMs: nowMs };
  if (late === undefined) {
    const missedAtMs = await missedMs(nowMs - afterMs);
    if (missedAtMs === undefined) return await desk.settle(pipeline, "late", none);
    const message =
      `no run was made for its schedule's time ${new Date(missedAtMs).toISOString()}: the server was ` +
      `down then, or its log says why; late_after is ${formatDuration(afterMs)}`;
    const counts = known?.message !== message;
    return await desk.raise({ kind: "late", subject: pipeline, message, atMs: nowMs, counts });
  }
  if (known?.run === late.id) return;
  const message = `a run that was due at ${new Date(dueMs(late)).toISOString()} is still ${late.state} ` +
    `after ${formatDuration(nowMs - dueMs(late))}: late_after is ${formatDuration(afterMs)}`;
  await desk.raise({ kind: "late", subject: pipeline, message, run: late, atMs: nowMs, counts: true });
}

async function activeRuns(store: Store, pipeline: string): Promise<Run[]> {
  const of = (state: "queued" | "running") => store.runs.list({ pipeline, state, limit: MOST_ACTIVE });
  return [...await of("running"), ...await of("queued")];
}

/** Its windows lie in the past: when each of them is done is no question of time. */
const isOfBackfill = ({ window_given, trigger }: Run): boolean => window_given || trigger === "backfill";

/** When it should have begun: by its schedule, where it says when that was, else when it was asked for. */
function dueMs({ trigger, triggered_by, created_at }: Run): number {
  const firedMs = trigger === "schedule" && triggered_by !== null ? Date.parse(triggered_by) : NaN;
  return Number.isNaN(firedMs) ? Date.parse(created_at) : firedMs;
}

async function noteStale(desk: AlertDesk, store: Store, { pipeline, afterMs, nowMs }: Moment): Promise<void> {
  const known = desk.find(pipeline, "stale");
  if (afterMs === undefined) return known === undefined ? undefined : desk.drop(known, nowMs);
  const lastMs = await store.runs.lastWindowEndMs(pipeline);
  const ageMs = lastMs === null ? 0 : nowMs - lastMs;
  if (ageMs <= afterMs || lastMs === null) {
    return await desk.settle(pipeline, "stale", { message: "its data is fresh again", atMs: nowMs });
  }
  const message = `its data is of ${new Date(lastMs).toISOString()}, ${formatDuration(ageMs)} old: ` +
    `freshness is ${formatDuration(afterMs)}`;
  await desk.raise({ kind: "stale", subject: pipeline, message, atMs: nowMs, counts: known === undefined });
}

/** Files that cannot be looked for, or of which none is new within the sensor's timeout. */
async function noteSensors(
  desk: AlertDesk,
  store: Store,
  { pipeline, sensors, nowMs }: {
    readonly pipeline: string;
    readonly sensors: readonly SensorDefinition[];
    readonly nowMs: number;
  },
): Promise<void> {
  const known = desk.find(pipeline, "sensor");
  if (sensors.length === 0) return known === undefined ? undefined : desk.drop(known, nowMs);
  const states = new Map((await store.sensors.states(pipeline)).map((state) => [state.sensor, state]));
  const problems = sensors.flatMap((sensor) => {
    const state = states.get(sensorKey(sensor));
    return state === undefined ? [] : sensorProblem(sensor, state, nowMs) ?? [];
  });
  if (problems.length > 0) {
    const message = problems.join("; ");
    await desk.raise({
      kind: "sensor",
      subject: pipeline,
      message,
      atMs: nowMs,
      counts: known === undefined,
    });
  } else await desk.settle(pipeline, "sensor", { message: "what it waits for is found again", atMs: nowMs });
}

/** What is wrong with the server itself, as it has found it. */
export interface ServerProblem {
  /** As its problems are called. */
  readonly name: string;
  /** What is wrong with the disk of its data folder. */
  readonly lowDisk: () => string | undefined;
  /** What is wrong with the certificate that it shows; nothing by default. */
  readonly certificate?: (() => string | undefined) | undefined;
  /** Why definitions cannot be pulled; nothing by default. */
  readonly definitions?: (() => string | undefined) | undefined;
}

export async function noteServer(
  desk: AlertDesk,
  { name, lowDisk, certificate = () => undefined, definitions = () => undefined }: ServerProblem,
  nowMs: number,
): Promise<void> {
  const full = lowDisk();
  const unread = definitions();
  const found = {
    disk: [full && `no run begins: ${full}`, "the disk has room again: runs begin"],
    certificate: [certificate(), "the server's certificate is good again"],
    definitions: [
      unread && `definitions stay as they were: ${unread}`,
      "definitions are pulled again",
    ],
  } satisfies Record<ServerKind, readonly [string | undefined, string]>;
  const subject = { server: name };
  for (const kind of SERVER_KINDS) {
    const [message, over] = found[kind];
    const known = desk.find(subject, kind);
    if (message === undefined) await desk.settle(subject, kind, { message: over, atMs: nowMs });
    else if (known?.message !== message) {
      await desk.raise({ kind, subject, message, atMs: nowMs, counts: known === undefined });
    }
  }
}
