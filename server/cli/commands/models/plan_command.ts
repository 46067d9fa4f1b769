import { UNKNOWN_REVISION } from "../../../../contract/plan/reasons.ts";
import { AppError } from "../../../../contract/errors.ts";
import { isChanged, type ProjectPlan } from "../../../../contract/plan/plan.ts";
import type { PlanRequest, Plans } from "../../../../engine/control/models/port.ts";
import { formatFault } from "../../../../text/fault.ts";
import { dataFolderExists } from "../../../data_folder.ts";
import type { ProjectPlace } from "../../../backend.ts";
import { apiElsewhere } from "../../client/api_elsewhere.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { createCommandLog } from "../../command_log.ts";
import { connect, requireProject } from "../../connect.ts";
import { totalsOf, totalsText } from "../../plan/plan_words.ts";
import { readFolders, readInteger } from "../../settings.ts";
import { printable } from "../../text.ts";
import { selectionOf } from "../run_command.ts";

const NOTHING_CHANGES = 0;
const WRONG = 2;
const CHANGES = 3;

/**
 * `sluice plan [PIPELINE]`: what the project's files would change. Exit code 0 where nothing does, 3 where something does,
 * 2 where something is wrong.
 */
export const plan: CommandRun = async (invocation, context) => {
  const folders = readFolders(invocation, context);
  const { terminal } = context;
  if (invocation.flag("json") && invocation.flag("markdown")) {
    throw new AppError("invalid", "--json and --markdown do not go together");
  }
  await requireProject(folders, context);
  const stopping = new AbortController();
  using _interrupts = context.onInterrupt(
    () => stopping.abort(new AppError("cancelled", "Stopped: nothing was changed")),
    { withHangup: true },
  );
  const found = await planOf(invocation, folders, context, stopping.signal);
  const { faults, pipelines } = found;
  const withDiffs = invocation.flag("diff");
  const errors = [...faults, ...pipelines.flatMap((plan) => plan.faults)]
    .filter(({ severity }) => severity === "error").length;
  const hasChanges = pipelines.some(isChanged);
  if (invocation.flag("json")) {
    terminal.out(JSON.stringify({ ok: errors === 0, changed: hasChanges, faults, pipelines }));
  } else if (invocation.flag("markdown")) {
    const { planMarkdown } = await import("../../plan/plan_markdown.ts");
    terminal.out(planMarkdown(faults, pipelines, withDiffs).trimEnd());
  } else {
    const { planLines } = await import("../../plan/plan_text.ts");
    for (const fault of faults) terminal.out(printable(formatFault(fault)));
    for (const plan of pipelines) {
      if (isChanged(plan) || plan.faults.length > 0) {
        for (const line of planLines(plan, withDiffs)) terminal.out(line);
      }
    }
    terminal.note(totalsText(totalsOf(pipelines)));
  }
  return errors > 0 ? WRONG : hasChanges ? CHANGES : NOTHING_CHANGES;
};

async function planOf(
  invocation: Invocation,
  folders: ProjectPlace,
  context: CliContext,
  signal: AbortSignal,
): Promise<ProjectPlan> {
  const [pipeline] = invocation.arguments;
  const against = invocation.text("against");
  const request = {
    project: { folder: folders.projectDir },
    environment: invocation.text("env"),
    pipeline,
    select: selectionOf(invocation.text("select"), invocation.text("exclude")),
    rows: rowsOf(invocation),
  };
  const url = invocation.text("url");
  if (url !== undefined && url !== "") {
    const { createRemotePlans } = await import("../../client/remote_plans.ts");
    const plans = createRemotePlans(await apiElsewhere(url, context));
    return await planAgainst(plans, request, against, folders, signal);
  }
  if (!await dataFolderExists(folders.dataDir)) {
    if (against === undefined) {
      throw new AppError(
        "invalid",
        `Nothing is in force in ${folders.dataDir} to compare with: name what to compare with, as --against main, ` +
          "or say where the data folder is with --data DIR",
      );
    }
    await using checkedOut = await atRef(folders, against, signal);
    return await context.backend.planProject({
      ...folders,
      request: { ...request, against: checkedOut.against },
      log: createCommandLog(context.terminal),
      signal,
    });
  }
  await using connection = await connect(folders, context, invocation.command, "read", { signal });
  return await planAgainst(connection.engine.plans, request, against, folders, signal);
}

/** What is named is a revision where there is one of that id, and else a commit. */
async function planAgainst(
  plans: Plans,
  request: Omit<PlanRequest, "against">,
  against: string | undefined,
  folders: ProjectPlace,
  signal: AbortSignal,
): Promise<ProjectPlan> {
  if (against === undefined) return await plans.plan({ ...request, against: { kind: "in_force" } }, signal);
  if (MAYBE_REVISION.test(against)) {
    try {
      return await plans.plan({ ...request, against: { kind: "revision", id: against } }, signal);
    } catch (error) {
      if (!(error instanceof AppError) || error.reason !== UNKNOWN_REVISION) throw error;
    }
  }
  await using checkedOut = await atRef(folders, against, signal);
  return await plans.plan({ ...request, against: checkedOut.against }, signal);
}

/** Undefined where rows are not to be compared. */
function rowsOf(invocation: Invocation): PlanRequest["rows"] {
  const sample = invocation.text("sample");
  const depth = invocation.text("depth") === undefined
    ? null
    : readInteger(invocation, "depth", { minimum: 0, maximum: MAX_DEPTH, fallback: 0 });
  const samplePercent = sample === undefined ? null : percentOf(sample);
  return invocation.flag("no-data") ? undefined : { depth, samplePercent };
}

function percentOf(text: string): number {
  const percent = /^\d+(?:\.\d+)?%?$/.test(text) ? Number(text.replace("%", "")) : NaN;
  if (percent > 0 && percent <= 100) return percent;
  throw new AppError("invalid", `--sample is "${text}", expected a part in percent such as 10 or 0.5`);
}

const MAX_DEPTH = 10_000;
/** Fewer digits would be a guess. */
const MAYBE_REVISION = /^[0-9a-f]{6,64}$/i;
const COMMIT_SHOWN = 10;

/** The project as a commit of its git repository has it, in a folder that goes when it is disposed of. */
async function atRef(
  { projectDir }: ProjectPlace,
  ref: string,
  signal: AbortSignal,
): Promise<AsyncDisposable & { readonly against: PlanRequest["against"] }> {
  const { Repository } = await import("../../../../engine/definitions/git/repository.ts");
  const { openCheckout } = await import("../../../../engine/definitions/git/check_out.ts");
  const repository = await Repository.find(projectDir);
  const { id: commit } = await repository.commit(ref);
  signal.throwIfAborted();
  const checkout = await openCheckout(repository, commit);
  return {
    against: {
      kind: "project",
      name: commit.startsWith(ref) ? ref : `${ref} (${commit.slice(0, COMMIT_SHOWN)})`,
      source: { folder: checkout.folder },
    },
    [Symbol.asyncDispose]: () => checkout[Symbol.asyncDispose](),
  };
}
