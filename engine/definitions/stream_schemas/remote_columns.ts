import type { ConnectorDefinition } from "../../../contract/connector/entry.ts";
import { childTablesBy } from "../../../contract/pipeline/child_tables.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { hasReference, visitTexts } from "../../secrets/references.ts";
import type { StreamColumns } from "./schemas_file.ts";

/**
 * Of the columns of a pipeline's streams those that nobody without its secrets and its network can ask for.
 * `networked`: connectors that are asked over a network.
 */
export function remoteColumns(
  { extract }: Pick<PipelineDefinition, "extract">,
  connectors: Readonly<Record<string, ConnectorDefinition>>,
  networked: ReadonlySet<string>,
  columns: StreamColumns,
): StreamColumns {
  const children = childTablesBy(extract);
  return Object.fromEntries(
    Object.entries(columns).filter(([table]) => {
      const stream = extract[children[table] ?? table];
      // One that a wildcard stands for: which there are only the source knows.
      if (stream === undefined) return true;
      return networked.has(stream.connector) || usesReference(connectors[stream.connector]);
    }),
  );
}

function usesReference(connector: ConnectorDefinition | undefined): boolean {
  let found = false;
  visitTexts(connector ?? {}, (text) => void (found ||= hasReference(text)));
  return found;
}
