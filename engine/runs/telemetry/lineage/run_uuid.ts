import { createHash } from "node:crypto";
import type { Run } from "../../../../contract/run.ts";
import { hexOfUlid } from "../trace_ids.ts";

/**
 * Ids of runs as OpenLineage has them, of UUID's version 7: the time first, as in a ULID. They follow from the run, so
 * that what is sent twice is the same.
 */

/** Of the run itself: another one after each retry that was asked for, since a run that has ended does not begin again. */
export function runUuid({ id, created_at, retried_after: retriedAfter }: IdentifiedRun): string {
  const ulid = retriedAfter === undefined ? hexOfUlid(id) : undefined;
  return asUuid(ulid ?? timeHex(created_at) + hash(id, "run", retriedAfter ?? 0));
}

/** Of what an attempt did of a step. */
export function stepUuid(run: IdentifiedRun, attempt: number, step: string, startedAt: string): string {
  return asUuid(timeHex(startedAt) + hash(run.id, attempt, step));
}

type IdentifiedRun = Pick<Run, "id" | "created_at" | "retried_after">;

const timeHex = (time: string): string => Date.parse(time).toString(16).padStart(12, "0");

const hash = (...words: readonly (string | number)[]): string =>
  createHash("sha256").update(JSON.stringify(words)).digest("hex").slice(0, 20);

/** 32 hexadecimal digits with the bits of version 7 and of the variant set. */
function asUuid(hex: string): string {
  const variant = ((parseInt(hex[16] ?? "0", 16) & 3) | 8).toString(16);
  const set = `${hex.slice(0, 12)}7${hex.slice(13, 16)}${variant}${hex.slice(17)}`;
  return set.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
