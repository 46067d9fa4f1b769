import { AppError, toAppError } from "../../../contract/errors.ts";
import { loadName } from "../../../contract/loads/verification.ts";
import type { PipelineDetail, RunDetail, Step } from "../../../contract/run.ts";
import type { Engine } from "../../../engine/control/engine.ts";
import type { CommandRun } from "../command.ts";
import { connect } from "../connect.ts";
import { formatStreams, TRAFFIC_COLUMNS, trafficCells } from "../streams_text.ts";
import { formatManifest } from "./runs/manifest_text.ts";
import { formatPipeline, pipelineJson } from "./pipelines_command.ts";
import { readFolders } from "../settings.ts";
import { formatBytes, formatCount, formatDuration } from "../../../text/format.ts";
import { formatTable } from "../table.ts";
import { formatTime, oneLine, printable, withoutSeconds } from "../text.ts";

/** `sluice show RUN`: the run, its steps, and what went wrong; of a pipeline, what it is and how far its streams are. */
export const show: CommandRun = async (invocation, context) => {
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "read",
  );
  const attempt = invocation.text("attempt");
  if (attempt !== undefined && !/^[1-9]\d{0,5}$/.test(attempt)) {
    throw new AppError("invalid", `--attempt is "${attempt}": expected a number from 1`);
  }
  const asked = invocation.arguments[0] ?? "";
  const isOfRun = attempt !== undefined || invocation.flag("manifest");
  const pipeline = !isOfRun ? await pipelineNamed(connection.engine, asked) : undefined;
  if (pipeline !== undefined) {
    const streams = await connection.engine.listStreams(pipeline.name);
    const width = context.terminal.tableColumns();
    context.terminal.out(
      invocation.flag("json")
        ? JSON.stringify({ ...pipelineJson(pipeline), streams })
        : [formatPipeline(pipeline, Date.now()), formatStreams(streams, width)].filter(Boolean).join("\n\n"),
    );
    return 0;
  }
  if (invocation.flag("manifest")) {
    if (attempt !== undefined) {
      throw new AppError("invalid", "--manifest is of all attempts: leave out --attempt");
    }
    const manifest = await connection.engine.manifests.get(asked);
    const width = context.terminal.tableColumns();
    context.terminal.out(
      invocation.flag("json") ? JSON.stringify(manifest) : formatManifest(manifest, width),
    );
    return 0;
  }
  const run = await connection.engine.getRun(
    asked,
    attempt === undefined ? undefined : Number(attempt),
  );
  context.terminal.out(
    invocation.flag("json") ? JSON.stringify(run) : formatRun(run, context.terminal.tableColumns()),
  );
  return 0;
};

/** The pipeline of just this name; a run may be asked for by any part of its id. */
async function pipelineNamed(engine: Engine, name: string): Promise<PipelineDetail | undefined> {
  try {
    return await engine.getPipeline(name);
  } catch (error) {
    if (["not_found", "invalid"].includes(toAppError(error).code)) return undefined;
    throw error;
  }
}

