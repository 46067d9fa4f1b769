import { AppError } from "../../../contract/errors.ts";
import { type PageRequest, readPages } from "../../../contract/lists/page.ts";
import { type Run, RUN_STATES, TRIGGERS } from "../../../contract/run.ts";
import { didYouMean } from "../../../text/suggest.ts";
import type { CommandRun } from "../command.ts";
import { commandText } from "../command_text.ts";
import { connect } from "../connect.ts";
import { readFolders, readLimit } from "../settings.ts";
import { formatCount, formatDuration } from "../../../text/format.ts";
import { formatTable } from "../table.ts";
import { formatTime, shortRunId, withoutSeconds } from "../text.ts";

/** `sluice runs`: newest first. */
export const runs: CommandRun = async (invocation, context) => {
  const limit = readLimit(invocation, 20);
  const pipeline = invocation.text("pipeline");
  const group = invocation.text("group");
  const tag = invocation.text("tag");
  const since = invocation.text("since");
  const until = invocation.text("until");
  const state = readWord(invocation.text("state"), "state", RUN_STATES);
  const trigger = readWord(invocation.text("trigger"), "trigger", TRIGGERS);
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "read",
  );
  const environment = invocation.text("env");
  const filter = {
    ...(pipeline !== undefined || environment === undefined ? {} : { environment }),
    ...(pipeline === undefined ? {} : { pipeline }),
    ...(state === undefined ? {} : { state }),
    ...(group === undefined ? {} : { group }),
    ...(tag === undefined ? {} : { tag }),
    ...(trigger === undefined ? {} : { trigger }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
  const readPage = ({ limit, cursor }: PageRequest) =>
    connection.engine.listRuns({ ...filter, limit, ...(cursor === undefined ? {} : { before: cursor }) });
  const found = await readPages(limit, readPage, ({ id }) => id);
  // Runs of a removed pipeline are kept: only where there are none is the name in question.
  if (found.length === 0 && pipeline !== undefined) await connection.engine.getPipeline(pipeline);
  if (invocation.flag("json")) context.terminal.out(JSON.stringify(found));
  else if (found.length === 0 && Object.keys(filter).some((name) => name !== "pipeline")) {
    context.terminal.note("No run fits what was asked for.");
  } else if (found.length === 0) {
    const start = commandText(`run ${pipeline ?? "PIPELINE"}`, context, invocation);
    context.terminal.note(`No runs yet. Start one with ${start}.`);
  } else context.terminal.out(formatRuns(found, context.terminal.tableColumns()));
  return 0;
};

function readWord<T extends string>(
  text: string | undefined,
  option: string,
  words: readonly T[],
): T | undefined {
  const word = words.find((known) => known === text);
  if (text !== undefined && word === undefined) {
    throw new AppError(
      "invalid",
      `--${option} is "${text}", expected one of ${words.join(", ")}${didYouMean(text, words)}`,
    );
  }
  return word;
}

function formatRuns(runs: readonly Run[], width: number): string {
  return formatTable(
    [
      { title: "RUN", short: shortRunId },
      { title: "PIPELINE", minWidth: 12 },
      { title: "STATE" },
      { title: "TRIGGER", mayGo: true },
      { title: "CREATED (UTC)", short: withoutSeconds },
      { title: "DURATION", align: "right" },
      { title: "EXTRACTED", align: "right", mayGo: true },
      { title: "LOADED", align: "right" },
      { title: "WARNINGS", align: "right" },
    ],
    runs.map((run) => [
      run.id,
      run.pipeline,
      run.state,
      run.trigger,
      formatTime(run.created_at),
      formatDuration(run.duration_ms),
      formatCount(run.rows_extracted),
      formatCount(run.rows_loaded),
      formatCount(run.warnings),
    ]),
    width,
  );
}
