import type { Log, LogLevel } from "../../../contract/log.ts";
import { oneLine } from "../text.ts";

export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

type Fields = Readonly<Record<string, unknown>>;

/** A line of the log, without its end. */
export type LineOf = (time: string, level: LogLevel, message: string, fields: Fields) => string;

export const lineOf = (format: LogFormat): LineOf => format === "json" ? jsonLine : textLine;

/** A server's log: one line an event, time and fields included. */
export function createServerLog(line: LineOf, write: (line: string) => void): Log {
  return (level, message, fields) => {
    if (level !== "debug") write(line(new Date().toISOString(), level, message, fields ?? {}));
  };
}

function textLine(time: string, level: LogLevel, message: string, fields: Fields): string {
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${formatField(value)}`).join("");
  return `${time} ${level} ${oneLine(message)}${oneLine(rest)}`;
}

/** What is said of every line keeps its place: a field of the same name gets an underscore. */
function jsonLine(time: string, level: LogLevel, message: string, fields: Fields): string {
  const own: Fields = { time, level, message };
  const others = Object.entries(fields).map(([key, value]) =>
    [Object.hasOwn(own, key) ? `${key}_` : key, value] as const
  );
  return JSON.stringify({ ...own, ...Object.fromEntries(others) });
}

function formatField(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "undefined";
  return typeof value === "string" && !/^[^\s"=]+$/.test(text) ? JSON.stringify(text) : text;
}
