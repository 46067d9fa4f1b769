import type { FunctionProgram } from "../../../connectors/script/functions/function_sandbox.ts";
import { AppError, type ErrorRecord } from "../../../contract/errors.ts";
import type { LogLevel } from "../../../contract/log.ts";
import {
  ANSWER,
  type FromFunctions,
  MAX_ANSWER_BYTES,
  type SharedAnswer,
  type ToFunctions,
} from "./protocol.ts";

export interface FunctionThreadOptions {
  /** The thread's program. */
  readonly program: URL;
  readonly functions: readonly FunctionProgram[];
  readonly log: (level: LogLevel, message: string) => void;
  readonly memoryOf: (pid: number) => Promise<number | null>;
}

const FIRST_ANSWER_BYTES = 256 * 1024;
/** Beyond a function's own limit: the start of its sandbox, its end, and a machine that has much to do. */
const GRACE_MS = 30_000;
const END_TIMEOUT_MS = 5_000;

/** The functions of a run's SQL, called from the thread that DuckDB's callbacks come to. Disposing of it ends their sandboxes. */
export class FunctionThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #functions: readonly FunctionProgram[];
  readonly #answer: SharedAnswer;
  readonly #ended = Promise.withResolvers<void>();
  #isLost = false;

  private constructor(worker: Worker, functions: readonly FunctionProgram[]) {
    this.#worker = worker;
    this.#functions = functions;
    this.#answer = {
      state: new Int32Array(new SharedArrayBuffer(8)),
      bytes: new SharedArrayBuffer(FIRST_ANSWER_BYTES, { maxByteLength: MAX_ANSWER_BYTES }),
    };
  }

  /** Resolves when the thread is there. Throws `internal` where it does not come up. */
  static async start({ program, functions, log, memoryOf }: FunctionThreadOptions): Promise<FunctionThread> {
    const worker = new Worker(program, { type: "module", name: "functions" });
    const thread = new FunctionThread(worker, functions);
    const ready = Promise.withResolvers<void>();
    worker.addEventListener("message", ({ data }: MessageEvent<FromFunctions>) => {
      switch (data.type) {
        case "ready":
          return ready.resolve();
        case "log":
          return log(data.level, data.message);
        case "memory":
          return void memoryOf(data.pid).catch(() => null)
            .then((bytes) => thread.#tell({ type: "memory", pid: data.pid, bytes }));
        case "ended":
          thread.#ended.resolve();
      }
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      ready.reject(new AppError("internal", `The thread of functions failed: ${event.message}`));
      thread.#isLost = true;
      thread.#ended.resolve();
    });
    await ready.promise;
    thread.#tell({ type: "begin", functions, answer: thread.#answer });
    return thread;
  }

  /**
   * The results of the calls of the function at `index`. Nothing else of this thread goes on meanwhile. Throws what they
   * failed with.
   */
  call(index: number, payload: Uint8Array<ArrayBuffer>): Uint8Array {
    const { state, bytes } = this.#answer;
    if (this.#isLost) throw new AppError("internal", "The thread of functions is gone");
    Atomics.store(state, 0, ANSWER.none);
    this.#tell({ type: "call", index, payload }, [payload.buffer]);
    const timeoutMs = (this.#functions[index]?.limits.timeoutMs ?? 0) + GRACE_MS;
    if (Atomics.wait(state, 0, ANSWER.none, timeoutMs) === "timed-out") {
      // A late answer would be taken for that of the next call.
      this.#isLost = true;
      throw new AppError("timeout", `A function did not return within ${timeoutMs / 1000} s`);
    }
    const answer = new Uint8Array(bytes, 0, Atomics.load(state, 1)).slice();
    if (Atomics.load(state, 0) === ANSWER.results) return answer;
    const { code, message, detail }: ErrorRecord = JSON.parse(new TextDecoder().decode(answer));
    throw new AppError(code, message, detail === undefined ? {} : { detail });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tell({ type: "end" });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tooLong = new Promise<void>((resolve) => timer = setTimeout(resolve, END_TIMEOUT_MS));
    await Promise.race([this.#ended.promise, tooLong]);
    clearTimeout(timer);
    this.#worker.terminate();
  }

  #tell(message: ToFunctions, moved: Transferable[] = []): void {
    this.#worker.postMessage(message, moved);
  }
}
