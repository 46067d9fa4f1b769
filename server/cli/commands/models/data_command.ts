import { basename, dirname, join, resolve } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import { DATA_FORMATS, type DataFormat, type WrittenQuery } from "../../../../contract/snapshots/query.ts";
import type { Snapshot } from "../../../../contract/snapshots/snapshot.ts";
import type { DataRows } from "../../../../engine/control/data/port.ts";
import { formatBytes, formatCount, formatPlural } from "../../../../text/format.ts";
import { listWords } from "../../../../text/suggest.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { connect } from "../../connect.ts";
import { readFolders, readInteger } from "../../settings.ts";
import { type ColumnSpec, formatTable } from "../../table.ts";
import type { Terminal } from "../../terminal.ts";
import { formatTime, truncate, withoutSeconds } from "../../text.ts";

const COLUMNS: readonly ColumnSpec[] = [
  { title: "MODEL", minWidth: 20 },
  { title: "ROWS", align: "right" },
  { title: "SIZE", align: "right" },
  { title: "PUBLISHED (UTC)", short: withoutSeconds },
  { title: "COLUMNS", minWidth: 12 },
];
const MAX_LIST_WIDTH = 60;
const MAX_LIMIT = 100_000;
const ROW_OPTIONS = ["format", "columns", "where", "order", "limit", "output"] as const;

/** `sluice data PIPELINE[.MODEL]`: what a pipeline publishes; of a model its rows, to stdout or a file. */
export const data: CommandRun = async (invocation, context) => {
  const [address = ""] = invocation.arguments;
  const [pipeline = "", model] = address.split(".");
  const query = queryOf(invocation);
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "read",
  );
  const { engine } = connection;
  const { terminal } = context;
  if (model === undefined) {
    const given = ROW_OPTIONS.find((name) => invocation.text(name) !== undefined);
    if (given !== undefined) {
      throw new AppError("invalid", `--${given} is for the rows of a model: sluice data PIPELINE.MODEL`);
    }
    const found = await engine.data.list(pipeline);
    if (invocation.flag("json")) terminal.out(JSON.stringify(found));
    else if (found.length === 0) terminal.note(`Pipeline "${pipeline}" has published nothing`);
    else terminal.out(formatTable(COLUMNS, found.map(rowOf), terminal.tableColumns()));
    return 0;
  }
  const output = invocation.text("output");
  const isBinary = query.format === "parquet" || query.format === "arrow";
  if (isBinary && output === undefined) {
    throw new AppError("invalid", `--format ${query.format} is for a file: name it with --output FILE`);
  }
  const snapshot = await engine.data.find(pipeline, model);
  const rows = await engine.data.read(snapshot, query, terminal.closed);
  if (output === undefined) {
    await printLines(rows, terminal);
    return 0;
  }
  await writeFile(rows, resolve(context.cwd, output), context);
  return 0;
};

function queryOf(invocation: Invocation): WrittenQuery {
  const text = invocation.text("format") ?? (invocation.flag("json") ? "json" : "csv");
  const format = DATA_FORMATS.find((known): known is DataFormat => known === text);
  if (format === undefined) {
    throw new AppError("invalid", `--format is "${text}", expected ${listWords(DATA_FORMATS, "or")}`);
  }
  const limit = invocation.text("limit") === undefined
    ? undefined
    : readInteger(invocation, "limit", { minimum: 1, maximum: MAX_LIMIT, fallback: MAX_LIMIT });
  const texts = (["columns", "where", "order"] as const).flatMap((name) => {
    const given = invocation.text(name);
    return given === undefined ? [] : [[name, given] as const];
  });
  return { format, ...Object.fromEntries(texts), ...(limit === undefined ? {} : { limit }) };
}

function rowOf({ model, rows, size_bytes, published_at, columns }: Snapshot): string[] {
  return [
    model,
    formatCount(rows),
    formatBytes(size_bytes),
    formatTime(published_at),
    truncate(columns.map(({ name, type }) => `${name} ${type}`).join(", "), MAX_LIST_WIDTH),
  ];
}

async function printLines({ body }: DataRows, terminal: Terminal): Promise<void> {
  let rest = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const text = rest + chunk;
    const end = text.lastIndexOf("\n");
    if (end !== -1) terminal.out(text.slice(0, end));
    rest = text.slice(end + 1);
  }
  if (rest !== "") terminal.out(rest);
}

/** It is there as a whole, or as it was. */
async function writeFile({ body, rows, sizeBytes }: DataRows, path: string, { terminal }: CliContext) {
  const unfinished = join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}.tmp`);
  try {
    await Deno.writeFile(unfinished, body, { createNew: true });
    await Deno.rename(unfinished, path);
  } catch (error) {
    await Deno.remove(unfinished).catch(() => {});
    if (error instanceof AppError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError("unavailable", `Cannot write ${path}: ${reason}`, { cause: error });
  }
  terminal.note(`${formatPlural(rows, "row")}, ${formatBytes(sizeBytes)} written to ${path}`);
}
