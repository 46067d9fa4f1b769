import type { FunctionProgram } from "../../../connectors/script/functions/function_sandbox.ts";
import type { LogLevel } from "../../../contract/log.ts";

/** What the main thread of a run's process and the thread that calls its functions of SQL say to each other. */

/**
 * Memory that both threads see: while the main thread waits on it, nothing else can reach it. `state` has two words: whether
 * there is an answer, and its bytes.
 */
export interface SharedAnswer {
  readonly state: Int32Array<SharedArrayBuffer>;
  /** Grows with the answers. */
  readonly bytes: SharedArrayBuffer;
}

/** Values of the first word; an error is an ErrorRecord as JSON. */
export const ANSWER = { none: 0, results: 1, error: 2 } as const;

/** An answer is at most as large as a frame. */
export const MAX_ANSWER_BYTES = 128 * 1024 * 1024;

export type ToFunctions =
  | { readonly type: "begin"; readonly functions: readonly FunctionProgram[]; readonly answer: SharedAnswer }
  /** The answer comes by the memory. */
  | { readonly type: "call"; readonly index: number; readonly payload: Uint8Array<ArrayBuffer> }
  | { readonly type: "memory"; readonly pid: number; readonly bytes: number | null }
  | { readonly type: "end" };

export type FromFunctions =
  | { readonly type: "ready" }
  | { readonly type: "log"; readonly level: LogLevel; readonly message: string }
  /** How much memory has the process? */
  | { readonly type: "memory"; readonly pid: number }
  | { readonly type: "ended" };
