import type { AuditEntry, AuditOutcome } from "../../../contract/audit/entry.ts";
import type { AuditLine } from "../../../contract/audit/line.ts";

/** The audit log: lines that go on from one another, and are neither changed nor left out. */

export interface NewAuditLine {
  readonly entry: AuditEntry;
  readonly atMs: number;
  /** What it tells of, where that may be told of again: of one origin there is one line. */
  readonly origin?: string;
  /** The intent that is over with it. */
  readonly intent?: string;
}

/** What somebody is about to do. */
export interface AuditIntent {
  readonly id: string;
  readonly atMs: number;
  /** Which process it is that does it. */
  readonly holder: string;
  readonly entry: AuditEntry;
}

/** Where the log ends, or where retention has left it to begin. */
export interface ChainPlace {
  /** 0 where nothing was ever written, or removed. */
  readonly seq: number;
  readonly hash: string;
}

export interface AuditFilter {
  /** An action, or the beginning of one with `*`: `run.*`. */
  readonly action?: string;
  /** A user's name or id; case does not count. */
  readonly actor?: string;
  /** The name of what it was done to, or its kind and name: `user:ann`. */
  readonly target?: string;
  readonly pipeline?: string;
  readonly outcome?: AuditOutcome;
  readonly sinceMs?: number;
  readonly untilMs?: number;
  /** In any text of the line; case does not count. */
  readonly text?: string;
}

export interface AuditStore {
  /**
   * Puts lines behind the last one, in their order, in one transaction; on the disk when it returns. Returns those that
   * are new.
   */
  append(lines: readonly NewAuditLine[]): Promise<AuditLine[]>;
  /** The newest first, before `beforeSeq`. */
  list(
    filter: AuditFilter,
    range: { readonly limit: number; readonly beforeSeq?: number },
  ): Promise<AuditLine[]>;
  /** In order of seq, behind `afterSeq`. */
  read(afterSeq: number, limit: number, filter?: AuditFilter): Promise<AuditLine[]>;
  /** The last line. */
  tip(): Promise<ChainPlace>;
  /** The last line that retention has let go of. */
  anchor(): Promise<ChainPlace>;
  /**
   * Lets go of the lines from before then, but for the last of all and what a reader has not read, and writes the line
   * that says so, in one transaction. Returns how many; 0 where there is nothing to do.
   */
  prune(beforeMs: number, line: (gone: { count: number; upTo: ChainPlace }) => NewAuditLine): Promise<number>;
  /** Removes some of what was let go of; returns how many. */
  removePruned(limit: number): Promise<number>;

  putIntent(intent: AuditIntent): Promise<void>;
  dropIntent(id: string): Promise<void>;
  /** Those of other holders from before then. */
  oldIntents(holder: string, beforeMs: number): Promise<AuditIntent[]>;

  /** How far the reader of this name is; one that is new begins with what is written from now on. */
  cursor(name: string): Promise<number>;
  /** The last line that any reader has dealt with; 0 where there are none. */
  furthestReader(): Promise<number>;
  /** It never goes back. */
  advance(name: string, seq: number): Promise<void>;
  /** Only these readers are left. */
  keepReaders(names: readonly string[]): Promise<void>;
}
