import type { EnvironmentView } from "../../../../contract/environments/environment.ts";
import type { TableSample } from "../../../../contract/jobs/environments/environment_job.ts";
import { AppError } from "../../../../contract/errors.ts";
import { formatFault } from "../../../../text/fault.ts";
import { formatBytes, formatPlural } from "../../../../text/format.ts";
import { didYouMean, listWords } from "../../../../text/suggest.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { connect } from "../../connect.ts";
import { requireEnvironmentName } from "../../environment_option.ts";
import { readFolders } from "../../settings.ts";
import { type ColumnSpec, formatTable } from "../../table.ts";
import { formatTime, oneLine, printable, withoutSeconds } from "../../text.ts";
import { promoteEnvironment } from "./promote_environment.ts";

const COLUMNS: readonly ColumnSpec[] = [
  { title: "ENVIRONMENT", minWidth: 12 },
  { title: "STATE" },
  { title: "FILES" },
  { title: "APPLIED (UTC)", short: withoutSeconds, mayGo: true },
  { title: "PIPELINES" },
  { title: "DISK", align: "right" },
];

type Action = (invocation: Invocation, context: CliContext) => Promise<number>;

const ACTIONS: Readonly<Record<string, Action>> = {
  list,
  create,
  promote: (invocation, context) => promoteEnvironment(namesOf(invocation), invocation, context),
  delete: remove,
};

/** `sluice env ACTION`: where pipelines run apart from production. */
export const env: CommandRun = async (invocation, context) => {
  const [action = ""] = invocation.arguments;
  const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (act !== undefined) return await act(invocation, context);
  const known = Object.keys(ACTIONS);
  const hint = didYouMean(action, known) || `; expected ${listWords(known, "or")}`;
  throw new AppError("invalid", `sluice env: there is no action "${action}"${hint}`);
};

async function list(invocation: Invocation, context: CliContext): Promise<number> {
  await using connection = await connectTo("read", invocation, context);
  const found = await connection.engine.environments.list();
  const { terminal } = context;
  if (invocation.flag("json")) terminal.out(JSON.stringify(found));
  else if (found.length === 0) {
    terminal.note("There are no environments: write some under environments: in project.yaml");
  } else terminal.out(formatTable(COLUMNS, found.map(rowOf), terminal.tableColumns()));
  return 0;
}

function rowOf(
  { name, state, ref, commit, applied_at: appliedAt, pipelines, size_bytes: bytes }: EnvironmentView,
): string[] {
  const files = ref === null ? "the project's" : `${oneLine(ref)} (${commit?.slice(0, 10) ?? ""})`;
  return [
    name,
    state,
    appliedAt === null ? "" : files,
    appliedAt === null ? "" : formatTime(appliedAt),
    pipelines.map(({ pipeline }) => pipeline).join(" "),
    formatBytes(bytes),
  ];
}

async function create(invocation: Invocation, context: CliContext): Promise<number> {
  const { environment, pipelines } = namesOf(invocation);
  const from = invocation.text("from") ?? "prod";
  const isProduction = ["prod", "production"].includes(from.toLowerCase());
  if (!isProduction) requireEnvironmentName(from);
  const sample = sampleOf(invocation.text("sample"), invocation.text("rows"));
  const ref = invocation.text("ref");
  const stopping = new AbortController();
  using _interrupts = context.onInterrupt(
    () => stopping.abort(new AppError("cancelled", "Stopped: the same again does the rest")),
    { withHangup: true },
  );
  await using connection = await connectTo("change", invocation, context);
  const result = await connection.engine.environments.create(environment, {
    ...(pipelines === undefined ? {} : { pipelines }),
    ...(isProduction ? {} : { from }),
    ...(sample === undefined ? {} : { sample }),
    ...(ref === undefined ? {} : { ref }),
  }, stopping.signal);
  const { terminal } = context;
  const { copied, applied: { applied, faults } } = result;
  if (invocation.flag("json")) terminal.out(JSON.stringify(result));
  else {
    for (const { name, from: source, tables, rows, size_bytes: bytes } of copied) {
      terminal.out(
        tables === null
          ? `empty      ${name}: ${source} has no warehouse yet`
          : `copied     ${name} from ${source}: ${formatPlural(tables, "raw table")}, ${
            formatPlural(rows ?? 0, "row")
          }, ${formatBytes(bytes)}`,
      );
    }
    for (const name of applied) terminal.out(`applied    ${name}`);
    for (const fault of faults) terminal.note(printable(formatFault(fault)));
    if (sample !== undefined) {
      terminal.note(
        "Each table is sampled by itself: joins find fewer rows. The next run builds the models.",
      );
    }
  }
  return faults.some(({ severity }) => severity === "error") ? 2 : 0;
}

const connectTo = (use: "read" | "change", invocation: Invocation, context: CliContext) =>
  connect(readFolders(invocation, context), context, invocation.command, use);

const MOST_ROWS = 1_000_000_000;

function sampleOf(sample: string | undefined, rows: string | undefined): TableSample | undefined {
  if (sample !== undefined && rows !== undefined) {
    throw new AppError("invalid", "--sample and --rows do not go together");
  }
  if (rows !== undefined) {
    const count = /^\d+$/.test(rows) ? Number(rows) : NaN;
    if (count >= 1 && count <= MOST_ROWS) return { rows: count };
    throw new AppError("invalid", `--rows is "${rows}", expected a number of rows, as 10000`);
  }
  if (sample === undefined) return undefined;
  const percent = /^\d+(?:\.\d+)?%?$/.test(sample) ? Number(sample.replace("%", "")) : NaN;
  if (percent > 0 && percent < 100) return { percent };
  throw new AppError("invalid", `--sample is "${sample}", expected a part in percent, as 1% or 0.5%`);
}

async function remove(invocation: Invocation, context: CliContext): Promise<number> {
  const { environment, pipelines } = namesOf(invocation);
  await using connection = await connectTo("change", invocation, context);
  const result = await connection.engine.environments.remove(environment, pipelines);
  const { terminal } = context;
  if (invocation.flag("json")) terminal.out(JSON.stringify(result));
  else {
    for (const name of result.removed) terminal.out(`removed    ${name}`);
    terminal.note(
      `${formatPlural(result.removed.length, "pipeline")} removed, ${formatBytes(result.freed_bytes)} freed`,
    );
  }
  return 0;
}

/** Throws `invalid` where no environment is named. */
function namesOf(
  { arguments: [action = "", environment, ...pipelines] }: Invocation,
): { readonly environment: string; readonly pipelines: readonly string[] | undefined } {
  if (environment === undefined) {
    throw new AppError("invalid", `sluice env ${action} needs ENVIRONMENT: its name in project.yaml`);
  }
  requireEnvironmentName(environment);
  return { environment, pipelines: pipelines.length === 0 ? undefined : pipelines };
}
