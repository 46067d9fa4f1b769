import type { ReadMessage, ReadRequest } from "../../../contract/connector/source.ts";
import type { ErrorRecord } from "../../../contract/errors.ts";
import type { ResolvedConnector } from "../../../contract/jobs/job_base.ts";
import type { PackedBatch } from "./packed_batch.ts";

/** What the main thread of a run's process and a thread that reads for it say to each other. */

/** The read, as the thread carries it out with a connection of its own. It holds secrets; it stays in the process. */
export interface ThreadRead {
  readonly type: "read";
  /** The connector's name in connectors.yaml. */
  readonly name: string;
  readonly resolved: ResolvedConnector;
  readonly projectDir: string;
  readonly scratchDir: string;
  readonly request: ReadRequest;
  /** How many messages the thread may send before it hears `more`. */
  readonly credit: number;
}

export type ToThread =
  | ThreadRead
  | { readonly type: "more" }
  | { readonly type: "cancel"; readonly error: ErrorRecord };

export type FromThread =
  | {
    readonly type: "rows";
    readonly stream: string;
    /** The schema as an Arrow IPC stream without batches, where it is another than before. */
    readonly schema?: Uint8Array;
    readonly packed: PackedBatch;
  }
  /** A batch that cannot be packed, as an Arrow IPC stream. */
  | { readonly type: "stream"; readonly stream: string; readonly bytes: Uint8Array }
  | { readonly type: "message"; readonly message: Exclude<ReadMessage, { readonly type: "rows" }> }
  | { readonly type: "log"; readonly level: "debug" | "info" | "warn"; readonly message: string }
  | { readonly type: "end" }
  | { readonly type: "failed"; readonly error: ErrorRecord };
