import { type PipelineDefinition, pipelineSchema } from "../../contract/pipeline/pipeline.ts";
import type { RevisionFile } from "../../contract/revision.ts";
import type { DocumentPath } from "../../text/yaml_document.ts";
import { checkSchema, type SchemaFault } from "../../text/schema_faults.ts";
import { isRecord } from "../../text/is_record.ts";

/**
 * What can be checked of a pipeline whether or not it may run: a fault in one part of a definition must
 * not hide those of its SQL.
 */
export interface PipelineSketch {
  /** Without the entries that are wrong. */
  readonly definition: PipelineDefinition;
  readonly files: readonly RevisionFile[];
  /** Streams whose source is not asked, since something is wrong with them that is a fault already. */
  readonly mutedStreams: ReadonlySet<string>;
  /** Loads that are a fault already. */
  readonly mutedLoads: ReadonlySet<string>;
  /** Params whose types are not known. */
  readonly mutedParams: readonly string[];
  /** Models whose files are a fault already. */
  readonly refusedModels: readonly string[];
}

/** The definition without what is not asked. */
export function askedOf({ definition, mutedStreams, mutedLoads }: PipelineSketch): PipelineDefinition {
  const without = <T>(entries: Readonly<Record<string, T>>, muted: ReadonlySet<string>) =>
    Object.fromEntries(Object.entries(entries).filter(([name]) => !muted.has(name)));
  return {
    ...definition,
    extract: without(definition.extract, mutedStreams),
    load: without(definition.load, mutedLoads),
  };
}

/** The sketch with more of it left alone: paths as `["extract", "orders"]`. */
export function withMuted(sketch: PipelineSketch, muted: readonly DocumentPath[]): PipelineSketch {
  const names = (part: string) => muted.flatMap((path) => path[0] === part ? [String(path[1])] : []);
  return {
    ...sketch,
    mutedStreams: new Set([...sketch.mutedStreams, ...names("extract")]),
    mutedLoads: new Set([...sketch.mutedLoads, ...names("load")]),
  };
}

export const countMuted = ({ mutedStreams, mutedLoads }: PipelineSketch): number =>
  mutedStreams.size + mutedLoads.size;

/** As many entries are left out before the rest is given up. */
const MOST_ROUNDS = 40;

/** A definition without what its schema has against it, and the names that it would have had. */
export interface SalvagedDefinition {
  readonly definition: PipelineDefinition;
  readonly streams: readonly string[];
  readonly params: readonly string[];
}

/** Undefined where nothing of the definition can be read. */
export function salvageDefinition(
  value: unknown,
  faults: readonly SchemaFault[],
): SalvagedDefinition | undefined {
  const rest = structuredClone(value);
  const wrong = { extract: new Set<string>(), params: new Set<string>() };
  let found = faults;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    for (const { path } of found) {
      const [part, name] = path;
      if ((part === "extract" || part === "params") && name !== undefined) wrong[part].add(String(name));
      if (!removeAt(rest, path)) return undefined;
    }
    const shape = checkSchema(pipelineSchema, rest);
    if ("output" in shape) {
      return { definition: shape.output, streams: [...wrong.extract], params: [...wrong.params] };
    }
    found = shape.faults;
  }
  return undefined;
}

/** Removes the entry, or where it is not there the nearest above it. False where only the whole is left. */
function removeAt(value: unknown, path: readonly (string | number)[]): boolean {
  for (let length = path.length; length > 0; length--) {
    const parent = path.slice(0, length - 1).reduce<unknown>((at, key) => memberOf(at, key), value);
    const key = path[length - 1] ?? "";
    if (Array.isArray(parent) && typeof key === "number" && key in parent) {
      parent.splice(key, 1);
      return true;
    }
    if (isRecord(parent) && Object.hasOwn(parent, key)) {
      delete parent[key];
      return true;
    }
  }
  return false;
}

function memberOf(value: unknown, key: string | number): unknown {
  if (Array.isArray(value)) return typeof key === "number" ? value[key] : undefined;
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}
