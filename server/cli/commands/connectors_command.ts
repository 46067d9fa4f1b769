import type { SourceStream } from "../../../contract/discovery.ts";
import { AppError } from "../../../contract/errors.ts";
import { formatBytes, formatCount } from "../../../text/format.ts";
import { didYouMean } from "../../../text/suggest.ts";
import type { CommandRun } from "../command.ts";
import { connect } from "../connect.ts";
import { readFolders } from "../settings.ts";
import { type ColumnSpec, formatTable } from "../table.ts";
import { oneLine, truncate } from "../text.ts";
import { pipelineYaml } from "../pipeline_yaml.ts";

const CONNECTOR_COLUMNS: readonly ColumnSpec[] = [
  { title: "NAME", minWidth: 16 },
  { title: "TYPE" },
  { title: "WHAT", minWidth: 16 },
];
const STREAM_COLUMNS: readonly ColumnSpec[] = [
  { title: "STREAM", minWidth: 24 },
  { title: "KIND", mayGo: true },
  { title: "ROWS", align: "right" },
  { title: "SIZE", align: "right" },
  { title: "KEY", minWidth: 12 },
  { title: "COLUMNS", minWidth: 16 },
];
const CHECK_COLUMNS: readonly ColumnSpec[] = [
  { title: "CHECK" },
  { title: "STATE" },
  { title: "WHAT", minWidth: 24 },
];
/** All of them are in the JSON. */
const MAX_COLUMNS_WIDTH = 100;

/**
 * `sluice connectors`: the project's connectors; `discover NAME`: the streams that one has; `test NAME`: what works
 * of it.
 */
export const connectors: CommandRun = async (invocation, context) => {
  const [verb, name, ...rest] = invocation.arguments;
  const isAction = (verb === "discover" || verb === "test") && name !== undefined && rest.length === 0;
  if (verb !== undefined && !isAction) {
    throw new AppError(
      "invalid",
      `sluice connectors takes nothing, discover NAME or test NAME${didYouMean(verb, ["discover", "test"])}`,
    );
  }
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "read",
  );
  const { engine } = connection;
  const { terminal } = context;
  const isJson = invocation.flag("json");
  if (name === undefined) {
    const found = await engine.listConnectors();
    const rows = found.map((one) => [one.name, one.type, one.description]);
    terminal.out(
      isJson ? JSON.stringify(found) : formatTable(CONNECTOR_COLUMNS, rows, terminal.tableColumns()),
    );
    return 0;
  }
  const stop = new AbortController();
  using _interrupts = context.onInterrupt(() => stop.abort(new AppError("cancelled", "Stopped")), {
    withHangup: true,
  });
  if (verb === "test") {
    const test = await engine.testConnector(name, stop.signal);
    const rows = test.checks.map(({ name, state, message }) => [name, state, oneLine(message)]);
    terminal.out(isJson ? JSON.stringify(test) : formatTable(CHECK_COLUMNS, rows, terminal.tableColumns()));
    return test.ok ? 0 : 1;
  }
  const streams = await engine.discoverStreams(name, stop.signal);
  if (invocation.flag("yaml")) terminal.out(pipelineYaml(name, streams));
  else if (isJson) terminal.out(JSON.stringify(streams));
  else if (streams.length === 0) terminal.note(`"${name}" has no streams that its user may read`);
  else terminal.out(formatTable(STREAM_COLUMNS, streams.map(rowOf), terminal.tableColumns()));
  return 0;
};

function rowOf(stream: SourceStream): string[] {
  return [
    stream.name,
    stream.kind,
    stream.rows === null ? "" : formatCount(stream.rows),
    stream.size_bytes === null ? "" : formatBytes(stream.size_bytes),
    stream.primary_key.join(", "),
    truncate(stream.columns.map((column) => `${column.name} ${column.type}`).join(", "), MAX_COLUMNS_WIDTH),
  ];
}
