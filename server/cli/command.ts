import type { Program } from "../program.ts";
import type { Backend } from "../backend.ts";
import type { SecretInput } from "./secret_input.ts";
import type { Terminal } from "./terminal.ts";

/** An option of a command: the table drives parsing, `--help` and the manual's test alike. */
export interface OptionSpec {
  readonly type: "string" | "boolean";
  /** One letter, for `-f` beside `--file`. */
  readonly short?: string;
  /** What stands for the value in help, as `DIR`. */
  readonly value?: string;
  readonly multiple?: boolean;
  /** The variable that is used where the option is not given. */
  readonly env?: string;
  readonly description: string;
}

export interface ArgumentSpec {
  readonly name: string;
  readonly description: string;
  readonly optional?: boolean;
  /** Any number of them; only the last argument is. */
  readonly many?: boolean;
}

export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Hands everything after the command's name on as it is. */
  readonly passesThrough?: boolean;
  /** Loaded only when the command is used: start time is part of the surface. */
  load(): Promise<CommandRun>;
}

/** A parsed command line. Variables of the environment are in `text` already. */
export interface Invocation {
  readonly command: string;
  readonly arguments: readonly string[];
  flag(option: string): boolean;
  text(option: string): string | undefined;
  list(option: string): readonly string[];
}

/** Does the work and returns the exit code: 0 done, 1 a run failed, 2 the command or the project is wrong. */
export type CommandRun = (invocation: Invocation, context: CliContext) => Promise<number>;

export type Interrupt = "SIGINT" | "SIGTERM" | "SIGHUP";

export interface CliContext {
  readonly terminal: Terminal;
  readonly secretInput: SecretInput;
  readonly program: Program;
  readonly backend: Backend;
  /** The folder that relative paths start from. */
  readonly cwd: string;
  env(name: string): string | undefined;
  /** Ends the process now, without cleaning up: for a second Ctrl-C. */
  exit(code: number): never;
  /**
   * Calls `handler` at each SIGINT and SIGTERM until disposed; at SIGHUP too where the work is of no use
   * without its terminal.
   */
  onInterrupt(handler: (signal: Interrupt) => void, options?: { readonly withHangup: boolean }): Disposable;
  /** Calls `handler` at each SIGHUP until disposed, which then ends nothing. */
  onHangup(handler: () => void): Disposable;
}
