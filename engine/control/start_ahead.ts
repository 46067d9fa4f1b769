import { type Defined, filledDefinition, sampleParams } from "../../connectors/pipeline_params.ts";
import { environmentOf } from "../../contract/environments/pipeline_name.ts";
import type { PipelineDefinition } from "../../contract/pipeline/pipeline.ts";
import { toAppError } from "../../contract/errors.ts";
import type { Clock } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";
import { type LoadedProject, loadProject } from "../definitions/load.ts";
import { ScriptBundles } from "../definitions/scripts/script_bundles.ts";
import { createFence } from "../grants/fence.ts";
import { type GrantContext, provide } from "../grants/provide.ts";
import { grantOf, spillFolder } from "../runs/attempt/process_grant.ts";
import { type ProcessGrant, ProcessPool } from "../runs/attempt/process_pool.ts";
import type { RunProcessProgram } from "../runs/attempt/spawn.ts";
import type { Store } from "../store/store.ts";

export interface StartAheadContext extends GrantContext {
  readonly runProcess: RunProcessProgram;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether nothing is in force yet: the pipeline is checked before it runs. */
  readonly isNew: boolean;
}

/** What a command has under way before its control store is open. Whoever takes it disposes of `processes`. */
export interface StartedAhead {
  readonly processes: ProcessPool;
  /** The project's files as they were read; undefined where they could not be: the next who reads them says why. */
  readonly project: LoadedProject | undefined;
  /** What the process of the pipeline's run may do, where that is known. */
  readonly runGrant?: ProcessGrant | undefined;
}

/**
 * Reads the project and has a process started for the pipeline that is to run, with the grant of its runs, or
 * of the check that comes first: it loads while the rest of the engine does. Never throws: the run itself
 * tells what is wrong.
 */
export async function startAhead(context: StartAheadContext, pipeline: string): Promise<StartedAhead> {
  const processes = createProcesses(context);
  let project: LoadedProject | undefined;
  try {
    project = await loadProject(context.projectDir, {
      connectorTypes: context.connectors,
      scripts: new ScriptBundles(),
      environment: environmentOf(pipeline),
    });
    const found = project.pipelines.find(({ name }) => name === pipeline);
    if (found?.definition === undefined) return { processes, project };
    const { connectors } = found;
    const definition = withSamples(context.connectors, { definition: found.definition, connectors });
    const fence = await createFence(context);
    const provision = await provide(context, { definition, connectors, purpose: "run" }, fence);
    const runGrant = grantOf(context, provision, pipeline);
    if (context.isNew) {
      const check = await provide(context, { definition, connectors, purpose: "check" }, fence);
      await processes.warm({ permissions: check.grant.permissions, projectDir: context.projectDir });
    } else await processes.warm(runGrant);
    return { processes, project, runGrant };
  } catch (error) {
    context.log("debug", "no process was started ahead", { pipeline, error: toAppError(error).message });
  }
  return { processes, project };
}

/**
 * Has a process ready for the pipeline's next run, where it can be had. Never throws what keeps a process from being
 * started: the run itself tells that.
 */
export async function startForNext(
  context: GrantContext & { readonly store: Store; readonly log: Log },
  processes: ProcessPool,
  pipeline: string,
): Promise<void> {
  const { store, log } = context;
  const revision = (await store.pipelines.get(pipeline))?.revision;
  const found = typeof revision === "string" ? await store.revisions.head(revision) : undefined;
  if (found === undefined) return;
  try {
    const connectors = await store.revisions.connectors(found.id);
    const definition = withSamples(context.connectors, { definition: found.definition, connectors });
    const provision = await provide(context, { definition, connectors, purpose: "run" });
    await processes.warm(grantOf(context, provision, pipeline));
  } catch (error) {
    log("debug", "no process was started ahead", { pipeline, error: toAppError(error).message });
  }
}

/** Most runs have the defaults: a process with another grant than a run needs is not taken for it. */
const withSamples = (types: GrantContext["connectors"], defined: Defined): PipelineDefinition =>
  filledDefinition(types, defined, sampleParams(defined.definition.params));

/** The processes of the runs of one server or command. */
export function createProcesses(
  { runProcess, dataDir, clock }: Pick<StartAheadContext, "runProcess" | "dataDir" | "clock">,
): ProcessPool {
  return new ProcessPool({ program: runProcess, folder: spillFolder(dataDir), clock });
}
