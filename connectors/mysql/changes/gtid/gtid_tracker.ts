import { EVENT, type LogEvent, readMariadbGtid, readMysqlGtid } from "../log/log_event.ts";
import type { Gtid, GtidSet } from "./gtid.ts";
import { MysqlGtids } from "./mysql_gtids.ts";

/** Keeps what was committed up to the place that was reached in a log, as far as that is known. */
export class GtidTracker {
  #set: GtidSet | undefined;
  #open: Gtid | undefined;

  constructor(set: GtidSet | undefined) {
    this.#set = set;
  }

  /** Undefined where it is not known. */
  get text(): string | undefined {
    return this.#set?.text;
  }

  /** Takes what is known of the place that was reached, where nothing was known so far. */
  learn(set: GtidSet | undefined): void {
    this.#set ??= set;
  }

  /** Takes an event that says something of numbers. Returns that of the transaction that begins with it. */
  see(event: LogEvent): Gtid | undefined {
    switch (event.type) {
      case EVENT.mariadbGtid:
        return this.#open = readMariadbGtid(event).gtid;
      case EVENT.gtid:
        return this.#open = readMysqlGtid(event);
      case EVENT.previousGtids:
        this.learn(MysqlGtids.decode(event.body));
        return undefined;
      case EVENT.anonymousGtid:
      case EVENT.gtidTagged:
        // Transactions without a number of the kind that is known leave no set behind.
        this.#set = undefined;
        return undefined;
      default:
        return undefined;
    }
  }

  /** The transaction has ended, committed or not: its number is used up. */
  end(): void {
    if (this.#open !== undefined) this.#set?.add(this.#open);
    this.#open = undefined;
  }
}
