import type { Backfill, BackfillWindow } from "../../../../contract/backfills/backfill.ts";
import { type PageRequest, readPages } from "../../../../contract/lists/page.ts";
import { formatCount, formatDuration } from "../../../../text/format.ts";
import type { CommandRun } from "../../command.ts";
import { commandText } from "../../command_text.ts";
import { connect } from "../../connect.ts";
import { readFolders, readLimit } from "../../settings.ts";
import { formatTable } from "../../table.ts";
import { formatTime, oneLine, shortRunId, withoutSeconds } from "../../text.ts";
import { shortTime } from "./backfill_command.ts";

/** `sluice backfills [GROUP]`: newest first, or one with how each of its windows stands. */
export const backfills: CommandRun = async (invocation, context) => {
  const limit = readLimit(invocation, 20);
  const [group] = invocation.arguments;
  const pipeline = invocation.text("pipeline");
  const environment = invocation.text("env");
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "read",
  );
  const { terminal } = context;
  const { backfills } = connection.engine;
  const isJson = invocation.flag("json");
  if (group !== undefined) {
    const found = await backfills.get(group);
    terminal.out(isJson ? JSON.stringify(found) : formatWindows(found.windows, terminal.tableColumns()));
    return 0;
  }
  const filter = pipeline !== undefined ? { pipeline } : environment === undefined ? {} : { environment };
  const readPage = (page: PageRequest) => backfills.list({ ...filter, ...page });
  const found = await readPages(limit, readPage, (backfill) => backfill.group);
  // Those of a removed pipeline are kept: only where there are none is the name in question.
  if (found.length === 0 && pipeline !== undefined) await connection.engine.getPipeline(pipeline);
  if (isJson) terminal.out(JSON.stringify(found));
  else if (found.length === 0) {
    const start = commandText(`backfill ${pipeline ?? "PIPELINE"}`, context, invocation);
    terminal.note(`No backfills yet. Start one with ${start}.`);
  } else terminal.out(formatBackfills(found, terminal.tableColumns()));
  return 0;
};

function formatBackfills(found: readonly Backfill[], width: number): string {
  return formatTable(
    [
      { title: "BACKFILL", minWidth: 16 },
      { title: "PIPELINE", minWidth: 12 },
      { title: "STATE" },
      { title: "CREATED (UTC)", short: withoutSeconds, mayGo: true },
      { title: "WINDOWS", align: "right" },
      { title: "DONE", align: "right" },
      { title: "FAILED", align: "right" },
      { title: "LOADED", align: "right", mayGo: true },
    ],
    found.map((one) => [
      one.group,
      one.pipeline,
      one.state,
      formatTime(one.created_at),
      formatCount(one.total),
      formatCount(one.runs.succeeded),
      formatCount(one.runs.failed),
      formatCount(one.rows_loaded),
    ]),
    width,
  );
}

function formatWindows(windows: readonly BackfillWindow[], width: number): string {
  return formatTable(
    [
      { title: "FROM", minWidth: 10 },
      { title: "TO", minWidth: 10 },
      { title: "STATE" },
      { title: "RUN", short: shortRunId },
      { title: "DURATION", align: "right" },
      { title: "LOADED", align: "right", mayGo: true },
      { title: "ERROR", minWidth: 20 },
    ],
    windows.map((window) => [
      shortTime(window.window_start),
      shortTime(window.window_end),
      window.state,
      window.run,
      formatDuration(window.duration_ms),
      formatCount(window.rows_loaded),
      oneLine(window.error?.message ?? ""),
    ]),
    width,
  );
}
