export type LogLevel = "debug" | "info" | "warn" | "error";

/** One line for the operator. Fields are short and never secret. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;
