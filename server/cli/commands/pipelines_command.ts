import type { FollowedView } from "../../../contract/connector/followed.ts";
import { formatBytes, formatCount, formatDuration, formatPlural } from "../../../text/format.ts";
import { cityOf, formatInZone, formatWait } from "../../../text/zone_time.ts";
import { type JsonSchema, paramsJsonSchema } from "../../../contract/params/json_schema.ts";
import { defaultOf, definedParams, type ParamDefinition } from "../../../contract/params/definition.ts";
import { CONTINUOUS } from "../../../contract/pipeline/schedule.ts";
import { nextOf, type ScheduleView } from "../../../contract/pipeline/schedule_view.ts";
import { afterText, type SensorView } from "../../../contract/triggers/trigger_view.ts";
import type { PipelineDetail, PipelineSummary } from "../../../contract/run.ts";
import type { CommandRun } from "../command.ts";
import { commandText } from "../command_text.ts";
import { connect } from "../connect.ts";
import { readFolders } from "../settings.ts";
import { type ColumnSpec, formatTable } from "../table.ts";
import { formatTime, oneLine, withoutSeconds } from "../text.ts";

const COLUMNS: readonly ColumnSpec[] = [
  { title: "PIPELINE", minWidth: 16 },
  { title: "SCHEDULE", minWidth: 16 },
  { title: "NEXT", short: (next) => next.replace(/ \(in .*\)$/, "") },
  { title: "LAST RUN (UTC)", short: withoutSeconds, mayGo: true },
  { title: "STATE" },
  { title: "FAULTS", align: "right" },
  { title: "WARNINGS", align: "right", mayGo: true },
];

/** `sluice pipelines`: what there is, when it runs next, and how it went last; with PIPELINE that one alone. */
export const pipelines: CommandRun = async (invocation, context) => {
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "read",
  );
  const nowMs = Date.now();
  const [name] = invocation.arguments;
  if (name !== undefined) {
    const pipeline = await connection.engine.getPipeline(name);
    context.terminal.out(
      invocation.flag("json") ? JSON.stringify(pipelineJson(pipeline)) : formatPipeline(pipeline, nowMs),
    );
    return 0;
  }
  const environment = invocation.text("env");
  const found = (await connection.engine.listPipelines())
    .filter((pipeline) => environment === undefined || pipeline.environment === environment);
  if (invocation.flag("json")) context.terminal.out(JSON.stringify(found));
  else if (found.length === 0) {
    context.terminal.note(
      `No pipelines in force. Put the project's in force with ${commandText("apply", context, invocation)}.`,
    );
  } else {
    const rows = found.map((pipeline) => rowOf(pipeline, nowMs));
    context.terminal.out(formatTable(COLUMNS, rows, context.terminal.tableColumns()));
  }
  return 0;
};

/** One pipeline with what its runs take and how far its streams are in logs, for a program. */
export function pipelineJson(
  { definition, source: _, files: __, steps: ___, ...summary }: PipelineDetail,
): Omit<PipelineDetail, "definition" | "source" | "files" | "steps"> & { readonly params: JsonSchema } {
  return { ...summary, params: paramsJsonSchema(summary.name, definedParams(definition)) };
}

/** `Thu 07:30 Paris (in 1 h 49 min)`. */
function nextText(schedules: readonly ScheduleView[], nowMs: number): string {
  const [next] = nextOf(schedules, 1);
  if (next === undefined) {
    return schedules.some(({ cron }) => cron === CONTINUOUS) ? "after the last" : "never";
  }
  const atMs = Date.parse(next.at);
  return `${formatInZone(atMs, next.timezone, nowMs)} (in ${formatWait(atMs - nowMs)})`;
}

