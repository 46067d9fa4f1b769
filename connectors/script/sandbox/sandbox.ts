import type { SandboxProgram, ScriptCeilings } from "../../../contract/connector/connector.ts";
import { AppError } from "../../../contract/errors.ts";
import { FrameFault } from "./frame_fault.ts";
import { type Frame, FrameReader } from "./frame_reader.ts";
import { frameOf, KEY_BYTES } from "./frames.ts";

export interface SandboxLimits {
  /** Of the script's own. */
  readonly memoryBytes: number;
  /** Null where something else ends it. */
  readonly timeoutMs: number | null;
  /** Of a processor. */
  readonly cpuMs: number;
  /** Of all that comes out of it. */
  readonly outputBytes: number;
}

export interface SandboxOptions {
  readonly program: SandboxProgram;
  readonly limits: SandboxLimits;
  /** `scripts/orders.ts`, for messages. */
  readonly path: string;
  /** What it is there for, for messages: `given all of its rows`. */
  readonly purpose: string;
  /** See ConnectorContext. */
  readonly memoryOf: (pid: number) => Promise<number | null>;
  /** Its abort lets the script know, and ends it a moment later. */
  readonly signal: AbortSignal;
}

/** What deno itself needs, beyond what the script has. */
const RUNTIME_BYTES = 128e6;
/** V8 reserves address space that it never touches, which the kernel counts all the same. */
const RESERVED_BYTES = 768e6;
const LOOK_EVERY_MS = 200;
/** From the abort to the kill: all of a cancel takes less than a second. */
const STOP_GRACE_MS = 500;
/** From the end of its output to the kill. */
const GRACE_MS = 1_000;
/** The last of stderr: what V8 or the runtime says of its death. */
const KEPT_STDERR_BYTES = 8_192;
/** More than any runtime has to say. */
const MAX_STDERR_BYTES = 16e6;

/**
 * A process in which code runs that nobody trusts. It speaks in frames; everything in them is to be judged. It is killed
 * where it goes beyond its limits, and when this is disposed of.
 */
export class Sandbox implements AsyncDisposable {
  readonly #options: SandboxOptions;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: FrameReader;
  readonly #stderr: Promise<string>;
  readonly #ended = new AbortController();
  /** Why it was killed, the first of the reasons. */
  #reason: AppError | undefined;
  #received = 0;
  /** Before each frame that it sends; sixteen hexadecimal digits. */
  readonly key: string;

  private constructor(options: SandboxOptions, child: Deno.ChildProcess, key: Uint8Array) {
    this.#options = options;
    this.#child = child;
    this.key = key.toHex();
    this.#stdin = child.stdin.getWriter();
    this.#reader = new FrameReader(child.stdout, key);
    this.#stderr = this.#lastWords(child.stderr);
    this.#watch();
  }

  /** Throws `unavailable` where the process cannot be started. */
  static start(asked: SandboxOptions): Sandbox {
    const { path, program } = asked;
    const limits = withinCeilings(asked.limits, program.most);
    const options = { ...asked, limits };
    options.signal.throwIfAborted();
    const [command = "", ...args] = commandOf(program, limits);
    try {
      const child = new Deno.Command(command, {
        args,
        cwd: "/",
        clearEnv: true,
        env: program.environment,
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      return new Sandbox(options, child, crypto.getRandomValues(new Uint8Array(KEY_BYTES)));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new AppError("unavailable", `Cannot start the sandbox of ${path}: ${reason}`, { cause: error });
    }
  }

  /** A process that is gone is noticed by what it does not send any more. */
  async send(kind: number, payload: Uint8Array): Promise<void> {
    await this.#stdin.write(frameOf(kind, payload, new Uint8Array(KEY_BYTES))).catch(() => {});
  }

  /** The next frame. Throws why there is none: the process always ends by a frame that says so. */
  async next(): Promise<Frame> {
    let frame: Frame | undefined;
    try {
      frame = await this.#reader.next();
    } catch (error) {
      if (!(error instanceof FrameFault)) throw await this.#whyEnded();
      throw this.#reason ?? this.garbled(error);
    }
    if (frame === undefined || this.#reason !== undefined) throw await this.#whyEnded();
    this.#received += frame.payload.length;
    const { limits: { outputBytes }, path } = this.#options;
    if (this.#received > outputBytes) {
      throw new AppError("invalid", `${path} gives more than ${sizeText(outputBytes)}: raise its output`);
    }
    return frame;
  }

  /** The error of a frame that nothing of ours has written. */
  garbled(fault: FrameFault): AppError {
    return new AppError(
      "invalid",
      `${this.#options.path} broke off: its process sent ${fault.message}; a script writes nothing to its standard ` +
        "output by itself, and speaks by ctx.log",
      { cause: fault },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    this.#kill();
    await this.#reader.cancel();
    await this.#stdin.abort().catch(() => {});
    await this.#child.status;
    await this.#stderr;
  }

  #watch(): void {
    const { limits: { timeoutMs, memoryBytes }, path, signal, memoryOf } = this.#options;
    const ended = this.#ended.signal;
    const after = (ms: number, act: () => void) => {
      const timer = setTimeout(act, ms);
      ended.addEventListener("abort", () => clearTimeout(timer), { once: true });
    };
    if (timeoutMs !== null) {
      after(
        timeoutMs,
        () =>
          this.#stop(
            new AppError(
              "timeout",
              `${path} took longer than ${timeoutMs / 1000} s and was killed: raise its timeout`,
            ),
          ),
      );
    }
    const onAbort = () => {
      void this.#stdin.ready.then(() => this.send(STOP, new Uint8Array())).catch(() => {});
      after(STOP_GRACE_MS, () => this.#kill());
    };
    signal.addEventListener("abort", onAbort, { once: true });
    ended.addEventListener("abort", () => signal.removeEventListener("abort", onAbort), { once: true });
    const look = async () => {
      const bytes = await memoryOf(this.#child.pid).catch(() => null);
      if (ended.aborted || bytes === null) return;
      if (bytes > memoryBytes + RUNTIME_BYTES) this.#stop(this.#outOfMemory());
      else after(LOOK_EVERY_MS, () => void look());
    };
    after(LOOK_EVERY_MS, () => void look());
  }

  #stop(reason: AppError): void {
    this.#reason ??= reason;
    this.#kill();
  }

  #kill(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // Already gone.
    }
  }

  #outOfMemory(): AppError {
    const { path, limits: { memoryBytes } } = this.#options;
    return new AppError(
      "invalid",
      `${path} took more than its memory of ${
        sizeText(memoryBytes)
      }: let it hold fewer rows at a time, or raise its memory`,
    );
  }

