import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";

/** A step that sorts or joins wants about so much of DuckDB's memory before it spills. */
const MEMORY_A_STEP_BYTES = 256 * 1024 * 1024;

/**
 * How many steps of a run may run at a time: as many as DuckDB has threads (two where the machine has
 * one core, as a step often waits for a source), fewer where its memory is small.
 */
export function stepsAtOnce(resources: PipelineDefinition["resources"], cores: number): number {
  const threads = resources.threads ?? Math.max(2, cores);
  if (resources.memory === undefined) return threads;
  return Math.max(1, Math.min(threads, Math.floor(memoryBytes(resources.memory) / MEMORY_A_STEP_BYTES)));
}

/** Bytes of a size that the pipeline's schema let through, as `512MB` or `2GiB`. */
function memoryBytes(size: string): number {
  const [, amount = "", unit = "", binary] = /^([\d.]+)\s*([KMGT])(i?)B$/.exec(size) ?? [];
  const base = binary === "i" ? 1_024 : 1_000;
  return Number(amount) * base ** ("KMGT".indexOf(unit) + 1);
}
