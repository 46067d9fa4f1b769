import type { SandboxProgram } from "../../../contract/connector/connector.ts";
import { AppError } from "../../../contract/errors.ts";
import type { LogLevel } from "../../../contract/log.ts";
import { FrameFault } from "../sandbox/frame_fault.ts";
import { type CalledFunction, ORDER, type Order, REPORT } from "../sandbox/frames.ts";
import { LogReports } from "../sandbox/log_reports.ts";
import { parseReport, scriptError } from "../sandbox/reports.ts";
import { Sandbox } from "../sandbox/sandbox.ts";

export interface FunctionLimits {
  readonly memoryBytes: number;
  /** Of one call of `call`. */
  readonly timeoutMs: number;
  /** Of a processor, all calls together. */
  readonly cpuMs: number;
}

/** A function of SQL and what it runs in. */
export interface FunctionProgram {
  readonly program: SandboxProgram;
  /** `scripts/clean_phone.ts`, for messages. */
  readonly path: string;
  /** The bundled module. */
  readonly code: string;
  readonly called: CalledFunction;
  readonly limits: FunctionLimits;
}

export interface FunctionSurroundings {
  readonly log: (level: LogLevel, message: string) => void;
  /** See ConnectorContext. */
  readonly memoryOf: (pid: number) => Promise<number | null>;
}

/** The sandbox of one function, which is started by the first call and after a failure anew. */
export class FunctionSandbox implements AsyncDisposable {
  readonly #function: FunctionProgram;
  readonly #surroundings: FunctionSurroundings;
  readonly #logs = new LogReports();
  readonly #stop = new AbortController();
  #sandbox: Sandbox | undefined;

  constructor(program: FunctionProgram, surroundings: FunctionSurroundings) {
    this.#function = program;
    this.#surroundings = surroundings;
  }

  /**
   * The results of the calls, the payload of their frame. One after the other. Throws `timeout` and `invalid` with the
   * function's name, its file and line; nothing of the calls has been done then that matters.
   */
  async call(payload: Uint8Array): Promise<Uint8Array> {
    const { path, limits: { timeoutMs }, called: { name } } = this.#function;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(() =>
        reject(
          new AppError(
            "timeout",
            `${path} took longer than ${
              timeoutMs / 1000
            } s for one batch of calls and was killed: raise its timeout`,
          ),
        ), timeoutMs);
    });
    try {
      return await Promise.race([this.#call(payload), tooLong]);
    } catch (error) {
      await this.#end();
      if (!(error instanceof AppError)) throw error;
      throw new AppError(error.code, `the function ${name}: ${error.message}`, {
        ...(error.detail === undefined ? {} : { detail: error.detail }),
        cause: error,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  async #call(payload: Uint8Array): Promise<Uint8Array> {
    const sandbox = this.#sandbox ?? await this.#start();
    await sandbox.send(ORDER.calls, payload);
    return await this.#await(sandbox, REPORT.results);
  }

  async #start(): Promise<Sandbox> {
    const { program, path, code, called, limits } = this.#function;
    const sandbox = Sandbox.start({
      program,
      path,
      limits: { ...limits, timeoutMs: null, outputBytes: Infinity },
      memoryOf: this.#surroundings.memoryOf,
      signal: this.#stop.signal,
      purpose: "returned from its calls",
    });
    this.#sandbox = sandbox;
    const order: Order = {
      key: sandbox.key,
      path,
      use: "function",
      function: called,
      hasInput: false,
      params: {},
      window: { runId: "", pipeline: "", startMs: null, endMs: 0 },
      secrets: {},
      cursor: null,
    };
    await sandbox.send(ORDER.start, new TextEncoder().encode(JSON.stringify(order)));
    await sandbox.send(ORDER.module, new TextEncoder().encode(code));
    await this.#await(sandbox, REPORT.ready);
    return sandbox;
  }

  /** The next frame of this kind. Throws what the script failed with. */
  async #await(sandbox: Sandbox, wanted: number): Promise<Uint8Array> {
    const { path } = this.#function;
    for (;;) {
      const { kind, payload } = await sandbox.next();
      try {
        if (kind === wanted) return payload;
        if (kind === REPORT.log) {
          for (const { level, message } of this.#logs.take(parseReport("log", payload))) {
            this.#surroundings.log(level, message);
          }
        } else if (kind === REPORT.failure) {
          const { call, ...failure } = parseReport("failure", payload);
          const { message, detail } = scriptError(path, failure);
          const at = call === undefined ? "" : `${call}: `;
          // The same arguments give the same error: it is not tried again.
          throw new AppError("invalid", `${at}${message}`, detail === undefined ? {} : { detail });
        } else throw new FrameFault("a frame of an unknown kind");
      } catch (error) {
        throw error instanceof FrameFault ? sandbox.garbled(error) : error;
      }
    }
  }

  async #end(): Promise<void> {
    const sandbox = this.#sandbox;
    this.#sandbox = undefined;
    await sandbox?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}
