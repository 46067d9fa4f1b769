import type { Clock } from "../../../contract/clock.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Secret } from "../../../contract/secret.ts";
import type { SqliteRow } from "../../sqlite/database.ts";
import { connectionError, statementError, statusError, streamGone } from "./faults.ts";
import { FrameReader } from "./frames.ts";
import {
  decodeEntry,
  decodePipeline,
  decodePlace,
  encodeCursor,
  encodePipeline,
  type HranaColumn,
  type Statement,
  type StatementResult,
  type StreamRequest,
  type StreamResult,
} from "./messages.ts";
import { waitOf, wordsOf } from "./refusal.ts";
import { WireError } from "./wire.ts";

/** Rows that a cursor gives at once. */
const SLICE_ROWS = 256;
const SLICE_BYTES = 1024 * 1024;
/** A server that takes no more requests has not begun this one: it is sent again, so many times. */
const MAX_WAITS = 6;

export interface HranaServer {
  /** `https://host:port`, with the path of the database, if any, and no slash at its end. */
  readonly url: string;
  /** For messages: host and port. */
  readonly shown: string;
  readonly authToken: Secret | undefined;
  readonly clock: Clock;
}

/**
 * A connection to the database at the server: statements run one after the other, a transaction may be open
 * between them. Over HTTP it is a chain of requests, each of which names the one before by its baton; the server
 * closes a stream that is not used for some 10 seconds, and rolls back what it had not committed.
 *
 * The package @libsql/client was not taken for it: its HTTP client holds each result whole, and its
 * values of JSON know no infinite numbers.
 */
export class HranaStream {
  readonly #server: HranaServer;
  readonly #signal: AbortSignal;
  #baton: string | undefined;
  #url: string;
  /** A request without a baton would begin another stream, which has no part in this one's transaction. */
  #isOver = false;

  constructor(server: HranaServer, signal: AbortSignal) {
    this.#server = server;
    this.#signal = signal;
    this.#url = server.url;
  }

  /** Runs a statement; `subject` is what a message says could not be done: `read "orders"`. */
  async execute(subject: string, sql: string, args: Statement["args"] = []): Promise<StatementResult> {
    const [result] = await this.executeAll(subject, [{ sql, args }]);
    if (result === undefined) throw this.#strange(subject, "a result is missing");
    return result;
  }

  /**
   * Runs the statements in one request, each one where those before it succeeded. Throws for the first that does
   * not. `isLast` closes the stream, whatever became of them. `withinMs` is for what no server takes long for; a
   * replica without its primary gives no answer at all.
   */
  async executeAll(
    subject: string,
    statements: readonly Statement[],
    { isLast = false, withinMs }: { readonly isLast?: boolean; readonly withinMs?: number } = {},
  ): Promise<readonly StatementResult[]> {
    const batch: StreamRequest = { type: "batch", statements };
    const requests: StreamRequest[] = isLast ? [batch, { type: "close" }] : [batch];
    const [result] = withinMs === undefined
      ? await this.#pipeline(subject, requests)
      : await this.#within(withinMs, subject, (signal) => this.#pipeline(subject, requests, signal));
    if (result?.type === "error") throw statementError(subject, result.fault);
    if (result?.type !== "batch") throw this.#strange(subject, "it is of another kind");
    if (result.fault !== undefined) throw statementError(subject, result.fault);
    if (result.results.length !== statements.length) throw this.#strange(subject, "a result is missing");
    return result.results;
  }

