import { AppError } from "../../../../contract/errors.ts";
import type { QueryResult } from "../../../../contract/queries/query.ts";
import type { Queries } from "../../../../engine/control/queries/port.ts";
import type { Fault } from "../../../../text/fault.ts";
import { formatCount, formatDuration, formatPlural } from "../../../../text/format.ts";
import { cellsOf, formatRows, type RowFormat } from "../../rows/row_formats.ts";
import { visible } from "../../rows/visible.ts";
import type { Terminal } from "../../terminal.ts";
import { formatTime, oneLine } from "../../text.ts";

/** How queries are asked and shown. */
export interface QuerySettings {
  readonly pipeline: string | undefined;
  readonly limit: number;
  readonly format: RowFormat | "result";
}

/**
 * Asks one query and prints its rows, or what is wrong with it and where. Returns whether it went well. Throws what has nothing
 * to do with its SQL.
 */
export async function askQuery(
  queries: Pick<Queries, "query">,
  sql: string,
  { pipeline, limit, format }: QuerySettings,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const cells = format === "result" ? "text" : cellsOf(format);
    const result = await queries.query({ sql, pipeline, limit, cells }, signal);
    if (format === "result") {
      terminal.out(JSON.stringify(result));
      return true;
    }
    terminal.out(formatRows(format, result, terminal));
    terminal.note(noteOf(result));
    return true;
  } catch (error) {
    if (!(error instanceof AppError) || (error.faults.length === 0 && !isOfQuery(error))) throw error;
    for (const line of errorLines(sql, error)) terminal.note(line);
    return false;
  }
}

const isOfQuery = ({ code }: AppError): boolean =>
  code === "timeout" || code === "cancelled" || code === "internal";

function noteOf({ rows, truncated, sources, duration_ms }: QueryResult): string {
  const count = truncated === null
    ? formatPlural(rows.length, "row")
    : `the first ${formatCount(rows.length)} rows${
      truncated === "size" ? ", more are too large" : "; --limit N for more"
    }`;
  const times = sources.map(({ pipeline, of, as_of }) =>
    as_of === null
      ? `${pipeline} has published nothing`
      : `${pipeline} ${of === "snapshots" ? "as published" : "as of"} ${formatTime(as_of)} UTC`
  );
  return [`${count} in ${formatDuration(duration_ms)}`, ...times].join("; ");
}

/** The message, with the line that it is about and a mark under the place. */
function errorLines(sql: string, { message, faults }: AppError): string[] {
  const [fault] = faults;
  const head = `error: ${oneLine(fault?.message ?? message)}`;
  return fault === undefined ? [head] : [head, ...markedLine(sql, fault)];
}

const MAX_WIDTH = 120;

function markedLine(sql: string, { line, column }: Fault): string[] {
  const text = line === undefined ? undefined : sql.split(/\r\n|\r|\n/)[line - 1];
  if (text === undefined || line === undefined || column === undefined) return [];
  // A long line is shown from near the place on.
  const from = Math.max(0, column - 1 - MAX_WIDTH / 2);
  const shown = text.slice(from, from + MAX_WIDTH);
  const number = `${line} | `.padStart(6);
  const before = visible(shown.slice(0, column - 1 - from));
  return [
    `${number}${visible(shown)}`,
    `${" ".repeat(number.length - 2)}| ${" ".repeat([...before].length)}^`,
  ];
}
