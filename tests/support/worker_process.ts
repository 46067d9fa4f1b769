import { systemClock } from "../../contract/clock.ts";
import { Egress } from "../../engine/grants/egress/egress.ts";
import { equal } from "node:assert/strict";
import { join } from "node:path";
import * as v from "valibot";
import { connectors } from "../../connectors/registry.ts";
import type { ErrorRecord } from "../../contract/errors.ts";
import type { PromotedWarehouse, RunJob } from "../../contract/jobs/run_job.ts";
import { type PipelineDefinition, pipelineSchema } from "../../contract/pipeline/pipeline.ts";
import type { Step } from "../../contract/run.ts";
import { parseHostRule } from "../../engine/grants/host_rules.ts";
import { defaultPolicy } from "../../engine/grants/policy.ts";
import { provide } from "../../engine/grants/provide.ts";
import { answering } from "../../engine/runs/attempt/answers.ts";
import { spawnRunProcess } from "../../engine/runs/attempt/spawn.ts";
import { pipelineSnapshots } from "../../engine/snapshots/snapshot_files.ts";
import { findProgram } from "../../server/program.ts";
import { PROGRAM } from "./program.ts";

/** A pipeline without files of its own: `connectors` and the pipeline as in YAML, models by name. */
export interface WorkerProject {
  /** Of the data folder and, unless it is named, the project. */
  readonly folder: string;
  readonly projectDir?: string;
  readonly connectors: Readonly<
    Record<string, Readonly<Record<string, unknown>> & { readonly type: string }>
  >;
  readonly pipeline: Readonly<Record<string, unknown>>;
  /** Programs that connectors may start; none by default. */
  readonly commands?: readonly string[];
  /** Private hosts that requests of definitions may go to; none by default. */
  readonly privateHosts?: readonly string[];
}

export interface AttemptRequest {
  readonly runId: string;
  readonly attempt: number;
  readonly models: Readonly<Record<string, string>>;
  readonly dieAt?: string;
  /** The process is killed after so long, wherever it is. */
  readonly killAfterMs?: number;
  /** The process is killed then. */
  readonly killWhen?: Promise<unknown>;
  /** What the run is for; the epoch by default. */
  readonly windowEndMs?: number;
  /** An environment's warehouse, for its run to take tables from. */
  readonly promotes?: PromotedWarehouse;
}

export interface Attempted {
  /** How the last report has it; undefined where the process died before it. */
  readonly error: ErrorRecord | null | undefined;
  readonly signal: Deno.Signal | null;
  readonly steps: ReadonlyMap<string, Step>;
  readonly log: readonly string[];
}

/** What a process of the project's is started with, as a server would have it. */
export async function provideFor(project: WorkerProject, definition: PipelineDefinition) {
  const dataDir = join(project.folder, "data");
  const projectDir = project.projectDir ?? join(project.folder, "project");
  const program = findProgram(PROGRAM.main, (name) => Deno.env.get(name));
  const provision = await provide(
    {
      connectors,
      egress: new Egress(systemClock),
      references: {
        env: () => undefined,
        secrets: { get: () => Promise.resolve(undefined) },
      },
      policy: {
        ...defaultPolicy(projectDir),
        commandsAllow: project.commands ?? [],
        privateHostsAllow: (project.privateHosts ?? []).flatMap((host) => parseHostRule(host) ?? []),
      },
      projectDir,
      dataDir,
      programPaths: program.programPaths,
      secretFolders: [],
    },
    { definition, connectors: project.connectors, purpose: "run" },
  );
  return { ...provision, program };
}

/**
 * One attempt in a run's process with just the permissions that its grant has, as a server starts it.
 * `dieAt` is what no server ever writes into a job.
 */
export async function attemptInProcess(
  project: WorkerProject,
  { runId, attempt, models, dieAt, killAfterMs, killWhen, windowEndMs = 0, promotes }: AttemptRequest,
): Promise<Attempted> {
  const dataDir = join(project.folder, "data");
  const projectDir = project.projectDir ?? join(project.folder, "project");
  const tempDir = join(dataDir, "tmp");
  for (const folder of [projectDir, tempDir]) await Deno.mkdir(folder, { recursive: true });
  const definition = v.parse(pipelineSchema, project.pipeline);
  const { program, connectors: definitions, grant, answers } = await provideFor(project, definition);
  const job: RunJob = {
    kind: "run",
    runId,
    attempt,
    pipeline: "p",
    definition,
    files: Object.entries(models).map(([name, content]) => ({ path: `transforms/p/${name}.sql`, content })),
    params: {},
    select: null,
    fullRefresh: false,
    isWindowGiven: false,
    windowStartMs: null,
    windowEndMs,
    projectDir,
    tempDir,
    warehousePath: join(dataDir, "p.duckdb"),
    ...(definition.publish === undefined ? {} : { snapshots: pipelineSnapshots(dataDir, "p") }),
    connectors: definitions,
    duckdb: grant.duckdb,
    ...(dieAt === undefined ? {} : { dieAt }),
    ...(promotes === undefined ? {} : { promotes }),
  };
  const log: string[] = [];
  const steps = new Map<string, Step>();
  let error: ErrorRecord | null | undefined;
  const spawned = await spawnRunProcess(
    program.runProcess,
    job,
    grant.permissions,
    (line) => log.push(line),
  );
  const killing = killAfterMs === undefined ? undefined : setTimeout(() => spawned.kill(), killAfterMs);
  killWhen?.then(() => spawned.kill());
  await using process = answering(spawned, answers);
  for await (const report of process.reports) {
    if (report.type === "step") steps.set(report.step.name, report.step);
    if (report.type === "log") log.push(`${report.step}: ${report.message}`);
    if (report.type !== "finished") continue;
    error = report.error;
    await process.close();
  }
  const { signal } = await process.status;
  clearTimeout(killing);
  return { error, signal, steps, log };
}

/** The attempt, which must not fail. */
export async function succeed(project: WorkerProject, request: AttemptRequest): Promise<Attempted> {
  const attempted = await attemptInProcess(project, request);
  equal(attempted.error, null, `${JSON.stringify(attempted.error)}\n${attempted.log.join("\n")}`);
  return attempted;
}
