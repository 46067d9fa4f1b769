import { placedName } from "../../../contract/environments/pipeline_name.ts";
import { boundFaults, type Fault } from "../../../text/fault.ts";
import type { PipelineFault } from "../check_pipeline.ts";
import type { PipelineContext } from "../check_pipeline_connectors.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";
import { deriveDefinition } from "./derive.ts";
import { sharedTargets, type Writer, writtenTargets } from "./written_targets.ts";

export interface PlacedPipelines {
  /** By their names in the environment that they were read for. */
  readonly pipelines: readonly LoadedPipeline[];
  /** Of production: what would keep its pipelines from being applied in the project's environments. */
  readonly faults: readonly Fault[];
}

/**
 * Holds what pipelines load in production and in each environment against each other. One in an environment that would write
 * what another writes has a fault; those of production are told of it, and of what keeps them out of an environment.
 */
export function placedPipelines(
  pipelines: readonly LoadedPipeline[],
  context: PipelineContext,
): PlacedPipelines {
  const { environment: own, connectorTypes, connectors: { connectors }, project } = context;
  const all = Object.entries(project?.environments ?? {});
  if (all.length === 0) return { pipelines, faults: [] };
  const writers: Writer[] = [];
  const found: {
    readonly pipeline: LoadedPipeline;
    readonly environment: string;
    readonly faults: readonly PipelineFault[];
  }[] = [];
  for (const pipeline of pipelines) {
    const { name, production } = pipeline;
    if (production === undefined) continue;
    writers.push({ pipeline: name, environment: null, load: production.load });
    for (const [environment, definition] of all) {
      const derived = deriveDefinition(production, {
        environment: { name: environment, definition },
        connectorTypes,
        connectors,
      });
      writers.push({ pipeline: name, environment, load: derived.definition.load });
      found.push({ pipeline, environment, faults: derived.faults });
    }
  }
  const written = writtenTargets(writers, connectors);
  const shared = (pipeline: string, environment: string) => sharedTargets({ pipeline, environment }, written);
  if (own !== undefined) {
    return {
      pipelines: pipelines.map((pipeline) => ({
        ...pipeline,
        name: placedName({ pipeline: pipeline.name, environment: own.name }),
        faults: [...pipeline.faults, ...placed(pipeline, shared(pipeline.name, own.name))],
      })),
      faults: [],
    };
  }
  return {
    pipelines,
    faults: found.flatMap(({ pipeline, environment, faults }) => [
      ...placed(pipeline, faults).map((fault): Fault => ({ ...fault, severity: "warning" })),
      ...placed(pipeline, shared(pipeline.name, environment)),
    ]),
  };
}

function placed(pipeline: LoadedPipeline, faults: readonly PipelineFault[]): Fault[] {
  const shown = boundFaults<PipelineFault>(
    faults,
    (message, severity) => ({ path: [], at: "key", message, severity }),
  );
  return shown.map(({ path, message, severity }) => ({ ...pipeline.place(path), message, severity }));
}
