import { DefinitionChanges } from "../definition_changes.ts";
import { AskedConnectors } from "../connectors/asked_connectors.ts";
import { createPlans } from "../models/local_plans.ts";
import type { Plans } from "../models/port.ts";
import { createLineages } from "../models/stored_lineage.ts";
import { createVersionPlans } from "../models/version_plans.ts";
import { LocalQueries } from "../queries/local_queries.ts";
import { createVersions } from "../versions/local_versions.ts";
import type { Versions } from "../versions/port.ts";
import type { ProcessPool } from "../../runs/attempt/process_pool.ts";
import type { PartsContext } from "./engine_context.ts";

/** What the engine makes of definitions: checks, plans, versions, and what asks by them. */
export interface ProjectParts {
  readonly definitions: DefinitionChanges;
  readonly connectors: AskedConnectors;
  readonly plans: Plans;
  readonly queries: LocalQueries;
  readonly lineageOf: ReturnType<typeof createLineages>;
  readonly versions: Versions;
}

interface Surroundings {
  readonly processes: ProcessPool;
  /** Aborted when the engine ends. */
  readonly stopping: AbortSignal;
  /** Called when other definitions are in force. */
  readonly onChange: () => void;
}

export function createProjectParts(
  context: PartsContext,
  { processes, stopping, onChange }: Surroundings,
): ProjectParts {
  const definitions = new DefinitionChanges({ ...context, processes, signal: stopping, onChange });
  const checkContext = () => definitions.checkContext;
  const looking = { store: context.store, checkContext, signal: stopping };
  return {
    definitions,
    connectors: new AskedConnectors(checkContext),
    plans: createPlans({ ...context, checkContext }),
    queries: new LocalQueries({ ...context, checkContext }),
    lineageOf: createLineages(looking),
    versions: createVersions({
      store: context.store,
      plan: createVersionPlans(looking),
      rollBack: (pipeline, revision) => definitions.rollBack(pipeline, revision),
    }),
  };
}
