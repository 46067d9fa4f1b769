import { join } from "node:path";
import type { Connector } from "../../contract/connector.ts";
import { AppError, toAppError } from "../../contract/errors.ts";
import type { Fault } from "../../text/fault.ts";
import type { Log } from "../../contract/log.ts";
import type { PipelineStep } from "../../contract/run.ts";
import type { Column } from "../../contract/sql.ts";
import { provide, type Provision } from "../grants/grant.ts";
import { loadProject } from "./load.ts";
import type { LoadedPipeline } from "./parse_pipeline.ts";
import { createRedactor } from "../grants/redact.ts";
import type { ReferenceSources } from "../grants/references.ts";
import type { CheckJob, CheckReport, DefinitionFault } from "../../contract/job.ts";
import { type RunProcess, type RunProcessProgram, spawnRunProcess } from "../runs/attempt/spawn.ts";

export interface CheckContext {
  readonly projectDir: string;
  readonly connectors: readonly Connector[];
  readonly references: ReferenceSources;
  readonly runProcess: RunProcessProgram;
  readonly log: Log;
  /** Columns of a pipeline's streams as they were last seen. */
  readonly knownColumns: (pipeline: string) => Promise<Readonly<Record<string, readonly Column[]>>>;
}

/** What a pipeline was found to be. Only one without an error among its faults may run. */
export interface CheckedPipeline {
  readonly pipeline: LoadedPipeline;
  /** Those of its files and those that DuckDB found. */
  readonly faults: readonly Fault[];
  readonly steps: readonly PipelineStep[];
  readonly streamColumns: Readonly<Record<string, readonly Column[]>>;
}

export const isRunnable = (faults: readonly Fault[]): boolean =>
  faults.every((fault) => fault.severity !== "error");

/** Everything that is wrong with a project, for `sluice check`. Throws not_found where there is no such folder. */
export async function checkProject(
  context: CheckContext,
  signal: AbortSignal,
): Promise<{ faults: Fault[]; pipelines: number; models: number }> {
  const project = await loadProject(context.projectDir, { connectorTypes: context.connectors });
  const checked = await checkPipelines(context, project.pipelines, signal);
  return {
    faults: [...project.faults, ...checked.flatMap((entry) => entry.faults)],
    pipelines: project.pipelines.length,
    models: project.pipelines.reduce((sum, pipeline) => sum + pipeline.files.length, 0),
  };
}

/** Checks pipelines against DuckDB and their sources in one process, without reading rows. */
export async function checkPipelines(
  context: CheckContext,
  pipelines: readonly LoadedPipeline[],
  signal: AbortSignal,
): Promise<CheckedPipeline[]> {
  const provided: Provided[] = [];
  const early = new Map<LoadedPipeline, Fault>();
  for (const pipeline of pipelines) {
    const { definition, connectors } = pipeline;
    if (definition === undefined || !isRunnable(pipeline.faults)) continue;
    try {
      const subject = { definition, connectors };
      const provision = await provide([subject], context.connectors, context.references, context.projectDir);
      provided.push({ pipeline, provision });
    } catch (error) {
      early.set(pipeline, { file: pipeline.path, message: toAppError(error).message, severity: "error" });
    }
  }
  const reports = provided.length === 0 ? [] : await runCheck(context, provided, signal);
  const byName = new Map(reports.map((report) => [report.name, report]));
  return pipelines.map((pipeline) => {
    const report = byName.get(pipeline.name);
    const fault = early.get(pipeline);
    return {
      pipeline,
      faults: [
        ...pipeline.faults,
        ...(fault === undefined ? [] : [fault]),
        ...(report?.faults ?? []).map((found) => placed(pipeline, found)),
      ],
      steps: report?.steps ?? [],
      streamColumns: report?.streamColumns ?? {},
    };
  });
}

interface Provided {
  readonly pipeline: LoadedPipeline;
  readonly provision: Provision;
}

async function runCheck(
  context: CheckContext,
  provided: readonly Provided[],
  signal: AbortSignal,
): Promise<CheckReport[]> {
  const tempDir = await Deno.makeTempDir({ prefix: "sluice-check-" });
  const access = {
    hosts: provided.flatMap(({ provision }) => provision.access.hosts),
    read: provided.flatMap(({ provision }) => provision.access.read),
    write: provided.flatMap(({ provision }) => provision.access.write),
  };
  const redact = createRedactor(provided.flatMap(({ provision }) => provision.secrets));
  const stderr: string[] = [];
  try {
    const job: CheckJob = {
      kind: "check",
      projectDir: context.projectDir,
      tempDir: join(tempDir, "spill"),
      connectors: Object.assign({}, ...provided.map(({ provision }) => provision.connectors)),
      allowedPaths: [...new Set([...access.read, ...access.write])],
      pipelines: await Promise.all(provided.map(async ({ pipeline }) => ({
        name: pipeline.name,
        definition: required(pipeline.definition),
        files: pipeline.files,
        knownColumns: await context.knownColumns(pipeline.name),
      }))),
    };
    await using process = await spawnRunProcess(
      context.runProcess,
      job,
      {
        hosts: access.hosts,
        read: [...access.read, ...access.write],
        // A check writes nothing: a destination's folders are there to be looked at. To connect to a
        // Unix socket is to write to its path.
        write: access.write.filter((path) => access.hosts.includes(`unix:${path}`)),
      },
      (line) => void (stderr.length < 50 && stderr.push(line)),
    );
    const reports = await readCheck(process, context.log, redact, signal);
    if (reports === undefined) {
      const words = redact(stderr.join("\n"));
      throw new AppError("internal", `The process that checks pipelines ended without a result: ${words}`);
    }
    return reports.map((report) => ({
      ...report,
      faults: report.faults.map((fault) => ({ ...fault, message: redact(fault.message) })),
    }));
  } finally {
    await Deno.remove(tempDir, { recursive: true });
  }
}

/** What the process found; undefined where it ended without a word. Throws the error that it reported. */
async function readCheck(
  process: RunProcess,
  log: Log,
  redact: (text: string) => string,
  signal: AbortSignal,
): Promise<readonly CheckReport[] | undefined> {
  const onAbort = () => process.kill();
  signal.addEventListener("abort", onAbort, { once: true });
  let reports: readonly CheckReport[] | undefined;
  try {
    for await (const report of process.reports) {
      if (report.type === "checked") reports = report.reports;
      else if (report.type === "log") log(report.level, redact(report.message));
      else if (report.type === "finished") {
        await process.close();
        if (report.error === null) continue;
        const { code, message, detail } = report.error;
        throw new AppError(code, redact(message), detail === undefined ? {} : { detail: redact(detail) });
      }
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
  signal.throwIfAborted();
  return reports;
}

function placed(pipeline: LoadedPipeline, fault: Fault | DefinitionFault): Fault {
  if (!("path" in fault)) return fault;
  return { ...pipeline.place(fault.path), message: fault.message, severity: fault.severity };
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("A pipeline without a definition cannot be checked");
  return value;
}
