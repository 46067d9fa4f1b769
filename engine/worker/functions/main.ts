import { FunctionSandbox } from "../../../connectors/script/functions/function_sandbox.ts";
import { AppError, toErrorRecord } from "../../../contract/errors.ts";
import {
  ANSWER,
  type FromFunctions,
  MAX_ANSWER_BYTES,
  type SharedAnswer,
  type ToFunctions,
} from "./protocol.ts";

/**
 * The program of a thread that speaks with the sandboxes of a run's functions. DuckDB wants a result on the spot, so the
 * main thread stands still meanwhile: what keeps to the limits of a sandbox has to go on elsewhere.
 */

/** What a thread is to its program; there is no type for it beside the page's. */
interface ThreadScope {
  addEventListener(type: "message", listener: (event: MessageEvent<ToFunctions>) => void): void;
  postMessage(message: FromFunctions): void;
}

const isScope = (value: unknown): value is ThreadScope =>
  typeof value === "object" && value !== null && "postMessage" in value;

class FunctionThread {
  readonly #scope: ThreadScope;
  readonly #asked = new Map<number, (bytes: number | null) => void>();
  #sandboxes: readonly FunctionSandbox[] = [];
  #answer: SharedAnswer | undefined;

  constructor(scope: ThreadScope) {
    this.#scope = scope;
    scope.addEventListener("message", ({ data }) => this.#hear(data));
    scope.postMessage({ type: "ready" });
  }

  #hear(message: ToFunctions): void {
    switch (message.type) {
      case "begin":
        this.#answer = message.answer;
        this.#sandboxes = message.functions.map((program) =>
          new FunctionSandbox(program, {
            log: (level, text) => this.#scope.postMessage({ type: "log", level, message: text }),
            memoryOf: (pid) => this.#memoryOf(pid),
          })
        );
        break;
      case "call":
        void this.#call(message.index, message.payload);
        break;
      case "memory":
        this.#asked.get(message.pid)?.(message.bytes);
        this.#asked.delete(message.pid);
        break;
      case "end":
        void this.#end();
    }
  }

  /** The main thread asks the server, between two calls: within one the kernel's own limit holds. */
  #memoryOf(pid: number): Promise<number | null> {
    this.#scope.postMessage({ type: "memory", pid });
    return new Promise((resolve) => this.#asked.set(pid, resolve));
  }

  async #call(index: number, payload: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      const sandbox = this.#sandboxes[index];
      if (sandbox === undefined) throw new AppError("internal", "There is no such function");
      const results = await sandbox.call(payload);
      this.#give(ANSWER.results, results);
    } catch (error) {
      this.#give(ANSWER.error, new TextEncoder().encode(JSON.stringify(toErrorRecord(error))));
    }
  }

  #give(kind: number, answer: Uint8Array): void {
    if (this.#answer === undefined) return;
    const { state, bytes } = this.#answer;
    if (answer.length > MAX_ANSWER_BYTES) return this.#give(ANSWER.error, TOO_LARGE);
    if (bytes.byteLength < answer.length) bytes.grow(Math.min(2 * answer.length, MAX_ANSWER_BYTES));
    new Uint8Array(bytes).set(answer);
    Atomics.store(state, 1, answer.length);
    Atomics.store(state, 0, kind);
    Atomics.notify(state, 0);
  }

  async #end(): Promise<void> {
    for (const sandbox of this.#sandboxes) await sandbox[Symbol.asyncDispose]();
    this.#scope.postMessage({ type: "ended" });
  }
}

const TOO_LARGE = new TextEncoder().encode(
  JSON.stringify({ code: "invalid", message: "the results of one batch of calls are more than 128 MB" }),
);

const scope: unknown = self;
if (!isScope(scope)) throw new AppError("internal", "The program of a thread runs outside of one");
new FunctionThread(scope);