function formatRun(run: RunDetail, width: number): string {
  const params = Object.entries(run.params).map(([name, value]) => `${name}=${value}`).join(" ");
  const by = run.triggered_by === null ? "" : ` by ${run.triggered_by}`;
  const facts: readonly (readonly [string, string])[] = [
    ["run", run.id],
    ["pipeline", run.pipeline],
    ["state", run.reason === null ? run.state : `${run.state} (${run.reason})`],
    [
      "revision",
      run.revision.slice(0, 12) + (run.git_commit === null ? "" : `, commit ${run.git_commit.slice(0, 12)}`),
    ],
    ["trigger", `${run.trigger}${by}`],
    ["attempt", String(run.attempt)],
    ["group", run.group ?? ""],
    ["parent", run.parent ?? ""],
    ["priority", run.priority === 0 ? "" : String(run.priority)],
    [
      "window",
      `${run.window_start === null ? "the beginning" : formatTime(run.window_start)} to ${
        formatTime(run.window_end)
      } UTC`,
    ],
    ["reads again", run.range === undefined ? "" : `${run.range.from} until before ${run.range.to}`],
    ["cancelled", run.cancelled_by === null ? "" : `by ${run.cancelled_by}`],
    ["params", params],
    ["select", run.select ?? ""],
    ["tags", (run.tags ?? []).join(" ")],
    ["note", run.note ?? ""],
    ["created", `${formatTime(run.created_at)} UTC`],
    ["started", run.started_at === null ? "" : `${formatTime(run.started_at)} UTC`],
    ["finished", run.finished_at === null ? "" : `${formatTime(run.finished_at)} UTC`],
    ["duration", run.duration_ms === null ? "" : formatDuration(run.duration_ms)],
    ["rows", `${formatCount(run.rows_extracted)} extracted, ${formatCount(run.rows_loaded)} loaded`],
    ["memory", run.peak_rss_bytes === null ? "" : `${formatBytes(run.peak_rss_bytes)} at most`],
    ["warnings", run.warnings === 0 ? "" : formatCount(run.warnings)],
  ];
  const head = facts.filter(([, value]) => value !== "").map(([name, value]) =>
    `${name.padEnd(10)}${oneLine(value)}`
  );
  const parts = [head.join("\n")];
  if (run.attempts.length > 1) parts.push(formatAttempts(run, width));
  if (run.steps.length > 0) parts.push(formatSteps(run, width));
  const loads = run.steps.filter((step) => step.kind === "load" && step.state === "succeeded");
  if (loads.length > 0) parts.push(formatReceipts(loads, width));
  const errors = run.steps.flatMap((step) =>
    step.error === null ? [] : [`${step.name}: ${step.error.message}`]
  );
  if (errors.length === 0 && run.error !== null) errors.push(run.error.message);
  if (errors.length > 0) parts.push(printable(errors.join("\n")));
  return parts.join("\n\n");
}

function formatAttempts(run: RunDetail, width: number): string {
  return formatTable(
    [
      { title: "ATTEMPT", align: "right" },
      { title: "STATE" },
      { title: "STARTED (UTC)", short: withoutSeconds },
      { title: "DURATION", align: "right" },
      { title: "MEMORY", align: "right", mayGo: true },
      { title: "ERROR", minWidth: 16 },
    ],
    run.attempts.map((attempt) => [
      String(attempt.attempt),
      attempt.state,
      formatTime(attempt.started_at),
      formatDuration(attempt.duration_ms),
      formatBytes(attempt.peak_rss_bytes),
      oneLine(attempt.error?.message ?? ""),
    ]),
    width,
  );
}

function formatSteps(run: RunDetail, width: number): string {
  const asksApi = run.steps.some(({ traffic }) => traffic !== undefined);
  const hasRejects = run.steps.some(({ rejects = 0 }) => rejects > 0);
  return formatTable(
    [
      { title: "STEP", minWidth: 24 },
      { title: "STATE" },
      ...(run.attempt > 1 ? [{ title: "ATTEMPT", align: "right" } as const] : []),
      { title: "ROWS", align: "right" },
      ...hasRejects ? [{ title: "REJECTS", align: "right" }] as const : [],
      ...asksApi ? TRAFFIC_COLUMNS : [],
      { title: "SIZE", align: "right" },
      { title: "DURATION", align: "right" },
    ],
    run.steps.map((step) => [
      step.name,
      step.state,
      ...(run.attempt > 1 ? [String(step.attempt)] : []),
      formatCount(step.rows),
      ...hasRejects ? [step.rejects === undefined ? "" : formatCount(step.rejects)] : [],
      ...asksApi ? trafficCells(step.traffic) : [],
      formatBytes(step.size_bytes),
      formatDuration(step.duration_ms),
    ]),
    width,
  );
}

/** What the loads have left. */
function formatReceipts(loads: readonly Step[], width: number): string {
  return formatTable(
    [
      { title: "LOAD", minWidth: 24 },
      { title: "SENT", align: "right" },
      { title: "NEW", align: "right" },
      { title: "CHANGED", align: "right" },
      { title: "GONE", align: "right" },
      { title: "HASH", mayGo: true },
      { title: "VERIFIED (UTC)", short: withoutSeconds },
    ],
    loads.map(({ name, rows, inserted, updated, deleted, hash, verified, finished_at }) => [
      loadName(name),
      formatCount(rows),
      formatCount(inserted ?? null),
      formatCount(updated ?? null),
      formatCount(deleted ?? null),
      hash ?? "",
      verified === true ? formatTime(finished_at) : "",
    ]),
    width,
  );
}
