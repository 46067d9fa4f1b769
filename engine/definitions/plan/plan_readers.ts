import type { PipelinePlan } from "../../../contract/plan/plan.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { publishedReads } from "../../../contract/snapshots/source.ts";
import { publishingOf } from "../published/check_reads.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";

/**
 * The plans with the streams of the project's other pipelines that read published models which change. One whose model is
 * published no more breaks. `before` has the definitions that are compared with, by pipeline.
 */
export function withPlanReaders(
  plans: readonly PipelinePlan[],
  before: ReadonlyMap<string, Pick<PipelineDefinition, "extract" | "publish"> | undefined>,
  pipelines: readonly LoadedPipeline[],
): PipelinePlan[] {
  const reads = pipelines.flatMap(({ name, definition }) =>
    definition === undefined ? [] : publishedReads(definition).map((read) => ({ ...read, reader: name }))
  );
  return plans.map((plan) => {
    const after = pipelines.find(({ name }) => name === plan.pipeline);
    // Of one with faults nobody knows what it was to publish.
    if (reads.length === 0 || (after !== undefined && after.definition === undefined)) return plan;
    const was = before.get(plan.pipeline);
    const published = after?.definition === undefined ? [] : publishingOf(after.definition).published;
    const lost = (was === undefined ? [] : publishingOf(was).published)
      .filter((model) => !published.includes(model));
    const changed = new Set(plan.models.filter(({ rows }) => rows).map(({ model }) => model));
    const readers = reads
      .filter(({ pipeline, model }) =>
        pipeline === plan.pipeline && (changed.has(model) || lost.includes(model))
      )
      .map(({ reader, stream, model }) => ({ pipeline: reader, stream, model, loses: lost.includes(model) }));
    return readers.length === 0
      ? plan
      : { ...plan, readers, breaking: plan.breaking || readers.some(({ loses }) => loses) };
  });
}
