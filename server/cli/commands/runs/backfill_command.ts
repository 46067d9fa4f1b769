import type { BackfillDetail, BackfillWindow } from "../../../../contract/backfills/backfill.ts";
import { AppError } from "../../../../contract/errors.ts";
import type { Backfills } from "../../../../engine/control/backfills/port.ts";
import { formatCount, formatDuration, formatPlural } from "../../../../text/format.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { callerName, readInteger } from "../../settings.ts";
import { oneLine } from "../../text.ts";
import { listBackfills } from "./backfill_list.ts";
import { readLabels } from "./run_labels.ts";
import {
  applyFirst,
  connectToWork,
  readParams,
  requireServerToDetach,
  selectionOf,
  startLocally,
} from "../run_command.ts";

const POLL_MS = 300;

/**
 * `sluice backfill PIPELINE --from TIME --to TIME --every LENGTH`: a run for each window, one after the other, and how
 * it goes on. With `--retry GROUP` another attempt of those of a backfill that failed. `sluice backfill list [PIPELINE]`:
 * those that there are.
 */
export const backfill: CommandRun = async (invocation, context) => {
  const [pipeline = "", other] = invocation.arguments;
  // A pipeline may be called list: what is asked of it says so.
  const isListing = pipeline === "list" && invocation.text("from") === undefined &&
    invocation.text("retry") === undefined;
  if (isListing) return await listBackfills(invocation, context, other);
  if (other !== undefined) {
    throw new AppError("invalid", `sluice backfill takes one pipeline, not "${other}" as well`);
  }
  const retried = invocation.text("retry");
  const user = callerName(context);
  const request = retried === undefined ? readRequest(invocation) : undefined;
  await using connection = await connectToWork(invocation, context, pipeline);
  const { backfills } = connection.engine;
  requireServerToDetach(connection, invocation);
  if (request !== undefined) await applyFirst(connection, pipeline);
  if (retried !== undefined) await requireOf(backfills, retried, pipeline);
  await startLocally(connection, pipeline);
  const started = request === undefined
    ? await backfills.retry(retried ?? "")
    : await backfills.start(pipeline, { ...request, ...(user === undefined ? {} : { triggeredBy: user }) });
  if (invocation.flag("detach")) return show(started, invocation, context);
  return show(await follow(backfills, started, invocation, context), invocation, context);
};

/** Throws `invalid` for what is missing. */
function readRequest(invocation: Invocation) {
  const required = (name: string): string => {
    const text = invocation.text(name);
    if (text !== undefined) return text;
    throw new AppError("invalid", `--${name} is missing: a backfill needs --from, --to and --every`);
  };
  const select = selectionOf(invocation.text("select"), invocation.text("exclude"));
  const group = invocation.text("group");
  return {
    from: required("from"),
    to: required("to"),
    every: required("every"),
    params: readParams(invocation.list("param")),
    ...(select === undefined ? {} : { select }),
    windowOnly: invocation.flag("window-only"),
    ...(group === undefined ? {} : { group }),
    ...readLabels(invocation),
    priority: readInteger(invocation, "priority", { minimum: -1_000, maximum: 1_000, fallback: -10 }),
  };
}

async function requireOf(backfills: Backfills, group: string, pipeline: string): Promise<void> {
  const found = await backfills.get(group);
  if (found.pipeline === pipeline) return;
  throw new AppError(
    "invalid",
    `The backfill "${group}" is one of "${found.pipeline}", not of "${pipeline}"`,
  );
}

/**
 * Shows each window as it ends, until all have. The first Ctrl-C cancels what is left, the second leaves at once.
 */
async function follow(
  backfills: Backfills,
  started: BackfillDetail,
  invocation: Invocation,
  context: CliContext,
): Promise<BackfillDetail> {
  const { terminal } = context;
  const { group } = started;
  const say = (line: string) => invocation.flag("quiet") || terminal.note(line);
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  let isStopping = false;
  using _interrupts = context.onInterrupt(() => {
    if (isStopping) context.exit(1);
    isStopping = true;
    terminal.note("Cancelling what is left; Ctrl-C again leaves at once");
    backfills.cancel(group, callerName(context) ?? "the command line").catch(failed.reject);
  });
  say(`Backfill ${group}: ${formatPlural(started.total, "window")}`);
  const told = new Map<string, string>();
  for (let now = started;; now = await Promise.race([backfills.get(group), failed.promise])) {
    for (const window of now.windows) {
      if (window.state === "queued" || window.state === "running") continue;
      const how = `${window.state} ${window.attempt}`;
      if (told.get(window.run) === how) continue;
      told.set(window.run, how);
      say(windowLine(window));
    }
    if (now.state !== "running") return now;
    await Promise.race([new Promise((resolve) => setTimeout(resolve, POLL_MS)), failed.promise]);
  }
}

/** `2026-01-01 → 2026-01-02 succeeded in 1.2 s, 1,204 rows loaded (run …)`. */
function windowLine(
  { window_start, window_end, state, duration_ms, rows_loaded, error, run }: BackfillWindow,
) {
  const span = `${shortTime(window_start)} → ${shortTime(window_end)}`;
  const took = duration_ms === null ? "" : ` in ${formatDuration(duration_ms)}`;
  if (state === "succeeded") {
    return `${span} succeeded${took}, ${formatPlural(rows_loaded, "row")} loaded (run ${run})`;
  }
  return oneLine(`${span} ${state}${took}${error === null ? "" : `: ${error.message}`} (run ${run})`);
}

/** 0 where every run has succeeded, or none has failed yet. */
function show(backfill: BackfillDetail, invocation: Invocation, { terminal }: CliContext): number {
  terminal.out(invocation.flag("json") ? JSON.stringify(backfill) : outcomeLine(backfill));
  return backfill.state === "failed" || backfill.state === "cancelled" ? 1 : 0;
}

function outcomeLine({ group, pipeline, state, total, runs, rows_loaded }: BackfillDetail): string {
  const counts = Object.entries(runs).filter(([, count]) => count > 0)
    .map(([name, count]) => `${formatCount(count)} ${name}`).join(", ");
  const retry = state === "failed" ? ` Try them again with sluice backfill ${pipeline} --retry ${group}` : "";
  return `${pipeline} ${state}: ${formatPlural(total, "window")}, ${counts}, ` +
    `${formatPlural(rows_loaded, "row")} loaded (backfill ${group}).${retry}`;
}

/** A midnight as its date alone. */
export function shortTime(iso: string): string {
  return iso.endsWith("T00:00:00.000Z") ? iso.slice(0, 10) : iso.slice(0, 16).replace("T", " ");
}
