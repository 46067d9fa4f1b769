import { AppError } from "../errors.ts";
import type { StreamDefinition } from "../pipeline/stream.ts";
import type { PipelineDefinition } from "../pipeline/pipeline.ts";
import type { ParamValue } from "../run.ts";
import { isSameName } from "../sql.ts";
import { defaultOf } from "./definition.ts";
import { paramTexts } from "./places.ts";
import { readParam } from "./values.ts";

/**
 * Streams that go on from where they were, and name params in what they read: a cursor of one region says nothing of another
 * one's rows. Their place is that of the params' defaults.
 */
export interface KeptStream {
  readonly name: string;
  readonly stream: StreamDefinition;
  /** The params that decide what it reads, each once. */
  readonly params: readonly string[];
}

/** `hasFiles` says of a connector whether its streams remember which files they have read. */
export function keptStreams(
  definition: Pick<PipelineDefinition, "extract" | "params">,
  hasFiles: (connector: string) => boolean,
  variablesIn: (sql: string) => readonly string[],
): KeptStream[] {
  const texts = paramTexts({ extract: definition.extract, load: {} });
  return Object.entries(definition.extract).flatMap(([name, stream]) => {
    const { mode, update_key: updateKey, connector, where = "" } = stream;
    const isKept = mode === "incremental" || mode === "cdc" ||
      (mode === "append" && (updateKey !== undefined || hasFiles(connector)));
    if (!isKept) return [];
    const named = texts.filter(({ path }) => path[1] === name).flatMap(({ params }) => params);
    const variables = variablesIn(where);
    const params = Object.keys(definition.params).filter((param) =>
      named.includes(param) || variables.some((variable) => isSameName(variable, param))
    );
    return params.length === 0 ? [] : [{ name, stream, params }];
  });
}

/**
 * Throws invalid for values that would have a stream go on from a place that is not theirs. A range is read again and leaves
 * the place alone, but where rows that are gone are looked for among all.
 */
export function requireOwnPlace(
  { params: definitions }: Pick<PipelineDefinition, "params">,
  kept: readonly KeptStream[],
  values: Readonly<Record<string, ParamValue>>,
  hasRange: boolean,
): void {
  for (const { name, stream, params } of kept) {
    const leavesPlace = hasRange && stream.update_key !== undefined && stream.mode !== "cdc" &&
      stream.deletes === "ignore";
    if (leavesPlace) continue;
    for (const param of params) {
      const definition = definitions[param];
      if (definition === undefined) continue;
      const own = readParam(definition, defaultOf(definition));
      if ("value" in own && own.value === values[param]) continue;
      const shown = "value" in own ? JSON.stringify(own.value) : "its default";
      const way = stream.update_key !== undefined && stream.mode !== "cdc" && stream.deletes === "ignore"
        ? `a run with from and to, or a backfill, may read others`
        : `put what has other values into a stream of mode full, or of its own`;
      throw new AppError(
        "invalid",
        `Cannot use the param ${param} = ${
          JSON.stringify(values[param] ?? null)
        }: the stream "${name}" goes on from ` +
          `where it was with ${param} = ${shown}; ${way}`,
      );
    }
  }
}
