/** The number of one transaction, the same on every server that replicates it. */
export interface Gtid {
  /** Of MariaDB the domain, of MySQL the UUID of the server where it was committed. */
  readonly origin: string;
  /** The number of the server where it was committed. */
  readonly server: number;
  readonly sequence: bigint;
}

/** What was committed up to one place of a server's log, by the transactions' numbers. */
export interface GtidSet {
  /** As its server writes it, sorted: the same text for the same set. */
  readonly text: string;
  /** Adds the transaction that comes next in the log. */
  add(gtid: Gtid): void;
}

/** Transactions of one server's log that were taken from another server's already. */
export interface TakenGtids {
  /** Undefined where none is left that may still come. */
  readonly text: string | undefined;
  /** Whether the transaction, which is the next in the log, is one of them. */
  take(gtid: Gtid): boolean;
  /** What should have come by the end of the log and did not; undefined where all is there. */
  missing(): string | undefined;
}
