import { createHash } from "node:crypto";
import type { Run } from "../../../contract/run.ts";
import { formatTraceparent, parseTraceparent } from "../../../contract/runs/traceparent.ts";

/**
 * Ids that follow from a run, so that what is sent once more after a crash is known to be the same. Trace and span ids
 * are lower case hexadecimal, as W3C Trace Context has them.
 */

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** The trace that the run is a part of: that of its request, or its own, whose id has the 128 bits of the run's. */
export function traceIdOf({ id, traceparent }: Pick<Run, "id" | "traceparent">): string {
  return parseTraceparent(traceparent)?.traceId ?? hexOfUlid(id) ?? sha256(id).slice(0, 32);
}

/** Of the part of a run that these words name. */
export function spanIdOf(...words: readonly (string | number)[]): string {
  return sha256(JSON.stringify(words)).slice(0, 16);
}

/** The span of the run itself: another one after each retry that was asked for. */
export function runSpanId(
  { id, retried_after: retriedAfter = 0 }: Pick<Run, "id" | "retried_after">,
): string {
  return spanIdOf(id, "run", retriedAfter);
}

/** The span of one of its attempts. */
export function attemptSpanId(runId: string, attempt: number): string {
  return spanIdOf(runId, "attempt", attempt);
}

/** The span of the run's newest attempt, for those that it asks something; sampled unless its caller has decided otherwise. */
export function attemptTraceparent(run: Pick<Run, "id" | "attempt" | "traceparent">): string {
  const { isSampled = true } = parseTraceparent(run.traceparent) ?? {};
  return formatTraceparent({
    traceId: traceIdOf(run),
    spanId: attemptSpanId(run.id, run.attempt),
    isSampled,
  });
}

/** 32 digits; undefined for what is no ULID. */
export function hexOfUlid(id: string): string | undefined {
  if (!ULID.test(id)) return undefined;
  let bits = 0n;
  for (const character of id) bits = (bits << 5n) | BigInt(CROCKFORD.indexOf(character));
  return bits === 0n ? undefined : bits.toString(16).padStart(32, "0");
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
