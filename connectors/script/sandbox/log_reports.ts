import type { ReadMessage } from "../../../contract/connector/source.ts";

type LogMessage = Extract<ReadMessage, { type: "log" }>;

/** The most lines of one script that are kept. */
const MAX_LINES = 2_000;

/** The lines that a script logs, as many as a person can read. */
export class LogReports {
  #lines = 0;

  *take({ level, message }: Omit<LogMessage, "type">): Generator<LogMessage> {
    this.#lines++;
    if (this.#lines <= MAX_LINES) yield { type: "log", level, message };
    if (this.#lines === MAX_LINES) {
      yield {
        type: "log",
        level: "warn",
        message: `The script's further lines are left out (after ${MAX_LINES})`,
      };
    }
  }
}
