import type { Backfill } from "../../../../contract/backfills/backfill.ts";
import { formatCount, formatDuration } from "../../../../text/format.ts";
import type { CliContext, Invocation } from "../../command.ts";
import { connect } from "../../connect.ts";
import { readFolders } from "../../settings.ts";
import { type ColumnSpec, formatTable } from "../../table.ts";
import { formatTime, withoutSeconds } from "../../text.ts";

const COLUMNS: readonly ColumnSpec[] = [
  { title: "BACKFILL", minWidth: 16 },
  { title: "PIPELINE", minWidth: 12 },
  { title: "FROM (UTC)", short: withoutSeconds },
  { title: "UNTIL (UTC)", short: withoutSeconds },
  { title: "STATE" },
  { title: "DONE", align: "right" },
  { title: "FAILED", align: "right" },
  { title: "LEFT", align: "right", mayGo: true },
];

/** `sluice backfill list [PIPELINE]`: the newest 50, and how far each is. */
export async function listBackfills(
  invocation: Invocation,
  context: CliContext,
  pipeline: string | undefined,
): Promise<number> {
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "read",
  );
  const { terminal } = context;
  const found = await connection.engine.backfills.list(pipeline === undefined ? {} : { pipeline });
  if (invocation.flag("json")) terminal.out(JSON.stringify(found));
  else if (found.length === 0) terminal.note("There are no backfills");
  else terminal.out(formatTable(COLUMNS, found.map(rowOf), terminal.tableColumns()));
  return 0;
}

function rowOf({ group, pipeline, window_start, window_end, state, total, runs, remaining_ms }: Backfill) {
  const done = total - runs.queued - runs.running;
  return [
    group,
    pipeline,
    formatTime(window_start),
    formatTime(window_end),
    state,
    `${formatCount(done)} of ${formatCount(total)}`,
    formatCount(runs.failed),
    state === "running" && remaining_ms !== null ? formatDuration(remaining_ms) : "",
  ];
}
