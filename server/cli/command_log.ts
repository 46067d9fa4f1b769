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

/** A server's log: one line an event on stderr, time and fields included, for a journal. */
export function createServerLog(terminal: Terminal): Log {
  return (level, message, fields) => {
    if (level === "debug") return;
    const rest = Object.entries(fields ?? {}).map(([key, value]) => ` ${key}=${formatField(value)}`).join("");
    terminal.note(`${new Date().toISOString()} ${level} ${oneLine(message)}${oneLine(rest)}`);
  };
}

function formatField(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "undefined";
  return typeof value === "string" && !/^[^\s"=]+$/.test(text) ? JSON.stringify(text) : text;
}
