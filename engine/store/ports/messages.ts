import type { Run } from "../../../contract/run.ts";

/** What comes into the control store from outside, and what it tells of runs. */

/** A change of a run's state, written with it: `run` is as the change left it. */
export interface OutboxEvent {
  readonly seq: number;
  readonly kind: "run";
  readonly run: Run;
  readonly createdAtMs: number;
}

/** What everything that reacts to runs reads: whoever keeps the last `seq` misses nothing. */
export interface Outbox {
  /** In order of seq. */
  read(afterSeq: number, limit: number): Promise<OutboxEvent[]>;
  /** 0 where nothing has ever been written. */
  lastSeq(): Promise<number>;
  /** How far the reader of this name is; one that is new begins at the end, and is written down. */
  cursor(name: string): Promise<number>;
  /** The reader has dealt with all up to and with this one. It never goes back. */
  advance(name: string, seq: number): Promise<void>;
  /** There is no reader of this name any more: nothing is kept for it. */
  forgetReader(name: string): Promise<void>;
  /** Those up to and with this one have reached whom they are for. */
  markDelivered(uptoSeq: number, atMs: number): Promise<void>;
}

export interface InboxMessage {
  readonly hook: string;
  /** Tells one delivery from its repeats. */
  readonly key: string;
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly receivedAtMs: number;
}

/** A hook with bodies that are not in its pipeline's warehouse yet, as far as is known. */
export interface OpenHook {
  readonly hook: string;
  /** Of the newest of them. */
  readonly lastSeq: number;
  readonly count: number;
}

/** A message as the inbox has it. */
export interface StoredMessage {
  readonly seq: number;
  readonly receivedAtMs: number;
  readonly sizeBytes: number;
  /** As its sender said; empty where it said nothing. */
  readonly contentType: string;
  /** Null while somebody may wait for it. */
  readonly settledAtMs: number | null;
  /** Who dropped it; null where nobody has. */
  readonly droppedBy: string | null;
}

export interface InboxFilter {
  /** Only those before this place. */
  readonly before?: number;
  /** Only those behind this place that are not settled. */
  readonly openAfter?: number;
  readonly limit: number;
}

export interface InboxFigures {
  readonly count: number;
  readonly sizeBytes: number;
  readonly oldestAtMs: number | null;
  /** Of all that are kept. */
  readonly newestAtMs: number | null;
}

/** Bodies of webhooks. They stay until they are settled and old, so that a stream may go by their `seq`. */
export interface Inbox {
  /**
   * On the disk when it returns. `isNew: false`, and the first one's place, where the hook has had this key already;
   * `isSame` says whether that had the same body.
   */
  put(message: InboxMessage): Promise<{ seq: number; isNew: boolean; isSame: boolean }>;
  /** The hook's next message behind this place, settled or not, but dropped ones; undefined where there is none yet. */
  after(hook: string, seq: number): Promise<(InboxMessage & { readonly seq: number }) | undefined>;
  /** Hooks with messages that are not settled. */
  open(): Promise<OpenHook[]>;
  /** The hook's messages without their bodies, the newest first. */
  list(hook: string, filter: InboxFilter): Promise<StoredMessage[]>;
  /** One of the hook with its body; undefined where it is not there. */
  get(hook: string, seq: number): Promise<(StoredMessage & Pick<InboxMessage, "body">) | undefined>;
  /** What is not settled and has a greater place than this, and the newest of all. */
  figures(hook: string, afterSeq: number): Promise<InboxFigures>;
  /**
   * Forgets the body of a message that is not settled, which nobody is given any more; its key stays known. False where there is
   * none.
   */
  drop(hook: string, seq: number, by: string, atMs: number): Promise<boolean>;
  /** Nobody waits for the hook's messages up to and with this one any more. */
  settle(hook: string, uptoSeq: number, atMs: number): Promise<void>;
}
