import { AppError } from "../../../contract/errors.ts";
import type { StreamRejects } from "../../../contract/rejects.ts";
import { formatCount, formatPlural } from "../../../text/format.ts";
import { didYouMean, listWords } from "../../../text/suggest.ts";
import type { CommandRun } from "../command.ts";
import { connect } from "../connect.ts";
import { readFolders } from "../settings.ts";
import { type ColumnSpec, formatTable } from "../table.ts";
import { formatTime, oneLine, truncate, withoutSeconds } from "../text.ts";

const ACTIONS = ["list", "replay", "drop"] as const;

const STREAM_COLUMNS: readonly ColumnSpec[] = [
  { title: "STREAM", minWidth: 16 },
  { title: "REJECTS", align: "right" },
  { title: "SINCE (UTC)", short: withoutSeconds },
  { title: "NEWEST REASON", minWidth: 24 },
];
const REJECT_COLUMNS: readonly ColumnSpec[] = [
  { title: "POSITION", minWidth: 12 },
  { title: "REASON", minWidth: 24 },
  { title: "ROW", minWidth: 16 },
];
/** All of it is in the JSON. */
const MAX_TEXT_WIDTH = 100;

/** `sluice rejects list|replay|drop PIPELINE [STREAM]`: rows that did not fit. */
export const rejects: CommandRun = async (invocation, context) => {
  const [verb = "", pipeline = "", stream] = invocation.arguments;
  const action = ACTIONS.find((known) => known === verb);
  if (action === undefined) {
    throw new AppError(
      "invalid",
      `sluice rejects takes ${listWords(ACTIONS, "or")}, not "${verb}"${didYouMean(verb, ACTIONS)}`,
    );
  }
  if (action !== "list" && stream === undefined) {
    throw new AppError("invalid", `sluice rejects ${action} needs the name of a stream: PIPELINE STREAM`);
  }
  const folders = readFolders(invocation, context);
  const use = action === "list" ? "read" : "change";
  await using connection = await connect(folders, context, invocation.command, use);
  const { engine } = connection;
  const { terminal } = context;
  const isJson = invocation.flag("json");
  if (action !== "list") {
    const stop = new AbortController();
    using _interrupts = context.onInterrupt(() => stop.abort(new AppError("cancelled", "Stopped")));
    const positions = invocation.list("position");
    const change = await engine.changeRejects(
      pipeline,
      stream ?? "",
      { action, ...(positions.length === 0 ? {} : { positions }) },
      stop.signal,
    );
    if (isJson) terminal.out(JSON.stringify(change));
    else {
      const isLoad = change.stream.startsWith("load:");
      const done = action === "drop"
        ? `${formatPlural(change.dropped, "reject")} dropped`
        : `${formatPlural(change.replayed, "row")} ${
          isLoad ? "sent again and taken" : `replayed into raw.${change.stream}`
        }`;
      const why = change.reason === null ? "" : `: ${change.reason}`;
      terminal.out(change.left === 0 ? done : `${done}, ${formatCount(change.left)} left${why}`);
    }
    return 0;
  }
  if (stream !== undefined) {
    const found = await engine.getRejects(pipeline, stream);
    if (isJson) terminal.out(JSON.stringify(found));
    else if (found.count === 0) terminal.note(`"${found.stream}" has no rejects`);
    else terminal.out(formatRejects(found, terminal.tableColumns()));
    return 0;
  }
  const found = await engine.listRejects(pipeline);
  if (isJson) terminal.out(JSON.stringify(found));
  else if (found.length === 0) terminal.note(`Nothing of "${pipeline}" has rejects`);
  else {
    const rows = found.map(({ stream, count, changed_at, reason }) => [
      stream,
      formatCount(count),
      formatTime(changed_at),
      truncate(oneLine(reason), MAX_TEXT_WIDTH),
    ]);
    terminal.out(formatTable(STREAM_COLUMNS, rows, terminal.tableColumns()));
  }
  return 0;
};

function formatRejects({ count, rejects }: StreamRejects, width: number | undefined): string {
  const rows = rejects.map(({ position, reason, row }) => [
    position ?? "",
    truncate(oneLine(reason), MAX_TEXT_WIDTH),
    truncate(oneLine(row ?? ""), MAX_TEXT_WIDTH),
  ]);
  const text = formatTable(REJECT_COLUMNS, rows, width);
  const more = count - rejects.length;
  return more === 0 ? text : `${text}\n\n${formatPlural(more, "more reject")} in _sluice.rejects`;
}
