import type { Clock } from "../../../contract/clock.ts";
import { AppError } from "../../../contract/errors.ts";
import type { SingerConfig } from "../config.ts";
import { byteLines } from "./byte_lines.ts";
import { lineBlocks } from "./line_blocks.ts";
import { signalGroup } from "./process_group.ts";
import { StderrLog } from "./stderr_log.ts";
import type { Workplace } from "./workplace.ts";

/** How long a command may take to end by itself: after a TERM, and when it has closed its output. */
const STOP_GRACE_MS = 300;
const END_GRACE_MS = 10_000;

/** Of util-linux; where they are missing there are no limits, and no end with the run's process. */
const LAUNCHER = "/usr/bin/setpriv";
const LIMITER = "/usr/bin/prlimit";
/** By `prlimit` and `setpriv`, in the place of what could not be started. */
const NOT_STARTED = [126, 127];
const MAX_OPEN_FILES = 1_024;

export interface CommandContext {
  /** Of the connector, for messages. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: (level: "debug" | "info" | "warn", message: string) => void;
}

/**
 * A command on its way, in a process group of its own with no other environment than its workplace's. It is stopped by the
 * signal and at its timeout, with all that it has started; disposing of it kills what is left.
 */
export class RunningCommand implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #config: SingerConfig;
  readonly #context: CommandContext;
  readonly #signal: AbortSignal;
  readonly #stderr: StderrLog;
  readonly #stderrDone: Promise<void>;
  readonly #over = new AbortController();
  #isLate = false;
  #isStopped = false;

  private constructor(
    child: Deno.ChildProcess,
    config: SingerConfig,
    context: CommandContext,
    signal: AbortSignal,
  ) {
    this.#child = child;
    this.#config = config;
    this.#context = context;
    this.#signal = signal;
    this.#stderr = new StderrLog(programOf(config), context.log);
    this.#stderrDone = this.#stderr.follow(child.stderr);
    signal.addEventListener("abort", this.#stop, { once: true });
    // What it has started may hold its outputs open.
    child.status.then(() => this.#kill());
    this.#after(config.timeoutMs, () => {
      this.#isLate = true;
      this.#stop();
    });
  }

  /** Starts it with further arguments. Throws `not_found` or `unavailable` where that is not possible. */
  static start(
    config: SingerConfig,
    args: readonly string[],
    { folder, environment }: Workplace,
    context: CommandContext,
    signal: AbortSignal,
  ): RunningCommand {
    signal.throwIfAborted();
    const options = {
      cwd: folder,
      clearEnv: true,
      env: { ...environment },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    } as const;
    const [program, ...own] = config.command;
    const limits = [`--data=${config.memoryBytes}`, "--core=0", `--nofile=${MAX_OPEN_FILES}`];
    const launched = ["--pdeathsig", "KILL", "--no-new-privs", "--", LIMITER, ...limits, "--", program];
    const spawn = (path: string, before: readonly string[]) =>
      new Deno.Command(path, { ...options, args: [...before, ...own, ...args] }).spawn();
    try {
      let child: Deno.ChildProcess;
      try {
        child = spawn(LAUNCHER, launched);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        child = spawn(program, []);
      }
      return new RunningCommand(child, config, context, signal);
    } catch (error) {
      throw cannotStart(context.name, program, error instanceof Error ? error.message : String(error), error);
    }
  }

  /** Of its output; see byteLines. */
  lines(maxBytes: number, isCut = false): AsyncGenerator<Uint8Array> {
    return byteLines(this.#child.stdout, maxBytes, isCut);
  }

  /** Several lines at a time; see lineBlocks. */
  blocks(maxBytes: number): AsyncGenerator<Uint8Array> {
    return lineBlocks(this.#child.stdout, maxBytes);
  }

  get stdin(): WritableStream<Uint8Array> {
    return this.#child.stdin;
  }

  /**
   * Waits for its end, when its output has been read. Throws the signal's reason, `timeout`, `not_found` where it is no
   * program, and `unavailable` with what it said last where it ended with another code than 0, or not at all.
   */
  async end(): Promise<void> {
    let isStuck = false;
    this.#after(END_GRACE_MS, () => {
      isStuck = true;
      this.#kill();
    });
    const { code, signal } = await this.#child.status;
    this.#over.abort();
    await this.#stderrDone;
    this.#signal.throwIfAborted();
    const { name } = this.#context;
    const [program] = this.#config.command;
    const subject = `Connector "${name}": ${program}`;
    const { last } = this.#stderr;
    const detail = last.length === 0 ? {} : { detail: last.join("\n") };
    if (this.#isLate) {
      const message = `${subject} took longer than its timeout of ${this.#config.timeout} and was killed`;
      throw new AppError("timeout", message, detail);
    }
    if (isStuck) {
      throw new AppError("unavailable", `${subject} closed its output, did not end, and was killed`, detail);
    }
    if (code === 0) return;
    const said = last.at(-1);
    if (NOT_STARTED.includes(code) && said?.includes(program) === true) {
      throw cannotStart(name, program, said);
    }
    const how = signal === null ? `ended with code ${code}` : `was killed by ${signal}`;
    throw new AppError("unavailable", `${subject} ${how}${said === undefined ? "" : `: ${said}`}`, detail);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    this.#signal.removeEventListener("abort", this.#stop);
    this.#kill();
    await this.#child.stdin.close().catch(() => {});
    await this.#child.stdout.cancel().catch(() => {});
    await this.#child.status;
    await this.#stderrDone;
  }

  readonly #stop = (): void => {
    if (this.#isStopped) return;
    this.#isStopped = true;
    signalGroup(this.#child.pid, "SIGTERM");
    this.#after(STOP_GRACE_MS, () => this.#kill());
  };

  #kill(): void {
    signalGroup(this.#child.pid, "SIGKILL");
  }

  #after(waitMs: number, act: () => void): void {
    const { signal } = this.#over;
    this.#context.clock.sleep(waitMs, signal).then(() => {
      if (!signal.aborted) act();
    }, () => {});
  }
}

function cannotStart(name: string, program: string, reason: string, cause?: unknown): AppError {
  return new AppError("not_found", `Connector "${name}": cannot start ${program}: ${reason}`, { cause });
}

/** `tap-csv` of `/opt/taps/bin/tap-csv`. */
export const programOf = ({ command: [program] }: SingerConfig): string => program.replace(/^.*\//, "");
