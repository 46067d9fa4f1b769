import type { PipelineSummary } from "../../../contract/run.ts";
import type { CommandRun } from "../command.ts";
import { commandText } from "../command_text.ts";
import { connect } from "../connect.ts";
import { readFolders } from "../settings.ts";
import { type ColumnSpec, formatTable, formatTime } from "../text.ts";

const COLUMNS: readonly ColumnSpec[] = [
  { title: "PIPELINE" },
  { title: "SCHEDULE" },
  { title: "NEXT (UTC)" },
  { title: "LAST RUN (UTC)" },
  { title: "STATE" },
  { title: "FAULTS", align: "right" },
];

/** `sluice pipelines`: what there is, when it runs next, and how it went last. */
export const pipelines: CommandRun = async (invocation, context) => {
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "read",
  );
  const found = await connection.engine.listPipelines();
  if (invocation.flag("json")) context.terminal.out(JSON.stringify(found));
  else if (found.length === 0) {
    context.terminal.note(
      `No pipelines in force. Put the project's in force with ${commandText("apply", context, invocation)}.`,
    );
  } else context.terminal.out(formatTable(COLUMNS, found.map(rowOf)));
  return 0;
};

function rowOf({ name, schedule, paused, next_run_at, last_run, faults }: PipelineSummary): string[] {
  return [
    name,
    schedule === null ? "" : `${schedule.cron} ${schedule.timezone}${paused ? " (paused)" : ""}`,
    next_run_at === null ? "" : formatTime(next_run_at),
    last_run === null ? "" : formatTime(last_run.created_at),
    last_run?.state ?? "",
    faults.length === 0 ? "" : String(faults.length),
  ];
}
