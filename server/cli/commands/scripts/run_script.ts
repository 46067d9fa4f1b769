import { relative, resolve, sep } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import { SCRIPT_PATH_PATTERN } from "../../../../contract/pipeline/scripts.ts";
import type { JsonValue } from "../../../../contract/json.ts";
import { formatCount, formatDuration, formatPlural } from "../../../../text/format.ts";
import type { Trial } from "../../../../engine/definitions/scripts/try_script.ts";
import type { CliContext, Invocation } from "../../command.ts";
import { requireProject } from "../../connect.ts";
import { readFolders } from "../../settings.ts";
import { formatTable } from "../../table.ts";
import { oneLine, truncate } from "../../text.ts";
import { readParams } from "../run_command.ts";

const DEFAULT_LIMIT = 20;
const MOST_ROWS = 100_000;
const MAX_CELL_WIDTH = 60;

/** `sluice script run FILE`: the rows that a script makes, the state that it reached, and what it logged. */
export async function runScript(
  file: string | undefined,
  invocation: Invocation,
  context: CliContext,
): Promise<number> {
  if (file === undefined) {
    throw new AppError("invalid", "sluice script run takes a script, as scripts/orders.ts");
  }
  const folders = readFolders(invocation, context);
  await requireProject(folders, context);
  const stopping = new AbortController();
  using _interrupts = context.onInterrupt(
    () => stopping.abort(new AppError("cancelled", "The script was stopped")),
    { withHangup: true },
  );
  const { terminal } = context;
  const startedMs = performance.now();
  const hosts = invocation.list("host");
  const secrets = invocation.list("secret");
  const trial = await context.backend.tryScript(
    folders,
    {
      script: scriptPath(file, folders.projectDir, context.cwd),
      params: readParams(invocation.list("param")),
      hosts: hosts.length === 0 ? undefined : hosts,
      secrets: secrets.length === 0 ? undefined : secrets,
      state: readState(invocation.text("state")),
      inputs: invocation.list("input").map((text) => readInput(text, context.cwd)),
      limit: readLimit(invocation.text("limit")),
    },
    (level, message) => {
      if (level !== "debug") terminal.note(`${level}: ${oneLine(message)}`);
    },
    stopping.signal,
  );
  const durationMs = Math.round(performance.now() - startedMs);
  if (invocation.flag("json")) {
    terminal.out(JSON.stringify(jsonOf(trial, durationMs)));
  } else {
    if (trial.rejects !== undefined && trial.rejects.length > 0) terminal.out(formatRejects(trial.rejects));
    if (trial.columns.length > 0) terminal.out(formatRows(trial, terminal.tableColumns()));
    if (trial.state !== undefined) terminal.out(`state ${JSON.stringify(trial.state)}`);
    terminal.note(summaryOf(trial, durationMs));
  }
  return 0;
}

function jsonOf(trial: Trial, durationMs: number): Record<string, unknown> {
  const { columns, rows, count, isWhole, stream, state = null, load, rejects, rejectCount } = trial;
  if (rejects !== undefined) {
    return { row_count: count, reject_count: rejectCount, rejects, load, duration_ms: durationMs };
  }
  return { columns, rows, row_count: count, is_whole: isWhole, state, stream, duration_ms: durationMs };
}

/** `data/orders.csv`, or `orders=data/orders.csv` for one of several. */
function readInput(text: string, cwd: string): { stream: string | null; path: string } {
  const [, stream = null, path = text] = /^([A-Za-z_]\w*)=(.+)$/s.exec(text) ?? [];
  return { stream, path: resolve(cwd, path) };
}

/** As it is named in a pipeline, or as a path from the working folder. */
function scriptPath(file: string, projectDir: string, cwd: string): string {
  const inside = relative(projectDir, resolve(cwd, file)).replaceAll(sep, "/");
  const path = inside.startsWith("scripts/") ? inside : file.replace(/^\.\//, "");
  if (SCRIPT_PATH_PATTERN.test(path)) return path;
  throw new AppError(
    "invalid",
    `"${file}" is no script of the project: expected a file of scripts/, as scripts/orders.ts`,
  );
}

function readState(text: string | undefined): JsonValue | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError("invalid", `--state is "${text}", expected JSON, as '{"page": 2}'`, { cause: error });
  }
}

function readLimit(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT;
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit > 0 && limit <= MOST_ROWS) return limit;
  throw new AppError(
    "invalid",
    `--limit is "${text}", expected a number from 1 to ${formatCount(MOST_ROWS)}`,
  );
}

function formatRows({ columns, rows }: Trial, width: number | undefined): string {
  const titles = columns.map(({ name, type }) => ({ title: `${oneLine(name)} ${type}` }));
  const cells = rows.map((row) =>
    row.map((cell) => truncate(cell === null ? "NULL" : oneLine(cell), MAX_CELL_WIDTH))
  );
  return formatTable(titles, cells, width);
}

function formatRejects(rejects: NonNullable<Trial["rejects"]>): string {
  const cells = rejects.map(({ row, reason }) => [String(row), truncate(oneLine(reason), MAX_CELL_WIDTH)]);
  return formatTable([{ title: "row" }, { title: "rejected since" }], cells, undefined);
}

function summaryOf(
  { count, rows, isWhole, stream, rejects, rejectCount = 0, load }: Trial,
  durationMs: number,
): string {
  if (rejects !== undefined) {
    const as = load === null || load === undefined
      ? "which no pipeline names"
      : `as the load of ${load.name} of ${load.pipeline}`;
    return `took ${formatPlural(count, "row")} and rejected ${formatCount(rejectCount)} in ${
      formatDuration(durationMs)
    }, ${as}; what it did elsewhere stays done`;
  }
  const as = stream === null
    ? "which no pipeline names"
    : `as the stream ${stream.name} of ${stream.pipeline}`;
  const read = isWhole
    ? formatPlural(count, "row")
    : `stopped after ${formatPlural(rows.length, "row")} (--limit shows more)`;
  return `${read} in ${formatDuration(durationMs)}, ${as}; nothing was stored`;
}
