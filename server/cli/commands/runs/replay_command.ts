import { AppError } from "../../../../contract/errors.ts";
import type { ModelReplay, RunReplay } from "../../../../contract/runs/replay.ts";
import { formatPlural } from "../../../../text/format.ts";
import type { CommandRun } from "../../command.ts";
import { connect } from "../../connect.ts";
import { dataLines } from "../../plan/plan_text.ts";
import { readFolders } from "../../settings.ts";
import { oneLine } from "../../text.ts";

const EXIT_CODES: Readonly<Record<RunReplay["outcome"], number>> = { same: 0, differs: 1, unknown: 2 };

/**
 * `sluice replay RUN`: builds the models of a run once more from what was kept of it. Exit code 0 where all come out the same,
 * 1 where one differs, 2 where it cannot be told.
 */
export const replay: CommandRun = async (invocation, context) => {
  const { terminal } = context;
  const stopping = new AbortController();
  using _interrupts = context.onInterrupt(
    () => stopping.abort(new AppError("cancelled", "Stopped: nothing was changed")),
    { withHangup: true },
  );
  const { signal } = stopping;
  const folders = readFolders(invocation, context);
  await using connection = await connect(folders, context, invocation.command, "read", { signal });
  const found = await connection.engine.manifests.replay(invocation.arguments[0] ?? "", signal);
  if (invocation.flag("json")) terminal.out(JSON.stringify(found));
  else {
    for (const model of found.models) for (const line of modelLines(model)) terminal.out(line);
    terminal.note(summaryOf(found));
  }
  return EXIT_CODES[found.outcome];
};

const MARKS: Readonly<Record<ModelReplay["outcome"], string>> = { same: "=", differs: "~", unknown: "?" };

function modelLines({ model, outcome, reason, likely, diff }: ModelReplay): string[] {
  const rows = diff?.rows_after ?? null;
  const first = outcome === "same"
    ? `${model}: the same${rows === null ? "" : `, ${formatPlural(rows, "row")}`}`
    : outcome === "differs"
    ? `${model}: differs`
    : `${model}: cannot be told: ${reason ?? ""}`;
  return [
    `${MARKS[outcome]} ${oneLine(first)}`,
    ...outcome === "differs" && diff !== null ? dataLines(diff).map(kept) : [],
    ...likely.map((text) => `    perhaps: ${oneLine(text)}`),
  ];
}

/** Without control characters, and with the blanks in front. */
const kept = (line: string): string => oneLine(line.replaceAll(/\r?\n\s*/g, " "));

function summaryOf({ models, outcome }: RunReplay): string {
  const count = (wanted: ModelReplay["outcome"]) => models.filter((model) => model.outcome === wanted).length;
  if (outcome === "same") return `${formatPlural(models.length, "model")} came out the same`;
  const [differs, unknown] = [count("differs"), count("unknown")];
  return `Of ${formatPlural(models.length, "model")} ${
    [
      `${count("same")} came out the same`,
      ...differs === 0 ? [] : [`${differs} differ${differs === 1 ? "s" : ""}`],
      ...unknown === 0 ? [] : [`${unknown} could not be told`],
    ].join(", ")
  }`;
}
