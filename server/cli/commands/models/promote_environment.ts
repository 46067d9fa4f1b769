import type { PromotedModel, PromotionPlan } from "../../../../contract/environments/promotion.ts";
import { AppError } from "../../../../contract/errors.ts";
import type { RunDetail } from "../../../../contract/run.ts";
import type { Engine } from "../../../../engine/control/engine.ts";
import { formatFault } from "../../../../text/fault.ts";
import { formatPlural } from "../../../../text/format.ts";
import type { CliContext, Invocation } from "../../command.ts";
import type { Connection } from "../../connect.ts";
import { followRun, formatOutcome, outcomeJson } from "../../follow_run.ts";
import { createRunDisplay } from "../../run_display.ts";
import { callerName } from "../../settings.ts";
import { oneLine, printable } from "../../text.ts";
import { connectToWork, startLocally } from "../run_command.ts";

export interface PromotedNames {
  readonly environment: string;
  readonly pipelines: readonly string[] | undefined;
}

/** `sluice env promote`: what is in force in an environment goes into production, with the tables that would be the same. */
export async function promoteEnvironment(
  names: PromotedNames,
  invocation: Invocation,
  context: CliContext,
): Promise<number> {
  await using connection = await connectToWork(invocation, context);
  if (invocation.flag("dry-run")) return await showPlan(connection.engine, names, invocation, context);
  return await promote(connection, names, invocation, context);
}

async function promote(
  connection: Connection,
  { environment, pipelines }: PromotedNames,
  invocation: Invocation,
  context: CliContext,
): Promise<number> {
  const { engine } = connection;
  const { terminal } = context;
  const isJson = invocation.flag("json");
  const user = callerName(context);
  const result = await engine.environments.promote(environment, {
    ...(pipelines === undefined ? {} : { pipelines }),
    ...(user === undefined ? {} : { triggeredBy: user }),
    takesTables: !invocation.flag("no-tables"),
  });
  const { promoted, applied: { applied, unchanged, faults } } = result;
  if (!isJson) {
    for (const { pipeline, revision } of promoted) {
      const how = applied.includes(pipeline)
        ? `in force, ${revision?.slice(0, 12) ?? ""}`
        : unchanged.includes(pipeline)
        ? "in force already"
        : "not in force";
      terminal.out(`promoted   ${pipeline}: ${how}`);
    }
    const others = applied.filter((name) => promoted.every(({ pipeline }) => pipeline !== name));
    for (const name of others) terminal.out(`applied    ${name}`);
    for (const fault of faults) terminal.note(printable(formatFault(fault)));
  }
  const runs = promoted.flatMap(({ run, pipeline }) => run === null ? [] : [{ id: run, pipeline }]);
  await startLocally(connection, ...runs.map(({ pipeline }) => pipeline));
  const ended: RunDetail[] = [];
  for (const { id } of runs) {
    using display = createRunDisplay(terminal, { isQuiet: isJson });
    ended.push(await followRun(engine, { id, afterSeq: 0, afterAttempt: 0 }, display, context));
    display[Symbol.dispose]();
    const last = ended.at(-1);
    if (last !== undefined && !isJson) terminal.out(formatOutcome(last));
  }
  if (isJson) {
    terminal.out(
      JSON.stringify({ ...result, runs: ended.map((run): unknown => JSON.parse(outcomeJson(run))) }),
    );
  } else terminal.note(nextText(runs.length > 0));
  if (ended.some(({ state }) => state !== "succeeded")) return 1;
  return faults.some(({ severity }) => severity === "error") ? 2 : 0;
}

const nextText = (hasRuns: boolean): string =>
  hasRuns
    ? "What was not taken over is as it was: production's next run builds it."
    : "Production's tables are as they were: its next run builds what has changed.";

async function showPlan(
  engine: Engine,
  { environment, pipelines }: PromotedNames,
  invocation: Invocation,
  { terminal, onInterrupt }: CliContext,
): Promise<number> {
  const stopping = new AbortController();
  using _interrupts = onInterrupt(() => stopping.abort(new AppError("cancelled", "Stopped")));
  const plan = await engine.environments.planPromotion(environment, pipelines, stopping.signal);
  if (invocation.flag("json")) terminal.out(JSON.stringify(plan));
  else for (const line of planLines(plan)) terminal.out(line);
  return 0;
}

/** What a promotion would do, a line each. */
export function planLines({ environment, pipelines }: PromotionPlan): string[] {
  return pipelines.flatMap(({ pipeline, revision, in_force: isInForce, models, note }) => {
    const how = revision === null
      ? "stays as it is"
      : isInForce
      ? "is in force already"
      : `→ ${revision.slice(0, 12)}`;
    const rest = note === null && models.length === 0 ? ["  all tables stay as they are"] : [];
    return [
      `${pipeline} ${how}`,
      ...(note === null ? [] : [`  ${oneLine(note)}`]),
      ...models.map((model) => modelLine(model, environment)),
      ...rest,
    ];
  });
}

function modelLine({ model, outcome, reason, rows }: PromotedModel, environment: string): string {
  const what = outcome === "built"
    ? reason ?? ""
    : rows === null
    ? "a view, made anew"
    : `${formatPlural(rows, "row")} of ${environment}`;
  return `  ${outcome === "taken" ? "taken" : "built"}  ${oneLine(`${model}: ${what}`)}`;
}
