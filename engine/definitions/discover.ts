import type { FollowProgress } from "../../contract/connector/changes.ts";
import type { DiscoveredStream, SeenFile } from "../../contract/connector/source.ts";
import type { ConnectionCheck, ConnectorTest, SourceStream } from "../../contract/discovery.ts";
import { AppError } from "../../contract/errors.ts";
import { type RevisionFile, splitFiles } from "../../contract/revision.ts";
import type { ConnectorDefinition } from "../../contract/connector/entry.ts";
import type { DiscoveryJob, JobFollower } from "../../contract/jobs/discovery_job.ts";
import type { Report } from "../../contract/jobs/reports.ts";
import { didYouMean, listWords } from "../../text/suggest.ts";
import { provideDiscovery } from "../grants/provide.ts";
import { followReports, type StderrLines } from "../runs/attempt/follow_reports.ts";
import { withJobProcess } from "../runs/attempt/job_process.ts";
import type { RunProcess } from "../runs/attempt/spawn.ts";
import type { CheckContext } from "./check/check_context.ts";
import { loadProject } from "./load.ts";
import { CONNECTORS_FILE } from "./parse_connectors.ts";
import { bundleConnectorScripts, scriptsOfConnectors } from "./scripts/connector_scripts.ts";
import { ScriptBundles } from "./scripts/script_bundles.ts";
import { DEFAULT_BUDGET, watchBudget } from "./processes/process_budget.ts";

/** The connectors of connectors.yaml as it is now, references not resolved, by name. */
export async function readConnectors(
  context: Pick<CheckContext, "projectDir" | "connectors">,
): Promise<Readonly<Record<string, ConnectorDefinition>>> {
  const project = await loadProject(context.projectDir, { connectorTypes: context.connectors });
  return project.connectors;
}

/**
 * The streams that a connector of the project has, asked of the system itself in a process with the
 * permissions of this connector alone. Throws not_found for an unknown name, `invalid` where the
 * connector cannot look for streams, `timeout`, and what its system answers.
 */
export async function discoverStreams(
  context: CheckContext,
  name: string,
  signal: AbortSignal,
): Promise<SourceStream[]> {
  const { streams } = await askConnector(context, name, {}, signal);
  return streams.map(({ primaryKey, sizeBytes, address, columns, ...stream }) => ({
    ...stream,
    address: { ...address },
    columns: [...columns],
    primary_key: [...primaryKey],
    size_bytes: sizeBytes,
  }));
}

/** Tries what works of a connector of the project, likewise. Throws not_found for an unknown name, `timeout`. */
export async function testConnector(
  context: CheckContext,
  name: string,
  signal: AbortSignal,
): Promise<ConnectorTest> {
  const { checks } = await askConnector(context, name, { isTest: true }, signal);
  return { connector: name, ok: checks.every(({ state }) => state !== "failed"), checks: [...checks] };
}

/** What a connector's system keeps for a pipeline that follows its log; undefined for nothing. Throws likewise. */
export async function lookAtFollower(
  context: CheckContext,
  name: string,
  follower: JobFollower,
  signal: AbortSignal,
): Promise<FollowProgress | undefined> {
  return (await askConnector(context, name, { follower }, signal)).kept;
}

/** The files that a path or glob of a connector names, by their names: another tag for another content. Throws likewise. */
export async function lookForFiles(
  context: CheckContext,
  name: string,
  path: string,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const { files } = await askConnector(context, name, { look: path }, signal);
  return Object.fromEntries(files.map(({ name, tag }) => [name, tag]));
}

interface Asked {
  readonly streams: readonly DiscoveredStream[];
  readonly checks: readonly ConnectionCheck[];
  readonly kept: FollowProgress | undefined;
  readonly files: readonly SeenFile[];
}

async function askConnector(
  context: CheckContext,
  name: string,
  question: Pick<DiscoveryJob, "isTest" | "follower" | "look">,
  signal: AbortSignal,
): Promise<Asked> {
  const known = await readConnectors(context);
  const entry = Object.hasOwn(known, name) ? known[name] : undefined;
  if (entry === undefined) {
    const names = Object.keys(known);
    const hint = didYouMean(name, names) ||
      (names.length === 0 ? "" : `; ${CONNECTORS_FILE} has ${listWords(names)}`);
    throw new AppError("not_found", `There is no connector "${name}"${hint}`);
  }
  const scripts = await signingScripts(context, name, entry);
  const { grant, connectors, answers, redactor } = await provideDiscovery(
    context,
    name,
    entry,
    question.look,
  );
  const { projectDir } = context;
  const { permissions, duckdb } = grant;
  const common = { scripts, projectDir, connectors, duckdb };
  const job = { kind: "discovery", connector: name, ...question, ...common } as const;
  return await withJobProcess(
    context.runProcess,
    { job, permissions, answers },
    (process, stderr) =>
      follow(process, context, {
        subject: question.look === undefined
          ? `Cannot find the streams of "${name}"`
          : `Cannot look for "${question.look}" of "${name}"`,
        redact: redactor.redact,
        stderr,
      }, signal),
  );
}

/** Bundles of the scripts that the entry names. Throws `invalid` with what is wrong with them. */
async function signingScripts(
  { projectDir, connectors, scripts = new ScriptBundles() }: CheckContext,
  name: string,
  entry: ConnectorDefinition,
): Promise<readonly RevisionFile[]> {
  const named = scriptsOfConnectors({ [name]: entry }, connectors, () => ({ file: CONNECTORS_FILE }));
  if (named.length === 0) return [];
  const { files, fileFaults } = await bundleConnectorScripts(projectDir, scripts, named);
  const faults = fileFaults.filter(({ severity }) => severity === "error");
  if (faults.length === 0) return splitFiles(files).scripts;
  throw new AppError("invalid", `The script of connector "${name}" has faults`, { faults });
}

interface Followed {
  /** What cannot be done where it ends without a result. */
  readonly subject: string;
  readonly redact: (text: string) => string;
  readonly stderr: StderrLines;
}

async function follow(
  process: RunProcess,
  { log, checkBudget = DEFAULT_BUDGET }: CheckContext,
  { subject, redact, stderr }: Followed,
  signal: AbortSignal,
): Promise<Asked> {
  using watch = watchBudget(process, checkBudget);
  const streams: DiscoveredStream[] = [];
  const checks: ConnectionCheck[] = [];
  const files: SeenFile[] = [];
  let kept: FollowProgress | undefined;
  const onReport = (report: Report) => {
    if (report.type === "discovered") streams.push(...report.streams);
    else if (report.type === "seen") files.push(...report.files);
    else if (report.type === "tested") {
      checks.push(...report.checks.map((check) => ({ ...check, message: redact(check.message) })));
    } else if (report.type === "kept") {
      const warning = report.progress?.warning ?? null;
      kept = report.progress === null
        ? undefined
        : { ...report.progress, warning: warning === null ? null : redact(warning) };
    }
  };
  const isWhole = await followReports(process, { redact, log, onReport }, signal);
  if (isWhole) return { streams, checks, kept, files };
  if (watch.exceeded === "time") {
    const seconds = Math.round(checkBudget.timeMs / 1_000);
    throw new AppError("timeout", `${subject}: the source took longer than ${seconds} s`);
  }
  if (watch.exceeded === "memory") throw new AppError("invalid", `${subject}: that takes too much memory`);
  throw new AppError("internal", `${subject}: the process that asked ended without a result`, {
    detail: redact(stderr.text),
  });
}
