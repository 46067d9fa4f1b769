import type { ChangeTransaction } from "../../../../contract/connector/changes.ts";
import { EVENT, type LogEvent } from "./log_event.ts";
import type { PlacedEvent } from "./log_reader.ts";
import { type Place, writePlace } from "./place.ts";

/** A transaction that is being read. */
export interface OpenTransaction extends ChangeTransaction {
  readonly start: Place;
  /** Whether it goes on behind its next statement. */
  isOpen: boolean;
  /** Whether anything of it was taken. */
  hasTaken: boolean;
}

/** It begins with the event. `isOpen`: it has more than one statement. */
export const beginTransaction = ({ start, timestamp }: PlacedEvent, isOpen: boolean): OpenTransaction => ({
  start,
  position: writePlace(start),
  committedAtUs: BigInt(timestamp) * 1_000_000n,
  isOpen,
  hasTaken: false,
});

const BEGINS: ReadonlySet<number> = new Set([
  EVENT.mariadbGtid,
  EVENT.gtid,
  EVENT.anonymousGtid,
  EVENT.gtidTagged,
]);

/** Whether it stands where a transaction begins. */
export const beginsTransaction = ({ type }: LogEvent): boolean => BEGINS.has(type);

/** What says nothing of rows: settings of statements, comments, numbers of transactions, marks of the file. */
const PASSED_OVER: ReadonlySet<number> = new Set([
  EVENT.stop,
  EVENT.intvar,
  EVENT.slave,
  EVENT.rand,
  EVENT.userVar,
  EVENT.beginLoadQuery,
  EVENT.ignorable,
  EVENT.rowsQuery,
  EVENT.previousGtids,
  EVENT.transactionContext,
  EVENT.viewChange,
  EVENT.annotateRows,
  EVENT.binlogCheckpoint,
  EVENT.gtidList,
  EVENT.startEncryption,
]);

/** What an event is that must not be passed over, though it is none of those that are read; undefined where it may. */
export function whyNotPassedOver({ type, isIgnorable }: LogEvent): string | undefined {
  switch (type) {
    case EVENT.incident:
      return "a mark that the server has lost changes";
    case EVENT.transactionPayload:
      return "a compressed transaction (binlog_transaction_compression = OFF ends them)";
    case EVENT.partialUpdateRows:
      return "parts of JSON documents (binlog_row_value_options = '' ends them)";
    default:
      return PASSED_OVER.has(type) || isIgnorable
        ? undefined
        : `an event of the kind ${type}, which is not known here`;
  }
}
