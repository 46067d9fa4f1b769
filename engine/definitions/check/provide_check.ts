import { filledDefinition, sampleParams } from "../../../connectors/pipeline_params.ts";
import { toAppError } from "../../../contract/errors.ts";
import { paramTexts, unfilledParams } from "../../../contract/params/places.ts";
import { loadTargets } from "../../../contract/pipeline/load.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import type { Fault } from "../../../text/fault.ts";
import type { DocumentPath } from "../../../text/yaml_document.ts";
import type { Fence } from "../../grants/fence.ts";
import { provide, type Provision } from "../../grants/provide.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";
import { askedOf, countMuted, type PipelineSketch, withMuted } from "../sketch.ts";
import { type CheckContext, checkedAs, type CheckedPipeline, faultOf } from "./check_context.ts";

export interface Provided {
  readonly pipeline: LoadedPipeline;
  readonly sketch: PipelineSketch;
  readonly provision: Provision;
  /** What was found before its process. */
  readonly faults: readonly Fault[];
}

/**
 * The pipeline with what its process needs, or as it is where it cannot have a process. Streams whose
 * connector cannot be asked are left out of what the process asks for.
 */
export async function provideFor(
  context: CheckContext,
  pipeline: LoadedPipeline,
  fence: Fence,
): Promise<Provided | CheckedPipeline> {
  const { connectors } = pipeline;
  if (pipeline.sketch === undefined) return checkedAs(pipeline, []);
  const filled = filledSketch(context, pipeline, pipeline.sketch);
  const faults: Fault[] = [...filled.faults];
  let { sketch } = filled;
  try {
    for (;;) {
      const definition = askedOf(sketch);
      const provision = await provide(context, { definition, connectors, purpose: "check" }, fence);
      const { found, muted } = problemsOf(context, pipeline, definition, provision);
      faults.push(...found);
      if (muted.length === 0) return { pipeline, sketch, provision, faults };
      const next = withMuted(sketch, muted);
      // What is refused to the pipeline as a whole cannot be left out.
      if (countMuted(next) === countMuted(sketch)) return checkedAs(pipeline, faults);
      sketch = next;
    }
  } catch (error) {
    return checkedAs(pipeline, [...faults, faultOf(pipeline, toAppError(error).message)]);
  }
}

/**
 * The sketch with the values of params that are known before a run; streams and loads that need another one are left alone, as
 * those are that have a fault.
 */
export function filledSketch(
  { connectors: types }: Pick<CheckContext, "connectors">,
  pipeline: LoadedPipeline,
  sketch: PipelineSketch,
): { readonly sketch: PipelineSketch; readonly faults: readonly Fault[] } {
  const values = sampleParams(sketch.definition.params);
  const open = paramTexts(sketch.definition).flatMap((text) => {
    const [name] = text.kind === undefined ? [] : unfilledParams(text, values);
    return name === undefined || !Object.hasOwn(sketch.definition.params, name) ? [] : [{ text, name }];
  });
  const faults = open.filter(({ text: { path } }) =>
    !(path[0] === "extract" ? sketch.mutedStreams : sketch.mutedLoads).has(String(path[1]))
  ).map(({ text, name }): Fault => ({
    ...pipeline.place(text.path),
    message: `the param ${name} has no default: what this names is not looked at before a run`,
    severity: "warning",
  }));
  const muted = withMuted(sketch, open.map(({ text }) => text.path));
  const { connectors } = pipeline;
  const { definition } = sketch;
  const { extract, load } = filledDefinition(types, { definition: askedOf(muted), connectors }, values);
  const filled = {
    ...definition,
    extract: { ...definition.extract, ...extract },
    load: { ...definition.load, ...load },
  };
  return { sketch: { ...muted, definition: filled }, faults };
}

/** What is wrong with the connectors, and the streams and loads that are to be left alone for it. */
function problemsOf(
  { isOffline = false }: CheckContext,
  pipeline: LoadedPipeline,
  definition: PipelineDefinition,
  { refusals, failures, networked }: Provision,
): { readonly found: readonly Fault[]; readonly muted: readonly DocumentPath[] } {
  const usesOf = (connector: string): DocumentPath[] => [
    ...Object.entries(definition.extract).filter(([, stream]) => stream.connector === connector)
      .map(([name]) => ["extract", name]),
    ...Object.entries(definition.load).filter(([, load]) =>
      loadTargets(load).some((target) => target.connector === connector)
    ).map(([name]) => ["load", name]),
  ];
  const found = [
    ...refusals.map(({ message, place }): Fault => ({
      ...pipeline.place(place),
      message,
      severity: "error",
    })),
    ...failures.map(({ message, place, isMissing }): Fault => ({
      ...("connectors" in place ? pipeline.connectorPlace(place.connectors) : pipeline.place(place.pipeline)),
      message,
      severity: isMissing && isOffline ? "warning" : "error",
    })),
  ];
  const muted = [
    ...refusals.map(({ place }) => place),
    ...failures.flatMap(({ connector, place }) => "pipeline" in place ? [place.pipeline] : usesOf(connector)),
    ...(isOffline ? [...networked].flatMap(usesOf) : []),
  ];
  return { found, muted };
}
