import type { FailedRows } from "../../../../contract/checks/failed_rows.ts";
import { formatPlural } from "../../../../text/format.ts";
import type { CommandRun } from "../../command.ts";
import { connect } from "../../connect.ts";
import { readFolders } from "../../settings.ts";
import { type ColumnSpec, formatTable } from "../../table.ts";
import { oneLine, truncate } from "../../text.ts";

const COLUMNS: readonly ColumnSpec[] = [
  { title: "CHECK" },
  { title: "STATE" },
  { title: "ROWS", align: "right" },
  { title: "MESSAGE", minWidth: 20 },
];
const MAX_CELL_WIDTH = 60;

/** `sluice checks RUN [CHECK]`: the checks of a run, or the rows that failed one. */
export const checks: CommandRun = async (invocation, context) => {
  const [id = "", check] = invocation.arguments;
  const { terminal } = context;
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "read",
  );
  const { engine } = connection;
  const run = await engine.getRun(id);
  if (check !== undefined) {
    const found = await engine.getFailedRows(run.id, check);
    if (invocation.flag("json")) terminal.out(JSON.stringify(found));
    else if (found.rows.length > 0) terminal.out(formatRows(found, terminal.tableColumns()));
    else terminal.note(found.failures === 0 ? "No row fails it" : "None of its rows were kept");
    return 0;
  }
  const steps = run.steps.filter(({ kind }) => kind === "check");
  if (invocation.flag("json")) terminal.out(JSON.stringify(steps));
  else if (steps.length === 0) terminal.note("The run has no checks");
  else {
    const rows = steps.map(({ name, state, rows, error }) => [
      name.slice("check:".length),
      state,
      rows === null ? "" : String(rows),
      truncate(oneLine(error?.message ?? ""), 120),
    ]);
    terminal.out(formatTable(COLUMNS, rows, terminal.tableColumns()));
  }
  return 0;
};

function formatRows({ columns, rows, failures }: FailedRows, width: number | undefined): string {
  const cells = rows.map((row) => row.map((cell) => truncate(oneLine(cell ?? "NULL"), MAX_CELL_WIDTH)));
  const text = formatTable(columns.map((title) => ({ title })), cells, width);
  return failures > rows.length
    ? `${text}\n\n${formatPlural(failures - rows.length, "more row")} were not kept`
    : text;
}
