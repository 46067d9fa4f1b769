import type { Table, TablePreview } from "../../../contract/table.ts";
import { AppError } from "../../../contract/errors.ts";
import { formatCount, formatPlural } from "../../../text/format.ts";
import type { CliContext, CommandRun, Invocation } from "../command.ts";
import { connect } from "../connect.ts";
import { readFolders } from "../settings.ts";
import type { Terminal } from "../terminal.ts";
import { type ColumnSpec, formatTable } from "../table.ts";
import { formatTime, oneLine, truncate, withoutSeconds } from "../text.ts";

const TABLE_COLUMNS: readonly ColumnSpec[] = [
  { title: "TABLE", minWidth: 20 },
  { title: "ROWS", align: "right" },
  { title: "CHANGED (UTC)", short: withoutSeconds },
  { title: "CURSOR", minWidth: 10 },
  { title: "COLUMNS", minWidth: 12 },
];
/** All of it is in the JSON. */
const MAX_LIST_WIDTH = 60;
const MAX_CELL_WIDTH = 40;

const MODEL_OPTIONS = ["limit", "format", "param", "window-start", "window-end"] as const;

/**
 * `sluice preview PIPELINE`: its tables; with TABLE that one's columns and first rows, as the last run left them.
 * `sluice preview PIPELINE.MODEL`: the rows of a model as its SQL is now.
 */
export const preview: CommandRun = async (invocation, context) => {
  const [address = "", table] = invocation.arguments;
  const dot = address.indexOf(".");
  if (dot > 0 && table === undefined && !isRawTable(address.slice(dot + 1))) {
    const { previewModel } = await import("./queries/preview_model.ts");
    return await previewModel(address.slice(0, dot), address.slice(dot + 1), invocation, context);
  }
  const given = MODEL_OPTIONS.find((name) => invocation.list(name).length > 0);
  if (given !== undefined) {
    throw new AppError("invalid", `--${given} is for the rows of a model: sluice preview PIPELINE.MODEL`);
  }
  return await previewKept(
    ...(dot > 0 && table === undefined
      ? [address.slice(0, dot), address.slice(dot + 1)] as const
      : [address, table] as const),
    invocation,
    context,
  );
};

/** What a stream has read is as it is: no SQL makes it. */
const isRawTable = (name: string): boolean => /^raw\./i.test(name);

/** The pipeline's tables, or one of them, as the last run left them. */
async function previewKept(
  pipeline: string,
  table: string | undefined,
  invocation: Invocation,
  context: CliContext,
): Promise<number> {
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "read",
  );
  const { engine } = connection;
  const { terminal } = context;
  const isJson = invocation.flag("json");
  if (table === undefined) {
    const tables = await engine.listTables(pipeline);
    if (isJson) terminal.out(JSON.stringify(tables));
    else if (tables.length === 0) terminal.note(`Pipeline "${pipeline}" has no streams and no models`);
    else terminal.out(formatTable(TABLE_COLUMNS, tables.map(tableRow), terminal.tableColumns()));
    return 0;
  }
  const found = await engine.previewTable(pipeline, table);
  terminal.out(isJson ? JSON.stringify(found) : formatPreview(found, terminal));
  return 0;
}

function tableRow(table: Table): string[] {
  return [
    table.name,
    formatCount(table.row_count),
    formatTime(table.changed_at),
    table.cursor === null ? "" : truncate(oneLine(table.cursor.value), MAX_CELL_WIDTH),
    truncate(table.columns.map(({ name, type }) => `${name} ${type}`).join(", "), MAX_LIST_WIDTH),
  ];
}

function formatPreview(table: TablePreview, terminal: Terminal): string {
  const { cursor } = table;
  const facts: readonly (readonly [string, string])[] = [
    ["table", table.name],
    ["about", table.description ?? ""],
    ["rows", table.row_count === null ? "" : formatCount(table.row_count)],
    ["changed", table.changed_at === null ? "" : `${formatTime(table.changed_at)} UTC by run ${table.run}`],
    ["cursor", cursor === null ? "" : `${cursor.column} = ${cursor.value}`],
  ];
  const parts = [
    facts.filter(([, value]) => value !== "").map(([name, value]) => `${name.padEnd(10)}${oneLine(value)}`)
      .join("\n"),
    formatTable(
      [{ title: "COLUMN", minWidth: 20 }, { title: "TYPE", minWidth: 12 }, { title: "ABOUT", minWidth: 20 }],
      table.columns.map(({ name, type, description }) => [name, type, description ?? ""]),
      terminal.tableColumns(),
    ),
  ];
  if (table.rows.length > 0) parts.push(formatRows(table, terminal.columns()));
  if (table.note !== null) parts.push(`${table.note}.`);
  return parts.join("\n\n");
}

/** As many columns as the terminal has room for, one at least. */
function formatRows({ columns, rows }: TablePreview, width: number): string {
  const cells = rows.map((row) =>
    row.map((cell) => truncate(cell === null ? "NULL" : oneLine(cell), MAX_CELL_WIDTH))
  );
  let room = width;
  let shown = 0;
  for (const [index, { name }] of columns.entries()) {
    room -= Math.max([...name].length, ...cells.map((row) => [...row[index] ?? ""].length)) + 2;
    if (room < -2 && shown > 0) break;
    shown += 1;
  }
  const titles = columns.slice(0, shown).map(({ name }) => ({ title: oneLine(name) }));
  const text = formatTable(titles, cells.map((row) => row.slice(0, shown)));
  const left = columns.length - shown;
  return left === 0 ? text : `${text}\n\n${formatPlural(left, "more column")} with --json`;
}
