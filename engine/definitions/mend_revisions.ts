import type { ConnectorDefinition } from "../../contract/connector/entry.ts";
import { toAppError } from "../../contract/errors.ts";
import type { Fault } from "../../text/fault.ts";
import type { PipelineRecord } from "../store/ports/definitions.ts";
import type { Store } from "../store/store.ts";
import { namedConnectors } from "./parse_pipeline.ts";
import { revisionId } from "./revision.ts";

/**
 * Gives revisions in force whose connectors do not open any more, since their key is lost, those of the project: the
 * revision's id says whether they are the same. For pipelines that came over the API or were rolled back; others are
 * saved again anyway. Returns a warning for each that the project's connectors do not fit. Throws what the store throws.
 */
export async function mendRevisions(
  { revisions }: Pick<Store, "revisions">,
  records: Iterable<PipelineRecord>,
  connectors: Readonly<Record<string, ConnectorDefinition>>,
): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const { name, origin, revision: id, rolledBackFrom } of records) {
    if (id === null || origin === "files" && rolledBackFrom === null || await isReadable(revisions, id)) {
      continue;
    }
    const found = await revisions.get(id);
    if (found === undefined) continue;
    const whole = { ...found.revision, connectors: namedConnectors(found.revision.definition, connectors) };
    if (await revisionId(whole) === id) await revisions.save(whole, found.steps);
    else {
      const wayOut = origin === "api" ? "put it again" : "go on with what its files say";
      const message =
        `the pipeline "${name}" cannot run: the key of its connectors is lost, and connectors.yaml says ` +
        `something else by now; ${wayOut}`;
      faults.push({ file: "connectors.yaml", message, severity: "warning" });
    }
  }
  return faults;
}

/** Throws what may go well another time. */
async function isReadable({ connectors }: Store["revisions"], id: string): Promise<boolean> {
  try {
    await connectors(id);
    return true;
  } catch (error) {
    if (toAppError(error).code === "invalid") return false;
    throw error;
  }
}