  async #whyEnded(): Promise<AppError> {
    const { path, purpose, signal, limits: { cpuMs } } = this.#options;
    // Whoever closed its output and goes on is not waited for.
    const timer = setTimeout(() => this.#kill(), GRACE_MS);
    const { code, signal: by } = await this.#child.status;
    clearTimeout(timer);
    const words = await this.#stderr;
    if (signal.aborted) throw signal.reason;
    if (this.#reason !== undefined) return this.#reason;
    if (/out of memory|memory allocation of \d+ bytes failed|heap limit/i.test(words)) {
      return this.#outOfMemory();
    }
    if (by === "SIGXCPU") {
      return new AppError(
        "timeout",
        `${path} took more than ${cpuMs / 1000} s of a processor and was killed: raise its cpu`,
      );
    }
    const how = by === null ? `with exit code ${code}` : `by ${by}`;
    return new AppError("invalid", `${path} ended its process ${how} before it had ${purpose}`, {
      ...(words === "" ? {} : { detail: words }),
    });
  }

  async #lastWords(stream: ReadableStream<Uint8Array>): Promise<string> {
    let last = new Uint8Array();
    let size = 0;
    try {
      for await (const piece of stream) {
        size += piece.length;
        if (size > MAX_STDERR_BYTES) {
          this.#stop(
            new AppError("invalid", `${this.#options.path} writes without end to its standard error`),
          );
        }
        const joined = new Uint8Array(last.length + piece.length);
        joined.set(last);
        joined.set(piece, last.length);
        last = joined.slice(-KEPT_STDERR_BYTES);
      }
    } catch {
      // Killed in the middle of a word.
    }
    return new TextDecoder().decode(last).trim();
  }
}

/** What was asked for, or left to the default, is no more than the operator gives. */
function withinCeilings(
  { memoryBytes, timeoutMs, cpuMs, outputBytes }: SandboxLimits,
  most: ScriptCeilings = {},
): SandboxLimits {
  return {
    memoryBytes: Math.min(memoryBytes, most.memoryBytes ?? Infinity),
    timeoutMs: timeoutMs === null ? null : Math.min(timeoutMs, most.timeoutMs ?? Infinity),
    cpuMs: Math.min(cpuMs, most.cpuMs ?? Infinity),
    outputBytes: Math.min(outputBytes, most.outputBytes ?? Infinity),
  };
}

/** ORDER.stop, which has no words of its own. */
const STOP = 3;

const sizeText = (bytes: number): string =>
  bytes >= 1e9 ? `${bytes / 1e9} GB` : `${Math.round(bytes / 1e6)} MB`;

function commandOf({ language, prlimit, command, entry }: SandboxProgram, limits: SandboxLimits): string[] {
  const { memoryBytes, cpuMs } = limits;
  const seconds = Math.ceil(cpuMs / 1000);
  const kernel = prlimit === null ? [] : [
    prlimit,
    "--core=0",
    "--nofile=256",
    // A handler may catch the first signal, not the second.
    `--cpu=${seconds}:${seconds + 2}`,
    ...(language === "python"
      // What it shares counts too, and it writes no file. Threads are counted with all others of its user.
      ? [`--as=${memoryBytes + RUNTIME_BYTES}`, "--fsize=0", "--nproc=1024"]
      : [`--data=${memoryBytes + RUNTIME_BYTES + RESERVED_BYTES}`]),
  ];
  if (language === "python") return [...kernel, ...command, entry];
  const heap = `--v8-flags=--max-old-space-size=${Math.ceil(memoryBytes / 1024 / 1024)}`;
  return [...kernel, ...command, heap, entry];
}
