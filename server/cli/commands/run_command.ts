import { splitPlacedName } from "../../../contract/environments/pipeline_name.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Range } from "../../../contract/range.ts";
import type { ParamValue, RunDetail } from "../../../contract/run.ts";
import type { WindowRequest } from "../../../engine/control/engine.ts";
import type { CliContext, CommandRun, Invocation } from "../command.ts";
import { commandText } from "../command_text.ts";
import { connect, type Connection } from "../connect.ts";
import { type FollowedRun, followRun, formatOutcome, lastLogSeq, outcomeJson } from "../follow_run.ts";
import { createRunDisplay } from "../run_display.ts";
import { callerName, readFolders, readInteger } from "../settings.ts";
import { readLabels } from "./runs/run_labels.ts";

/** `sluice run PIPELINE`: one run now, in this process or by the server that holds the data folder. */
export const run: CommandRun = async (invocation, context) => {
  const [pipeline = ""] = invocation.arguments;
  const params = readParams(invocation.list("param"));
  const select = selectionOf(invocation.text("select"), invocation.text("exclude"));
  const group = invocation.text("group");
  const user = callerName(context);
  const traceparent = context.env("TRACEPARENT") || undefined;
  await using connection = await connectToWork(invocation, context, pipeline);
  requireServerToDetach(connection, invocation);
  await applyFirst(connection, pipeline);
  await startLocally(connection, pipeline);
  const { id } = await connection.engine.triggerRun(pipeline, {
    params,
    ...(select === undefined ? {} : { select }),
    fullRefresh: invocation.flag("full-refresh"),
    trigger: "cli",
    ...(user === undefined ? {} : { triggeredBy: user }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...readWindow(invocation),
    ...readRange(invocation),
    ...(group === undefined ? {} : { group }),
    ...readLabels(invocation),
    priority: readInteger(invocation, "priority", { minimum: 0, maximum: 1_000, fallback: 0 }),
  });
  return await showRun(connection, { id, afterSeq: 0, afterAttempt: 0 }, invocation, context);
};

/** `sluice retry RUN`: another attempt with the run's own revision, params and window. */
export const retry: CommandRun = async (invocation, context) => {
  const [idOrPart = ""] = invocation.arguments;
  await using connection = await connectToWork(invocation, context);
  requireServerToDetach(connection, invocation);
  const { engine } = connection;
  const { id, pipeline } = await engine.getRun(idOrPart);
  const afterSeq = await lastLogSeq(engine, id);
  await startLocally(connection, pipeline);
  const { attempt } = await engine.retryRun(id);
  return await showRun(connection, { id, afterSeq, afterAttempt: attempt }, invocation, context);
};

/** A run is of the files as they are now. Throws `invalid`, with the faults, where they are wrong. */
export async function applyFirst(connection: Connection, pipeline: string): Promise<void> {
  const { engine } = connection;
  const { pipeline: name, environment } = splitPlacedName(pipeline);
  const applying = environment === null
    ? engine.applyProject({ isAutomatic: true })
    : engine.environments.apply(environment, { pipelines: [name], isAutomatic: true });
  if (connection.kind === "local" && environment === null) {
    // Another pipeline's source that does not answer is not waited for.
    applying.catch(() => {});
    await Promise.race([applying, connection.opened.engine.checked(pipeline)]);
  } else await applying;
  const { origin, faults } = await engine.getPipeline(pipeline);
  if (origin === "files" && faults.some((fault) => fault.severity === "error")) {
    throw new AppError("invalid", `Pipeline "${pipeline}" has faults`, { faults });
  }
}

/** Without a server this process works the queue itself, for these pipelines alone. */
export async function startLocally(connection: Connection, ...pipelines: readonly string[]): Promise<void> {
  if (connection.kind !== "local") return;
  const { beginRunLines } = await import("../../../engine/control/audit/run_lines.ts");
  await beginRunLines(connection.opened.store.outbox);
  await connection.opened.engine.start({
    schedule: false,
    housekeeping: false,
    pipelines,
  });
}

/** `next` is the pipeline that is to run, where that is known already. */
export async function connectToWork(
  invocation: Invocation,
  context: CliContext,
  next?: string,
): Promise<Connection> {
  const waiting = new AbortController();
  using _interrupts = context.onInterrupt(() =>
    waiting.abort(new AppError("cancelled", "Stopped before the run began"))
  );
  const folders = readFolders(invocation, context);
  return await connect(folders, context, invocation.command, "work", { signal: waiting.signal, next });
}

/** Throws `invalid` for --detach where this process is all that could do the work. */
export function requireServerToDetach(connection: Connection, invocation: Invocation): void {
  if (!invocation.flag("detach") || connection.kind === "remote") return;
  throw new AppError("invalid", "--detach needs a server, which does the work when this command is gone");
}

/** How the run goes until it has ended; with --detach how it is now. */
export async function showRun(
  connection: Connection,
  run: FollowedRun,
  invocation: Invocation,
  context: CliContext,
): Promise<number> {
  if (invocation.flag("detach")) return await showLeft(connection, run, invocation, context);
  using display = createRunDisplay(context.terminal, { isQuiet: invocation.flag("quiet") });
  const ended = await followRun(connection.engine, run, display, context);
  display[Symbol.dispose]();
  context.terminal.out(invocation.flag("json") ? outcomeJson(ended) : formatOutcome(ended));
  if (!invocation.flag("json") && !invocation.flag("quiet")) noteFailedChecks(ended, invocation, context);
  return ended.state === "succeeded" ? 0 : 1;
}

/** Where rows that failed its checks can be seen. */
function noteFailedChecks({ id, steps }: RunDetail, invocation: Invocation, context: CliContext): void {
  const failed = steps.filter(({ kind, state }) =>
    kind === "check" && (state === "failed" || state === "warned")
  );
  if (failed.length === 0) return;
  const [only] = failed;
  const name = failed.length === 1 && only !== undefined ? only.name.slice("check:".length) : "CHECK";
  context.terminal.note(
    `Rows that fail are shown by ${commandText(`checks ${id} ${name}`, context, invocation)}`,
  );
}

async function showLeft(
  { engine }: Connection,
  { id }: FollowedRun,
  invocation: Invocation,
  context: CliContext,
): Promise<number> {
  const run = await engine.getRun(id);
  const { terminal } = context;
  terminal.out(invocation.flag("json") ? outcomeJson(run) : `${run.pipeline} ${run.state} (run ${id})`);
  if (!invocation.flag("quiet")) {
    terminal.note(`Follow it with ${commandText(`logs ${id} --follow`, context, invocation)}`);
  }
  return 0;
}

/** `k=v` pairs; the pipeline's own types make values of the texts. Throws `invalid`. */
export function readParams(pairs: readonly string[]): Record<string, ParamValue> {
  const params: Record<string, ParamValue> = {};
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    if (equals < 1) throw new AppError("invalid", `--param is "${pair}", expected NAME=VALUE`);
    const name = pair.slice(0, equals);
    if (Object.hasOwn(params, name)) throw new AppError("invalid", `--param ${name} is given twice`);
    params[name] = pair.slice(equals + 1);
  }
  return params;
}

/** Throws `invalid` for a start without an end. */
export function readWindow(invocation: Invocation): { window?: WindowRequest } {
  const start = invocation.text("window-start");
  const end = invocation.text("window-end");
  if (end !== undefined) return { window: { start: start ?? null, end } };
  if (start !== undefined) throw new AppError("invalid", "--window-start needs --window-end");
  return {};
}

/** Throws `invalid` for one end without the other. */
function readRange(invocation: Invocation): { range?: Range } {
  const from = invocation.text("from");
  const to = invocation.text("to");
  if (from === undefined && to === undefined) return {};
  if (from !== undefined && to !== undefined) return { range: { from, to } };
  throw new AppError(
    "invalid",
    "--from and --to go together: the first update_key, and the one to end before",
  );
}

/** `--exclude "a b"` is `-a -b` of the selection. */
export function selectionOf(select: string | undefined, exclude: string | undefined): string | undefined {
  if (exclude === undefined) return select;
  const terms = exclude.split(/\s+/).filter((term) => term !== "");
  if (terms.length === 0) {
    throw new AppError("invalid", "--exclude names no step: write one as weekly or tag:slow");
  }
  return [select ?? "", ...terms.map((term) => `-${term}`)].join(" ").trim();
}
