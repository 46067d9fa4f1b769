import type { Log } from "../../contract/log.ts";
import type { Terminal } from "./terminal.ts";
import { oneLine } from "./text.ts";

/** The engine's log as a command shows it: what went wrong, beside the result. */
export function createCommandLog(terminal: Terminal): Log {
  return (level, message, fields) => {
    // How an attempt ended is what the command itself shows.
    if (fields?.["attempt"] !== undefined) return;
    if (level === "warn" || level === "error") terminal.note(`${level}: ${oneLine(message)}`);
  };
}
