import { AppError } from "../../../contract/errors.ts";
import type { Session } from "../session/session.ts";
import { earliest, writeLsn } from "./lsn.ts";
import { dropSlot, type SlotStatus, slotStatus } from "./slot.ts";

interface SlotSubject {
  readonly action: string;
  readonly version: number;
  /** Of the slot. */
  readonly name: string;
  /** How far the streams are that go on in the log. */
  readonly positions: readonly bigint[];
  /** The positions of streams that are not followed now. */
  readonly resting: readonly bigint[];
}

/**
 * The slot, where it has all that the tables need; undefined where one is to be made. Throws `invalid` where
 * changes are lost.
 */
export async function usableSlot(
  session: Session,
  { action, version, name, positions, resting }: SlotSubject,
): Promise<SlotStatus | undefined> {
  const status = await slotStatus(session, name, { action, version });
  const from = earliest(positions);
  if (status?.walStatus === "lost") {
    if (from !== undefined) {
      throw lost(
        action,
        `the server has removed its log behind the slot "${name}" (max_slot_wal_keep_size), and with it ` +
          `changes since ${writeLsn(from)}`,
      );
    }
    await dropSlot(session, name, action);
    return undefined;
  }
  if (from === undefined) return status;
  if (status === undefined) {
    throw lost(
      action,
      `there is no slot "${name}" any more, and no record of changes since ${writeLsn(from)}`,
    );
  }
  // A stream that is taken up again later than the slot went on is read again; not where all are behind it.
  if ([...positions, ...resting].every((position) => position < status.confirmed)) {
    throw lost(
      action,
      `the slot "${name}" is at ${writeLsn(status.confirmed)} already, and this pipeline at ${
        writeLsn(from)
      }: ` +
        "somebody else has used it, or it was made anew",
    );
  }
  return status;
}

function lost(action: string, what: string): AppError {
  return new AppError("invalid", `${action}: ${what}; run once with --full-refresh to read the tables anew`);
}
