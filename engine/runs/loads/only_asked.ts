import { namesLoad } from "../../../contract/loads/verification.ts";
import { namedLoads } from "../../../contract/pipeline/named_loads.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { isWildcard } from "../../../contract/pipeline/wildcard.ts";

/**
 * What a process is granted that reads no stream and has to do with the loads of one name, or of all: loads of wildcards
 * may be what the text names.
 */
export function onlyAsked(definition: PipelineDefinition, load: string | null): PipelineDefinition {
  return { ...definition, extract: {}, load: load === null ? definition.load : loadsNamed(definition, load) };
}

function loadsNamed({ load, extract }: PipelineDefinition, asked: string): PipelineDefinition["load"] {
  const named = namedLoads(load).filter(({ step }) => namesLoad(asked, step)).map(({ table }) => table);
  const isMeant = (table: string) =>
    named.includes(table) || (extract[table] !== undefined && isWildcard(extract[table]));
  return Object.fromEntries(Object.entries(load).filter(([table]) => isMeant(table)));
}
