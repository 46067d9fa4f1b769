import type { Connector } from "../contract/connector/connector.ts";
import type { ConnectorHead } from "../contract/connector/entry.ts";
import type { SqlText } from "../contract/connector/sql_text.ts";
import { defaultOf, type ParamDefinitions } from "../contract/params/definition.ts";
import { fillParams } from "../contract/params/places.ts";
import { readParam } from "../contract/params/values.ts";
import type { PipelineDefinition } from "../contract/pipeline/pipeline.ts";
import type { ParamValue } from "../contract/run.ts";
import { DUCKDB_TEXT } from "./sql_text.ts";

/** How the SQL of each of a pipeline's connectors is written, by its name in connectors.yaml. */
export const sqlTextOf =
  (types: readonly Connector[], definitions: Readonly<Record<string, ConnectorHead>>) =>
  (connector: string): SqlText =>
    types.find(({ name }) => name === definitions[connector]?.type)?.sqlText ?? DUCKDB_TEXT;

/** What a pipeline's definition names of a revision. */
export interface Defined {
  readonly definition: PipelineDefinition;
  readonly connectors: Readonly<Record<string, ConnectorHead>>;
}

/**
 * The definition as a run with these params reads and writes: nothing else knows of `${param:…}`. Throws `invalid` for a value that
 * cannot stand where it is named.
 */
export const filledDefinition = (
  types: readonly Connector[],
  { definition, connectors }: Defined,
  params: Readonly<Record<string, ParamValue>>,
): PipelineDefinition =>
  fillParams(definition, {
    definitions: definition.params,
    values: params,
    sqlText: sqlTextOf(types, connectors),
  });

/** What can be known of a run's params before there is one: defaults, else the first value that is allowed. */
export function sampleParams(definitions: ParamDefinitions): Record<string, ParamValue> {
  return Object.fromEntries(
    Object.entries(definitions).flatMap(([name, definition]) => {
      const sample = defaultOf(definition) === undefined ? definition.enum?.[0] : defaultOf(definition);
      const read = sample === undefined ? undefined : readParam(definition, sample);
      return read === undefined || "fault" in read ? [] : [[name, read.value]];
    }),
  );
}

/** Whether streams of a connector remember which files they have read. */
export const hasFilesOf =
  (types: readonly Connector[], { connectors }: Pick<Defined, "connectors">) =>
  (connector: string): boolean =>
    types.find(({ name }) => name === connectors[connector]?.type)?.hasFiles === true;