/** One pipeline: what it is, when it runs next, how it went last, what is wrong with its files. */
export function formatPipeline(pipeline: PipelineDetail, nowMs: number): string {
  const { schedules, after, last_run: last, paused } = pipeline;
  const facts: readonly (readonly [string, string])[] = [
    ["pipeline", pipeline.name],
    ["about", pipeline.description ?? ""],
    ["tags", pipeline.tags.join(", ")],
    ...(schedules.length === 0 && after === null && pipeline.sensors.length === 0
      ? [["schedule", "on demand"] as const]
      : []),
    ...schedules.flatMap(({ words, timezone, cron }) => [
      ["schedule", `${words}, ${timezone}`] as const,
      ["cron", cron ?? ""] as const,
    ]),
    ["next", schedules.length === 0 ? "" : paused ? "paused" : nextText(schedules, nowMs)],
    ...nextOf(schedules).slice(1).map(({ local }) => ["", local] as const),
    ["after", after === null ? "" : afterText(after) + (paused ? " (paused)" : "")],
    ...pipeline.sensors.flatMap(sensorFacts),
    ["starts", pipeline.followed_by.join(", ")],
    ...Object.entries(definedParams(pipeline.definition)).map((
      [name, param],
      index,
    ) => [index === 0 ? "params" : "", `${name}: ${paramText(param)}`] as const),
    [
      "last",
      last === null ? "no run yet" : `${last.state}, ${formatTime(last.created_at)} UTC, run ${last.id}`,
    ],
    ["warnings", last === null || last.warnings === 0 ? "" : formatCount(last.warnings)],
    ["revision", pipeline.revision?.slice(0, 12) ?? "none in force"],
    ...pipeline.warnings.map((warning): [string, string] => ["warning", warning]),
    ...pipeline.faults.map((fault): [string, string] => [fault.severity, formatFault(fault)]),
  ];
  const head = facts.filter(([, value]) => value !== "").map(([name, value]) =>
    `${name.padEnd(10)}${oneLine(value)}`
  ).join("\n");
  return [head, ...pipeline.followed.map(formatFollowed)].join("\n\n");
}

/** `integer, at least 1, at most 100, 20 by default`. */
function paramText(param: ParamDefinition): string {
  const { type, enum: options, min, max, pattern } = param;
  const fallback = defaultOf(param);
  return [
    type,
    options === undefined ? "" : `one of ${options.join(", ")}`,
    min === undefined ? "" : `at least ${min}`,
    max === undefined ? "" : `at most ${max}`,
    pattern === undefined ? "" : `as ${pattern}`,
    fallback === undefined ? "required" : fallback === null ? "none by default" : `${fallback} by default`,
  ].filter((text) => text !== "").join(", ");
}

function sensorFacts({ connector, path, every, found, found_at }: SensorView): [string, string][] {
  return [
    ["waits for", `${path} of ${connector}, every ${every}`],
    ["", found === null ? "nothing yet" : `${found}, ${formatTime(found_at)} UTC`],
  ];
}

/** How far the streams of one connector are in its log. */
function formatFollowed({ connector, streams, ...followed }: FollowedView): string {
  const { position, lag_seconds, behind_bytes, retained_bytes, caught_up, looked_at } = followed;
  const lag = lag_seconds === null ? "" : `, ${formatDuration(lag_seconds * 1_000)} behind`;
  const facts: readonly (readonly [string, string])[] = [
    ["follows", `${connector}, ${caught_up ? "caught up" : "not caught up"}${lag}`],
    ["position", position ?? ""],
    ["log behind", behind_bytes === null ? "" : formatBytes(behind_bytes)],
    ["log kept", retained_bytes === null ? "" : formatBytes(retained_bytes)],
    ["looked at", `${formatTime(looked_at)} UTC`],
  ];
  const rows = streams.map(({ stream, last_change_at, error }) => [
    stream,
    formatTime(last_change_at),
    oneLine(error ?? ""),
  ]);
  return [
    ...facts.filter(([, value]) => value !== "").map(([name, value]) =>
      `${name.padEnd(12)}${oneLine(value)}`
    ),
    formatTable([{ title: "STREAM" }, { title: "LAST CHANGE (UTC)" }, { title: "FAILS WITH" }], rows),
  ].join("\n");
}

function formatFault({ file, line, column, message }: PipelineSummary["faults"][number]): string {
  return `${
    [file, line, line === undefined ? undefined : column].filter((part) => part !== undefined).join(":")
  }: ${message}`;
}

function rowOf(
  { name, schedule, schedules, after, sensors, paused, last_run, faults, warnings }: PipelineSummary,
  nowMs: number,
): string[] {
  return [
    name,
    schedule === null
      ? (after !== null ? `after ${afterText(after)}` : sensors.length > 0 ? "when files appear" : "")
      : `${schedule.words}, ${cityOf(schedule.timezone)}${
        schedules.length > 1 ? ` +${schedules.length - 1}` : ""
      }`,
    schedule === null && after === null && sensors.length === 0
      ? ""
      : paused
      ? "paused"
      : schedule === null
      ? ""
      : nextText(schedules, nowMs),
    last_run === null ? "" : formatTime(last_run.created_at),
    last_run === null
      ? ""
      : last_run.warnings === 0
      ? last_run.state
      : `${last_run.state}, ${formatPlural(last_run.warnings, "warning")}`,
    faults.length === 0 ? "" : String(faults.length),
    warnings.length === 0 ? "" : String(warnings.length),
  ];
}
