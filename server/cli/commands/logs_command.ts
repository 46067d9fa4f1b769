import { AppError } from "../../../contract/errors.ts";
import { LOG_LEVELS, type LogLine } from "../../../contract/run.ts";
import { type FoundLine, logMatcher } from "../../../contract/runs/log_search.ts";
import type { Engine } from "../../../engine/control/engine.ts";
import { logFilterOf } from "../../../engine/control/history/log_conditions.ts";
import type { LogConditions } from "../../../engine/control/history/port.ts";
import { didYouMean } from "../../../text/suggest.ts";
import type { CommandRun, Invocation } from "../command.ts";
import { connect } from "../connect.ts";
import { readFolders, readInteger } from "../settings.ts";
import type { Terminal } from "../terminal.ts";
import { formatTime, oneLine, shortRunId } from "../text.ts";

const PAGE_LINES = 10_000;
const FOUND_LINES = 100;
const MAX_FOUND_LINES = 1_000;
const MAX_TAIL_LINES = 100_000;

/** `sluice logs RUN`: a run's lines, all or those that are looked for; without RUN, those of all runs. */
export const logs: CommandRun = async (invocation, context) => {
  const [idOrPart] = invocation.arguments;
  const conditions = readConditions(invocation);
  if (idOrPart === undefined) checkSearch(invocation, conditions);
  else if (invocation.text("pipeline") !== undefined) {
    throw new AppError("invalid", "sluice logs: --pipeline goes with a search of all runs, not with RUN");
  }
  const limit = readInteger(invocation, "limit", {
    minimum: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    fallback: idOrPart === undefined ? FOUND_LINES : Number.MAX_SAFE_INTEGER,
  });
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "read",
  );
  const { engine } = connection;
  const { terminal } = context;
  const stopping = new AbortController();
  using _interrupts = context.onInterrupt(() => stopping.abort());
  const signal = AbortSignal.any([stopping.signal, terminal.closed]);
  const isJson = invocation.flag("json");
  if (idOrPart === undefined) {
    const pipeline = invocation.text("pipeline");
    const environment = invocation.text("env");
    const of = pipeline !== undefined ? { pipeline } : environment === undefined ? {} : { environment };
    const search = { ...conditions, ...of };
    await searchAll(engine, search, {
      limit,
      terminal,
      signal,
      format: isJson ? JSON.stringify : formatFound,
    });
    return 0;
  }
  const format = isJson ? JSON.stringify : formatLine;
  // Before the first page: a run that does not exist is an error, one without lines is not.
  const { id } = await engine.getRun(idOrPart);
  const tail = readTail(invocation);
  const { afterSeq, left } = tail === undefined
    ? await printLines(engine, id, conditions, { limit, terminal, format })
    : { afterSeq: await printLast(engine, id, conditions, { limit: tail, terminal, format }), left: limit };
  if (!invocation.flag("follow") || left === 0) return 0;
  const matches = logMatcher(logFilterOf(conditions, Date.now()));
  let open = left;
  try {
    for await (const event of engine.watchRun(id, afterSeq, signal)) {
      if (event.type !== "log" || !matches(event.line)) continue;
      terminal.out(format(event.line));
      if (--open === 0) break;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return 0;
};

function readConditions(invocation: Invocation): LogConditions {
  const conditions: Record<string, string> = {};
  for (const option of ["search", "level", "step", "since", "until"]) {
    const text = invocation.text(option);
    if (text !== undefined) conditions[option] = text;
  }
  const { level: text, ...others } = conditions;
  const level = LOG_LEVELS.find((known) => known === text);
  if (text !== undefined && level === undefined) {
    throw new AppError(
      "invalid",
      `--level is "${text}", expected one of ${LOG_LEVELS.join(", ")}${didYouMean(text, LOG_LEVELS)}`,
    );
  }
  return { ...others, ...(level === undefined ? {} : { level }) };
}

/** All lines of all runs are nobody's wish. */
function checkSearch(invocation: Invocation, conditions: LogConditions): void {
  const ofOne = invocation.flag("follow")
    ? "--follow"
    : invocation.text("tail") === undefined
    ? undefined
    : "--tail";
  if (ofOne !== undefined) {
    throw new AppError("invalid", `sluice logs: ${ofOne} needs RUN: it goes with the log of one run`);
  }
  if (Object.keys(conditions).length > 0) return;
  if (invocation.text("pipeline") !== undefined || invocation.text("env") !== undefined) return;
  throw new AppError(
    "invalid",
    "sluice logs needs RUN, or what to look for in the logs of all runs: --search TEXT, --level warn, " +
      "--pipeline PIPELINE, --step STEP or --since 7d",
  );
}

/** The last lines, where no more are wanted. Throws invalid beside `--limit`, which counts from the first. */
function readTail(invocation: Invocation): number | undefined {
  if (invocation.text("tail") === undefined) return undefined;
  if (invocation.text("limit") !== undefined) {
    throw new AppError(
      "invalid",
      "sluice logs: --tail counts from the end and --limit from the beginning: give one",
    );
  }
  return readInteger(invocation, "tail", { minimum: 0, maximum: MAX_TAIL_LINES, fallback: 0 });
}

interface Output<Line> {
  readonly limit: number;
  readonly terminal: Terminal;
  readonly format: (line: Line) => string;
}

/** Page by page, each printed as it comes; says where it stopped. */
async function searchAll(
  engine: Engine,
  search: LogConditions & { readonly pipeline?: string },
  { limit, terminal, format, signal }: Output<FoundLine> & { readonly signal: AbortSignal },
): Promise<void> {
  let count = 0;
  let after: string | undefined;
  for (;;) {
    const { lines, next, searched_back_to: backTo } = await engine.history.searchLogs({
      ...search,
      limit: Math.min(limit - count, MAX_FOUND_LINES),
      ...(after === undefined ? {} : { after }),
    });
    if (lines.length > 0) terminal.out(lines.map(format).join("\n"));
    count += lines.length;
    if (next === null) {
      if (count === 0) terminal.note("No line of a log that is kept fits this.");
      return;
    }
    if (terminal.closed.aborted) return;
    if (signal.aborted || count >= limit) {
      const why = signal.aborted ? "Stopped" : `These are the first ${count}`;
      const hint = signal.aborted ? "" : "; --limit shows more";
      terminal.note(`${why}: runs since ${formatTime(backTo)} UTC were searched${hint}.`);
      return;
    }
    after = next;
  }
}

/** Where it is then, and how many lines are still wanted. */
async function printLines(
  engine: Engine,
  id: string,
  conditions: LogConditions,
  { limit, terminal, format }: Output<LogLine>,
): Promise<{ afterSeq: number; left: number }> {
  let afterSeq = 0;
  for (let left = limit;;) {
    const wanted = Math.min(left, PAGE_LINES);
    const lines = await engine.getRunLogs(id, { ...conditions, afterSeq, limit: wanted });
    if (lines.length > 0) terminal.out(lines.map(format).join("\n"));
    afterSeq = lines.at(-1)?.seq ?? afterSeq;
    left -= lines.length;
    if (left === 0 || lines.length < wanted || terminal.closed.aborted) return { afterSeq, left };
  }
}

/** The last of them; returns where the log is then. */
async function printLast(
  engine: Engine,
  id: string,
  conditions: LogConditions,
  { limit, terminal, format }: Output<LogLine>,
): Promise<number> {
  let afterSeq = 0;
  let last: LogLine[] = [];
  for (;;) {
    const lines = await engine.getRunLogs(id, { ...conditions, afterSeq, limit: PAGE_LINES });
    last = limit === 0 ? [] : [...last, ...lines].slice(-limit);
    afterSeq = lines.at(-1)?.seq ?? afterSeq;
    if (lines.length < PAGE_LINES) break;
  }
  if (last.length > 0) terminal.out(last.map(format).join("\n"));
  return afterSeq;
}

/** Lines of a first attempt need no number. */
function formatLine(line: LogLine): string {
  return `${line.at} ${line.level.padEnd(5)} ${messageOf(line)}`;
}

/** With its pipeline and the end of its run's id, which `show` and `logs` take. */
function formatFound(line: FoundLine): string {
  return `${line.at} ${line.level.padEnd(5)} ${line.pipeline} ${shortRunId(line.run)} ${messageOf(line)}`;
}

function messageOf(line: LogLine): string {
  const attempt = (line.attempt ?? 1) > 1 ? `#${line.attempt} ` : "";
  const step = line.step === null ? "" : `${oneLine(line.step)}: `;
  return `${attempt}${step}${oneLine(line.message)}`;
}
