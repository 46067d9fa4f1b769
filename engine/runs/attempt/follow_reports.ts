import { AppError } from "../../../contract/errors.ts";
import type { Report } from "../../../contract/jobs/reports.ts";
import type { LogLevel } from "../../../contract/log.ts";
import type { RunProcess } from "./spawn.ts";

const MAX_LINES = 50;

export interface FollowedProcess {
  /** Takes secrets out of what the process says in its log and of how it failed. */
  readonly redact: (text: string) => string;
  /** Heads the message of the error that it reports. */
  readonly subject?: string;
  readonly log: (level: LogLevel, message: string) => void;
  /** Gets what is neither a line of the log nor the end. */
  readonly onReport: (report: Report) => void | Promise<void>;
}

/**
 * Follows a process that has a job beside runs until it has closed its output; the signal kills it. Returns whether it
 * came to the end of its job. Throws the error that it reported, and the signal's reason.
 */
export async function followReports(
  process: RunProcess,
  { redact, subject, log, onReport }: FollowedProcess,
  signal: AbortSignal,
): Promise<boolean> {
  const kill = () => process.kill();
  if (signal.aborted) kill();
  else signal.addEventListener("abort", kill, { once: true });
  using _listening = { [Symbol.dispose]: () => signal.removeEventListener("abort", kill) };
  let isWhole = false;
  for await (const report of process.reports) {
    if (report.type === "log") log(report.level, redact(report.message));
    else if (report.type === "finished") {
      await process.close();
      if (report.error !== null) {
        const { code, message, detail } = report.error;
        const text = redact(subject === undefined ? message : `${subject}: ${message}`);
        throw new AppError(code, text, detail === undefined ? {} : { detail: redact(detail) });
      }
      isWhole = true;
    } else await onReport(report);
  }
  signal.throwIfAborted();
  return isWhole;
}

/** The first lines that a process wrote to stderr, for where it ends without a result. */
export class StderrLines {
  readonly #lines: string[] = [];

  /** Not a method: it is handed over alone. */
  readonly take = (line: string): void => void (this.#lines.length < MAX_LINES && this.#lines.push(line));

  get text(): string {
    return this.#lines.join("\n");
  }
}
