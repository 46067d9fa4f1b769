import type { FollowProgress } from "../../../contract/connector/changes.ts";
import { formatBytes } from "../../../text/format.ts";
import { parseSize } from "../../../text/size.ts";
import type { PostgresStream } from "../options.ts";
import { writeLsn } from "./lsn.ts";
import type { SlotStatus } from "./slot.ts";

export interface ProgressSubject {
  /** The slot's name. */
  readonly slot: string;
  readonly status: SlotStatus;
  /** Of the streams that share it. */
  readonly options: readonly Pick<PostgresStream["options"], "max_retained_wal">[];
}

/** What the server says of the slot; `position` is where the streams are, by default what the slot has confirmed. */
export function progressOf(
  { slot, status, options }: ProgressSubject,
  { position = status.confirmed, upToMs = null, isCaughtUp = false }: {
    readonly position?: bigint;
    readonly upToMs?: number | null;
    readonly isCaughtUp?: boolean;
  } = {},
): FollowProgress {
  return {
    position: position === 0n ? null : writeLsn(position),
    behindBytes: position === 0n ? null : bytesBetween(position, status.logEnd),
    retainedBytes: status.retainedBytes,
    upToMs,
    isCaughtUp,
    warning: warningOf(slot, status, smallest(options.map((option) => option.max_retained_wal))),
  };
}

export const bytesBetween = (from: bigint, to: bigint): number => Number(to > from ? to - from : 0n);

const smallest = (sizes: readonly string[]): string =>
  sizes.toSorted((a, b) => (parseSize(a) ?? 0) - (parseSize(b) ?? 0))[0] ?? "";

function warningOf(
  slot: string,
  { walStatus, retainedBytes, isActive }: SlotStatus,
  limit: string,
): string | null {
  const drop = `SELECT pg_drop_replication_slot('${slot}');`;
  if (walStatus === "lost") {
    return `The server has removed its log behind the slot ${slot} (max_slot_wal_keep_size): changes are lost; run once ` +
      "with --full-refresh to read the tables anew";
  }
  if (walStatus === "unreserved") {
    return `The slot ${slot} is about to lose its log (max_slot_wal_keep_size): run more often, or raise it`;
  }
  if (retainedBytes <= (parseSize(limit) ?? Number.POSITIVE_INFINITY)) return null;
  const kept = `The slot ${slot} made the server keep ${formatBytes(retainedBytes)} of its log, more than ` +
    `max_retained_wal (${limit})`;
  return isActive
    ? `${kept}: run more often`
    : `${kept}: run its pipeline, or more often; where nothing follows it any more, ${drop}`;
}
