import type { ConnectorDefinition } from "../../../contract/connector/entry.ts";
import { addressOf, normalizedTarget } from "../../../contract/environments/address.ts";
import { placedName } from "../../../contract/environments/pipeline_name.ts";
import { loadTargets } from "../../../contract/pipeline/load.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { pathText } from "../../../text/schema_faults.ts";
import type { DocumentPath } from "../../../text/yaml_document.ts";
import type { PipelineFault } from "../check_pipeline.ts";

/** A pipeline in an environment, or in production, by what it loads. */
export interface Writer {
  readonly pipeline: string;
  readonly environment: string | null;
  readonly load: PipelineDefinition["load"];
}

interface Written {
  readonly writer: Writer;
  readonly path: DocumentPath;
  readonly target: string;
}

/** Targets by the system that they are in, as far as its address is written in connectors.yaml. */
export type WrittenTargets = ReadonlyMap<string, readonly Written[]>;

export function writtenTargets(
  writers: readonly Writer[],
  connectors: Readonly<Record<string, ConnectorDefinition>>,
): WrittenTargets {
  const found = new Map<string, Written[]>();
  for (const writer of writers) {
    for (const [name, loads] of Object.entries(writer.load)) {
      for (const [index, { connector, table, path }] of loadTargets(loads).entries()) {
        const entry = Object.hasOwn(connectors, connector) ? connectors[connector] : undefined;
        const target = typeof table === "string" ? table : typeof path === "string" ? path : undefined;
        if (entry === undefined || target === undefined) continue;
        const key = JSON.stringify([addressOf(entry), normalizedTarget(target)]);
        const at = Array.isArray(loads) ? ["load", name, index] : ["load", name];
        found.set(key, [...found.get(key) ?? [], { writer, path: at, target }]);
      }
    }
  }
  return found;
}

/** What two of them write that should be apart: a fault for each load of the environment's pipeline. */
export function sharedTargets(
  { pipeline, environment }: Pick<Writer, "pipeline" | "environment">,
  written: WrittenTargets,
): PipelineFault[] {
  return [...written.values()].flatMap((uses) => {
    const own = uses.find(({ writer }) => writer.pipeline === pipeline && writer.environment === environment);
    const other = uses.find(({ writer }) => writer.environment !== environment);
    if (own === undefined || other === undefined) return [];
    const { writer } = other;
    const message = `${
      pathText(own.path)
    }: in the environment ${environment} it would write ${own.target}, which ${
      placedName(writer)
    } writes too: map its connector to one of another database, or use another schema_suffix`;
    return [{ path: own.path, at: "key", message, severity: "error" } as const];
  });
}
