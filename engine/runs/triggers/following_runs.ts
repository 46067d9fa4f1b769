import type { Dependencies } from "../../../contract/triggers/after.ts";
import type { DependencyMark } from "../../store/triggers/dependencies.ts";

/** What is known of one pipeline that runs after others. */
export interface Waiting extends Dependencies {
  /** Successes of those, the oldest first. */
  readonly marks: readonly DependencyMark[];
  /** Whether each success has a run of its own, where one of them is enough. */
  readonly oneByOne: boolean;
  /** Whether another run may be queued that is for what has come since. */
  readonly mayWait: boolean;
}

/** A run that is due. Times are epoch milliseconds. */
export interface FollowingRun {
  /** The interval that the successes share; null: from the beginning. */
  readonly startMs: number | null;
  readonly endMs: number;
  /** Whether it was asked for of the runs before. */
  readonly isGiven: boolean;
  /** The runs that it is for. */
  readonly runs: readonly string[];
  /** The newest of each pipeline among them, and those pipelines. */
  readonly keyRuns: readonly string[];
  readonly upstreams: readonly string[];
}

/** The runs that the successes are enough for; `unshared` where there are enough, but for no common interval. */
export function followingRuns(
  waiting: Waiting,
): { readonly runs: readonly FollowingRun[]; readonly unshared: boolean } {
  const given = givenRuns(waiting);
  const marks = waiting.marks.filter(({ isGiven }) => !isGiven);
  const fresh = marks.filter(({ isUsed }) => !isUsed);
  if (!waiting.mayWait || fresh.length === 0) return { runs: given, unshared: false };
  if (waiting.needs === "any") {
    const groups = waiting.oneByOne ? fresh.map((mark) => [mark]) : [fresh];
    return { runs: [...given, ...groups.map((group) => runOf(group, hullOf(group)))], unshared: false };
  }
  const hulls = waiting.pipelines.map((name) => {
    const own = marks.filter(({ upstream }) => upstream === name);
    return own.every(({ isUsed }) => isUsed) ? undefined : hullOf(own);
  });
  const whole = hulls.filter((hull) => hull !== undefined);
  if (whole.length < hulls.length) return { runs: given, unshared: false };
  const shared = {
    startMs: whole.map(({ startMs }) => startMs).reduce(laterOf, null),
    endMs: Math.min(...whole.map(({ endMs }) => endMs)),
  };
  if (shared.startMs !== null && shared.startMs >= shared.endMs) return { runs: given, unshared: true };
  const inside = marks.filter(({ startMs }) => startMs === null || startMs < shared.endMs);
  return { runs: [...given, runOf(inside, shared)], unshared: false };
}

/** Of windows that were asked for, as those of a backfill: one run for each that all have, or one of them has. */
function givenRuns({ needs, pipelines, marks }: Waiting): FollowingRun[] {
  const given = marks.filter(({ isGiven, isUsed }) => isGiven && !isUsed);
  if (needs === "any") return given.map((mark) => runOf([mark], mark));
  const byWindow = Map.groupBy(given, ({ startMs, endMs }) => `${startMs} ${endMs}`);
  return [...byWindow.values()].flatMap((group) => {
    const [first] = group;
    const isWhole = pipelines.every((name) => group.some(({ upstream }) => upstream === name));
    return first === undefined || !isWhole ? [] : [runOf(group, first)];
  });
}

interface Interval {
  readonly startMs: number | null;
  readonly endMs: number;
}

function runOf(marks: readonly DependencyMark[], { startMs, endMs }: Interval): FollowingRun {
  const newest = new Map(marks.map(({ upstream, run }) => [upstream, run]));
  return {
    startMs,
    endMs,
    isGiven: marks.every(({ isGiven }) => isGiven),
    runs: marks.map(({ run }) => run),
    keyRuns: [...newest.values()],
    upstreams: [...newest.keys()].toSorted(),
  };
}

/** The smallest interval that holds all of them. There is one at least. */
function hullOf(marks: readonly DependencyMark[]): Interval {
  const starts = marks.map(({ startMs }) => startMs);
  return {
    startMs: starts.includes(null) ? null : Math.min(...starts.filter((start) => start !== null)),
    endMs: Math.max(...marks.map(({ endMs }) => endMs)),
  };
}

/** Null is before all times. */
function laterOf(one: number | null, other: number | null): number | null {
  if (one === null) return other;
  return other === null ? one : Math.max(one, other);
}