  async #within<T>(limitMs: number, subject: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const timeout = AbortSignal.timeout(limitMs);
    try {
      return await work(AbortSignal.any([this.#signal, timeout]));
    } catch (error) {
      if (!timeout.aborted || this.#signal.aborted) throw error;
      this.#isOver = true;
      throw new AppError(
        "unavailable",
        `Cannot ${subject}: ${this.#server.shown} gave no answer within ${limitMs / 1_000} seconds; ` +
          "it is tried again later",
        { cause: error },
      );
    }
  }

  /** The columns of a statement, which is not run. */
  async describe(subject: string, sql: string): Promise<readonly HranaColumn[]> {
    const [result] = await this.#pipeline(subject, [{ type: "describe", sql }]);
    if (result?.type === "error") throw statementError(subject, result.fault);
    if (result?.type !== "describe") throw this.#strange(subject, "it is of another kind");
    return result.columns;
  }

  /**
   * The rows of one SELECT as the server finds them, in slices of a few: all are of one moment, as the statement
   * is one read transaction, or part of the stream's own. It goes on at the reader's speed. Throws where the
   * answer ends before the server said that these are all rows (rule 7).
   */
  async *cursor(subject: string, statement: Statement): AsyncGenerator<readonly SqliteRow[]> {
    const response = await this.#send(subject, "cursor", encodeCursor(this.#baton, statement));
    const frames = new FrameReader(response);
    let isPlaced = false;
    let width = 0;
    let isWhole = false;
    let slice: SqliteRow[] = [];
    let sliceBytes = 0;
    try {
      for (;;) {
        const frame = frames.take();
        if (frame === undefined) {
          if (await this.#more(subject, frames)) continue;
          break;
        }
        if (!isPlaced) {
          this.#place(subject, decodePlace(frame));
          isPlaced = true;
          continue;
        }
        const entry = decodeEntry(frame, width);
        if (entry.type === "error") throw statementError(subject, entry.fault);
        if (entry.type === "begin") width = entry.columns.length;
        if (entry.type === "end") isWhole = true;
        if (entry.type !== "row") continue;
        slice.push(entry.row);
        sliceBytes += frame.length;
        if (slice.length < SLICE_ROWS && sliceBytes < SLICE_BYTES) continue;
        yield slice;
        slice = [];
        sliceBytes = 0;
      }
    } catch (error) {
      if (error instanceof WireError) throw this.#strange(subject, error.message);
      throw error;
    } finally {
      await frames.cancel();
    }
    if (!isWhole) throw this.#cutOff(subject);
    if (slice.length > 0) yield slice;
  }

  async #more(subject: string, frames: FrameReader): Promise<boolean> {
    try {
      return await frames.fill();
    } catch (error) {
      this.#signal.throwIfAborted();
      throw this.#cutOff(subject, error);
    }
  }

  /** Ends the stream; what it had not committed is rolled back. Where the server is gone, it does so by itself. */
  async close(): Promise<void> {
    if (this.#baton === undefined) return;
    const body = encodePipeline(this.#baton, [{ type: "close" }]);
    this.#baton = undefined;
    try {
      const response = await this.#fetch("pipeline", body, AbortSignal.timeout(5_000));
      await response.body?.cancel();
    } catch {
      // It is closed when it was not used for a while.
    }
  }

  async #pipeline(
    subject: string,
    requests: readonly StreamRequest[],
    signal = this.#signal,
  ): Promise<StreamResult[]> {
    const response = await this.#send(subject, "pipeline", encodePipeline(this.#baton, requests), signal);
    let bytes;
    try {
      bytes = await response.bytes();
    } catch (error) {
      signal.throwIfAborted();
      throw connectionError(subject, this.#server.shown, error);
    }
    try {
      const { results, ...place } = decodePipeline(bytes);
      this.#place(subject, place);
      return results;
    } catch (error) {
      if (error instanceof WireError) throw this.#strange(subject, error.message);
      throw error;
    }
  }

  #place(
    subject: string,
    place: { readonly baton: string | undefined; readonly baseUrl: string | undefined },
  ): void {
    this.#baton = place.baton;
    this.#isOver = place.baton === undefined;
    if (place.baseUrl === undefined) return;
    // The token goes to no other host than the one that the project names.
    const [own, other] = [new URL(this.#server.url), URL.parse(place.baseUrl)];
    if (other?.origin !== own.origin) {
      throw new AppError(
        "invalid",
        `Cannot ${subject}: ${this.#server.shown} sends the stream on to ${
          other?.host ?? "an unknown address"
        }; ` +
          "use that as the url",
      );
    }
    this.#url = place.baseUrl.replace(/\/+$/, "");
  }

  /** The answer to a request, with status 200. Throws for every other. */
  async #send(
    subject: string,
    endpoint: "pipeline" | "cursor",
    body: Uint8Array<ArrayBuffer>,
    signal = this.#signal,
  ): Promise<Response> {
    const { shown, clock } = this.#server;
    if (this.#isOver) throw streamGone(subject, shown, "there is no baton");
    const hasStream = this.#baton !== undefined;
    for (let waits = 0;; waits++) {
      signal.throwIfAborted();
      let response;
      try {
        response = await this.#fetch(endpoint, body, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw connectionError(subject, shown, error);
      }
      if (response.status === 200) return response;
      const waitMs = waitOf(response, waits);
      const { words, code } = await wordsOf(response);
      if (response.status === 429 && waits < MAX_WAITS) {
        await clock.sleep(waitMs, signal);
        continue;
      }
      if (code === "STREAM_EXPIRED" || (hasStream && response.status === 400 && /baton/i.test(words))) {
        throw streamGone(subject, shown, words);
      }
      throw statusError(subject, shown, response.status, words);
    }
  }

  #fetch(endpoint: string, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Response> {
    const token = this.#server.authToken?.reveal();
    return fetch(`${this.#url}/v3-protobuf/${endpoint}`, {
      method: "POST",
      headers: {
        "content-type": "application/x-protobuf",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body,
      signal,
      redirect: "manual",
    });
  }

  #cutOff(subject: string, cause?: unknown): AppError {
    return new AppError(
      "unavailable",
      `Cannot ${subject}: the answer of ${this.#server.shown} ended before the last row: it went away, or met a ` +
        "text that is not UTF-8, which it cannot send; it is tried again later",
      { cause },
    );
  }

  #strange(subject: string, what: string): AppError {
    return new AppError(
      "invalid",
      `Cannot ${subject}: the answer of ${this.#server.shown} is not what a libSQL server says: ${what}`,
    );
  }
}
