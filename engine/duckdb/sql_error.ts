import { AppError, type ErrorCode, toAppError } from "../../contract/errors.ts";
import { OUT_OF_MEMORY, SqlError } from "../../contract/sql.ts";

/** DuckDB's own report of an error, with `errors_as_json` on or as plain text. */
export interface DuckReport {
  /** DuckDB's class of error, as `Binder` or `Out of Memory`; `Unknown` where it has none. */
  readonly type: string;
  readonly message: string;
  readonly position: number | undefined;
}

const TEXT_REPORT = /^(.+?) Error: ([\s\S]*)$/;
const NO_SUCH_FILE = /No files found|No such file|does not exist/;
/**
 * What the system's calls met, which may pass: DuckDB has the class IO also for what a format cannot hold, and
 * for files that are not what they should be.
 */
const MAY_PASS =
  /No space left|Disk quota|Input\/output error|temporarily|Too many open files|timed out|[Tt]imeout|[Ii]nterrupted|[Cc]onnection|[Cc]ould not (?:set lock|read|write|sync|seek|open|move|remove|truncate|create)|Cannot open file|Failed to (?:read|write|open|create|delete|remove|sync|move)|Stale file|Broken pipe/;
const CODES: Readonly<Record<string, ErrorCode>> = {
  "Binder": "invalid",
  "Catalog": "invalid",
  "Parser": "invalid",
  "Syntax": "invalid",
  "Conversion": "invalid",
  "Constraint": "invalid",
  "Invalid Input": "invalid",
  "Invalid Type": "invalid",
  "Mismatch Type": "invalid",
  "Out of Range": "invalid",
  "Divide by Zero": "invalid",
  "Dependency": "invalid",
  "Sequence": "invalid",
  "Decimal": "invalid",
  "Expression": "invalid",
  "Object Size": "invalid",
  "Not implemented": "invalid",
  "Parameter Not Resolved": "invalid",
  "Parameter Not Allowed": "invalid",
  "Serialization": "invalid",
  "Unknown Type": "invalid",
  "Planner": "invalid",
  "Index": "invalid",
  "Settings": "invalid",
  "Invalid Configuration": "invalid",
  "Missing Extension": "invalid",
  "Extension Autoloading": "invalid",
  "Permission": "forbidden",
  "TransactionContext": "conflict",
  "Transaction": "conflict",
  "INTERRUPT": "cancelled",
  "Interrupt": "cancelled",
  "IO": "unavailable",
  "Connection": "unavailable",
  "Network": "unavailable",
  "HTTP": "unavailable",
};

/** Reads what the driver threw. */
export function readReport(error: unknown): DuckReport {
  const text = error instanceof Error ? error.message : String(error);
  const start = text.indexOf("{");
  const json = start < 0 ? undefined : parseObject(text.slice(start));
  if (json !== undefined && typeof json.exception_message === "string") {
    const position = typeof json.position === "string" ? Number.parseInt(json.position, 10) : Number.NaN;
    return {
      type: typeof json.exception_type === "string" ? json.exception_type : "Unknown",
      message: oneLine(json.exception_message),
      position: Number.isNaN(position) ? undefined : position,
    };
  }
  const match = TEXT_REPORT.exec(text);
  const [type, message] = match === null ? ["Unknown", text] : [match[1] ?? "Unknown", match[2] ?? text];
  return { type, message: oneLine(message.replace(/\n\s*LINE \d+:[\s\S]*$/, "")), position: undefined };
}

/**
 * What the driver threw while it ran `sql`, behind `before` ASCII characters of ours, as a SqlError; an AppError stays
 * what it is.
 */
export function toSqlError(error: unknown, sql: string, before = 0): AppError {
  if (error instanceof AppError) return error;
  const report = readReport(error);
  const position = report.position === undefined || report.position < before
    ? undefined
    : utf16Position(sql, report.type, report.position - before);
  if (report.type === "Out of Memory") return outOfMemory(report, error);
  return new SqlError(codeOf(report), report.message, {
    type: report.type,
    ...(position === undefined ? {} : { position }),
    cause: error,
  });
}

const MEMORY_USED = /\(([^()/]+)\/([^()/]+) used\)/;

/** The limits are the run's own: the same work would meet them again, so it is not tried again. */
function outOfMemory({ type, message }: DuckReport, cause: unknown): SqlError {
  const [, , limit] = MEMORY_USED.exec(message) ?? [];
  const most = limit === undefined ? "" : ` (${limit})`;
  const what = message.includes("max_temp_directory_size")
    ? `it needs more room on the disk than a run may spill${most}: raise spill_max in the operator's policy`
    : `it needs more memory than the run may take${most}: raise resources.memory of the pipeline`;
  return new SqlError("invalid", `${what}, or work on fewer rows at a time`, {
    type,
    reason: OUT_OF_MEMORY,
    detail: message,
    cause,
  });
}

/** The error of a signal that has been aborted: cancelled, timeout, or the AppError it was aborted with. */
export function abortError(signal: AbortSignal): AppError {
  const error = toAppError(signal.reason);
  if (error.code !== "internal") return error;
  return new AppError("cancelled", "The work was cancelled", { cause: signal.reason });
}

function codeOf(report: DuckReport): ErrorCode {
  if (report.type === "IO" && NO_SUCH_FILE.test(report.message)) return "not_found";
  if (report.type === "IO" && !MAY_PASS.test(report.message)) return "invalid";
  return CODES[report.type] ?? "internal";
}

/**
 * The parser counts code points, the binder bytes. An error inside a view or a macro has the
 * position in that one's text, which says nothing here where it lies outside of `sql`.
 */
function utf16Position(sql: string, type: string, position: number): number | undefined {
  let units = 0;
  let counted = 0;
  for (const character of sql) {
    if (counted >= position) return units;
    counted += type === "Parser" ? 1 : utf8Length(character);
    units += character.length;
  }
  return counted >= position ? units : undefined;
}

function utf8Length(character: string): number {
  const point = character.codePointAt(0) ?? 0;
  if (point < 0x80) return 1;
  if (point < 0x800) return 2;
  return point < 0x10000 ? 3 : 4;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function oneLine(message: string): string {
  return message.replace(/\n\nPossible solutions:[\s\S]*$/, "").replaceAll(/\s*\n\s*/g, " ").trim();
}
