import type { FunctionType } from "../../../contract/pipeline/function_type.ts";

/**
 * What goes between a run's process and a sandbox, over the sandbox's stdin and stdout: frames of a head of 16 bytes (the
 * length of what follows as uint32, little-endian, a byte for the kind, three of zero, eight of a key) and as many
 * bytes. The key is made anew for each sandbox: what else gets into its stdout is no frame.
 */

export const HEAD_BYTES = 16;
export const KEY_BYTES = 8;
/** The most bytes of a frame. */
export const MAX_FRAME_BYTES = 128 * 1024 * 1024;

/** From the run's process. */
export const ORDER = {
  /** JSON: see Order. The first of all. */
  start: 1,
  /** The code of the module, UTF-8. The second. */
  module: 2,
  /** Nobody waits for the result any more. */
  stop: 3,
  /** A number of a request, then JSON: see AnswerHead. */
  answer: 4,
  /** A number of a request, then bytes of its answer: one such frame for each `pull`. */
  piece: 5,
  /** A number of a request, whose answer has no more bytes. */
  answered: 6,
  /** A number of a request, then JSON: see RequestFailure. In the place of all that would come. */
  unanswered: 7,
  /**
   * Rows, see row_texts.ts. For a destination the next ones follow when these are taken; for a source, whose input they
   * are, when it wants more.
   */
  batch: 20,
  /** All rows were sent. */
  lastBatch: 21,
  /** Arguments of calls of a function of SQL, a row a call: see call_layout.ts. */
  calls: 22,
  /** A number, then the length of what follows as uint32, JSON as SignableHead, and the body: a request to be signed. */
  sign: 40,
} as const;

/** From the sandbox. */
export const REPORT = {
  /** JSON: {level, message}. */
  log: 1,
  /** Rows, see batch_layout.ts. */
  rows: 2,
  /** JSON of any kind: everything before it belongs together with this state. */
  state: 3,
  /** JSON: {rows}, how many there were. Exactly the last frame of a script that came to its end. */
  end: 4,
  /** JSON: see ScriptFailure. The last frame of any other. */
  failure: 5,
  /** Rows that the script had as Arrow, see arrow_layout.ts. */
  arrow: 6,
  /** A number, then the length of what follows as uint32, JSON as RequestHead, and the body: a request of ctx.fetch. */
  request: 7,
  /** A number of a request, more of whose answer is wanted. */
  pull: 8,
  /** A number of a request, of which nothing more is wanted. */
  cancel: 9,
  /** JSON: {rejected}, pairs of a row's place in the batch and a reason. The script wants the next batch. */
  taken: 20,
  /** The script wants the next rows of its input, or to know that there are none. */
  more: 21,
  /** What the calls returned, as rows of one column. */
  results: 23,
  /** A script that signs, or a function of SQL, has come up. Nothing follows that matters. */
  ready: 39,
  /** The number of a request to be signed, then JSON: see SignatureText. */
  signed: 40,
  /** The number of a request to be signed, then JSON: see ScriptFailure. */
  unsigned: 41,
} as const;

/** The most requests under way at a time. */
export const MAX_REQUESTS = 32;
export const MAX_REQUEST_BYTES = 64 * 1024 * 1024;

export interface RequestHead {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly redirect: "follow" | "manual" | "error";
  readonly hasBody: boolean;
}

export interface AnswerHead {
  readonly url: string;
  readonly isRedirected: boolean;
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [string, string])[];
}

export const REQUEST_CODES = ["invalid", "forbidden", "unavailable", "timeout"] as const;
export type RequestCode = (typeof REQUEST_CODES)[number];

export interface RequestFailure {
  readonly code: RequestCode;
  readonly message: string;
}

/** A request that is about to be sent. */
export interface SignableHead {
  readonly method: string;
  readonly url: string;
  /** By their names in lower case, and `host`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** What a script wants a request to have beside what it has. */
export interface SignatureText {
  readonly headers: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, string | readonly string[]>>;
  /** The whole address with another query; null where it stays. */
  readonly url: string | null;
}

/** JSON behind its length, and bytes behind that. */
export function headAndBody(head: unknown, body: Uint8Array = new Uint8Array()): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(4 + json.length + body.length);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 4);
  bytes.set(body, 4 + json.length);
  return bytes;
}

/** A payload that begins with the number of a request. */
export function numbered(id: number, bytes: Uint8Array = new Uint8Array()): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(4 + bytes.length);
  new DataView(payload.buffer).setUint32(0, id, true);
  payload.set(bytes, 4);
  return payload;
}

/** What a script is run for. */
export interface Order {
  /** Sixteen hexadecimal digits, before each frame of the sandbox's. */
  readonly key: string;
  /** The script's path in the project, as `scripts/orders.ts`. */
  readonly path: string;
  /** Whether it gives rows, takes them, signs requests, or is called as a function of SQL. */
  readonly use: "source" | "destination" | "signer" | "function";
  /** Of a function. */
  readonly function?: CalledFunction;
  /** Whether it is given the rows of other streams. */
  readonly hasInput: boolean;
  readonly params: Readonly<Record<string, string | number | boolean | null>>;
  /** Milliseconds since 1970. */
  readonly window: {
    readonly runId: string;
    readonly pipeline: string;
    readonly startMs: number | null;
    readonly endMs: number;
  };
  readonly secrets: Readonly<Record<string, string>>;
  /** The last state that was committed; absent where there is none. */
  readonly state?: unknown;
  /** Where an incremental stream got to: the greatest value of its update_key, as text. */
  readonly cursor: { readonly column: string; readonly value: string } | null;
}

/** How the arguments of a function's calls travel, see call_layout.ts, and what they are there. */
export type ArgumentKind = "boolean" | "int32" | "int64" | "double" | "text" | "json" | "bytes" | "integer";

/** What a function of SQL is called with, and what it is to return. */
export interface CalledFunction {
  readonly name: string;
  readonly parameters: readonly ArgumentKind[];
  readonly returns: FunctionType;
  /** Whether NULL among the arguments is a call with null, and not NULL without a call. */
  readonly takesNulls: boolean;
}

/** Why a script did not come to its end. */
export interface ScriptFailure {
  readonly name: string;
  readonly message: string;
  /** V8's text, with places in the module by `url`. */
  readonly stack: string;
  /** What the module is called in the stack. */
  readonly url: string;
  /** Whether it is the script's doing that its rows cannot be stored: it says where by itself. */
  readonly isAboutRows: boolean;
  /** Of a request that failed, where that is what the script failed with. */
  readonly code: RequestCode | null;
  /** The call of a function that failed, as `clean_phone('+33')`. */
  readonly call?: string | undefined;
}

/** Writes a head into the first bytes. */
export function writeHead(bytes: Uint8Array, kind: number, length: number, key: Uint8Array): void {
  new DataView(bytes.buffer, bytes.byteOffset, HEAD_BYTES).setUint32(0, length, true);
  bytes[4] = kind;
  bytes.fill(0, 5, 8);
  bytes.set(key, 8);
}

/** A whole frame. */
export function frameOf(kind: number, payload: Uint8Array, key: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + payload.length);
  writeHead(bytes, kind, payload.length, key);
  bytes.set(payload, HEAD_BYTES);
  return bytes;
}
