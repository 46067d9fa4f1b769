import { AppError } from "../../../contract/errors.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import type { PipelineStep, Run } from "../../../contract/run.ts";
import { didYouMean } from "../../../text/suggest.ts";
import type { RerunRequest, TriggerRequest } from "../engine.ts";

/**
 * What a rerun asks for: the run's window, range and params, of the step and what needs it, or of the steps that the
 * run had. Throws invalid for a step that the pipeline does not have.
 */
export function rerunRequest(
  run: Run,
  { from, triggeredBy }: RerunRequest,
  { definition, steps }: { readonly definition: PipelineDefinition; readonly steps: readonly PipelineStep[] },
): TriggerRequest {
  const select = from === undefined ? run.select : selectionFrom(from, steps, run.pipeline);
  return {
    trigger: "rerun",
    ...(triggeredBy === undefined ? {} : { triggeredBy }),
    params: Object.fromEntries(
      Object.entries(run.params).filter(([name]) => Object.hasOwn(definition.params, name)),
    ),
    ...(select === null ? {} : { select }),
    fullRefresh: run.full_refresh,
    window: { start: run.window_start, end: run.window_end },
    ...(run.range === undefined ? {} : { range: run.range }),
    ...(run.group === null ? {} : { group: run.group }),
    parent: run.id,
    priority: run.priority,
  };
}

/** `raw.orders+` of an extract, `model:daily+` of a model and its checks, `model:daily` of a load or a snapshot. */
function selectionFrom(text: string, steps: readonly PipelineStep[], pipeline: string): string {
  const step = findStep(text, steps, pipeline);
  switch (step.kind) {
    case "extract":
      return `raw.${labelOf(step)}+`;
    case "model":
      return `${step.name}+`;
    case "check":
      return `model:${labelOf(step).split(".")[0] ?? ""}+`;
    case "snapshot":
      return `model:${labelOf(step)}`;
    case "load": {
      const nodes = step.depends.filter((name) => /^(?:model|extract):/.test(name));
      const table = labelOf(step).split("→")[0];
      const node = nodes.find((name) => name.slice(name.indexOf(":") + 1) === table) ?? nodes[0] ?? "";
      return node.replace(/^extract:/, "raw.");
    }
  }
}

/** By its name, with `->` for the arrow, or by what stands behind the colon; `raw.orders` is an extract. */
function findStep(text: string, steps: readonly PipelineStep[], pipeline: string): PipelineStep {
  const wanted = text.trim().replaceAll("->", "→").replace(/^raw\./, "extract:");
  const exact = steps.find(({ name }) => name === wanted);
  if (exact !== undefined) return exact;
  const [only, other] = steps.filter((step) => labelOf(step) === wanted);
  if (only !== undefined && other === undefined) return only;
  const names = steps.map(({ name }) => name);
  const known = [...names, ...steps.map(labelOf)];
  const why = other === undefined ? "has no such step" : "has several steps of that name";
  throw new AppError(
    "invalid",
    `Cannot rerun from "${text}": "${pipeline}" ${why}${didYouMean(wanted, known)}`,
    { detail: `Its steps: ${names.join(", ")}` },
  );
}

const labelOf = ({ name, kind }: PipelineStep): string => name.slice(kind.length + 1);
