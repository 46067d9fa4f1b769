import type { PromotedEnvironment } from "../../../contract/environments/environment.ts";
import { splitPlacedName } from "../../../contract/environments/pipeline_name.ts";
import { AppError } from "../../../contract/errors.ts";
import { isRunnable } from "../../definitions/check/check_context.ts";
import { currentRevision } from "../../definitions/revision.ts";
import type { LoadedProject } from "../../definitions/load.ts";
import type { PipelineRecord } from "../../store/ports/definitions.ts";
import type { EnvironmentRecord } from "../../store/environments/port.ts";
import type { Store } from "../../store/store.ts";
import type { DefinitionChanges } from "../definition_changes.ts";
import type { CheckedOut } from "../versions/project_source.ts";
import { requireReady } from "./require_ready.ts";

export interface PromoteContext {
  readonly store: Store;
  readonly definitions: Pick<DefinitionChanges, "applyProject" | "load">;
}

/**
 * Puts what is in force in an environment in force in production, where it is still what its files say: what was tried is
 * what is promoted, and nothing newer. Its tables are not touched.
 */
export async function promoteEnvironment(
  { store, definitions }: PromoteContext,
  record: EnvironmentRecord,
  chosen: readonly PipelineRecord[],
  only: readonly string[] | undefined,
): Promise<PromotedEnvironment> {
  requireReady(record);
  const { name: environment, ref, commit } = record;
  if (chosen.length === 0) {
    throw new AppError("conflict", `Nothing is in force in the environment ${environment}`);
  }
  if (ref !== null && only !== undefined) {
    throw new AppError(
      "invalid",
      `The environment ${environment} comes from ${ref}, which is put in force as a whole: leave the pipelines out`,
    );
  }
  const production = await store.versions.source();
  if (ref === null && production !== undefined) {
    throw new AppError(
      "conflict",
      `Production is what ${production.ref} says, and the environment ${environment} what the project's folder says: ` +
        "apply that with --ref in the environment, or the folder in production, first",
    );
  }
  const pipelines = chosen.map(({ name }) => splitPlacedName(name).pipeline);
  const applied = await definitions.applyProject({
    ...(ref === null ? { pipelines } : { ref }),
    async before(from: CheckedOut | undefined) {
      if (from !== undefined && from.applied.commit !== commit) {
        throw new AppError(
          "conflict",
          `${from.applied.ref} is ${from.applied.commit.slice(0, 12)} by now, and ${
            commit?.slice(0, 12)
          } in ${environment}: ${tryAgain(environment, ref)}`,
        );
      }
      await requireSame(await definitions.load(from, environment), record, chosen);
    },
  });
  const inForce = await store.pipelines.getAll(pipelines);
  return {
    environment,
    promoted: pipelines.map((pipeline) => ({ pipeline, revision: inForce.get(pipeline)?.revision ?? null })),
    applied,
  };
}

/** Throws `conflict` where the files do not say what is in force in the environment. */
async function requireSame(
  project: LoadedProject,
  { name: environment, ref }: EnvironmentRecord,
  chosen: readonly PipelineRecord[],
): Promise<void> {
  for (const { name, revision, faults } of chosen) {
    const loaded = project.pipelines.find((pipeline) => pipeline.name === name);
    const id = loaded?.definition === undefined ? undefined : (await currentRevision(loaded, undefined)).id;
    if (id !== undefined && id === revision && isRunnable(faults)) continue;
    throw new AppError(
      "conflict",
      `What is in force as ${name} is not what the files say now: ${tryAgain(environment, ref)}`,
    );
  }
}

const tryAgain = (environment: string, ref: string | null): string =>
  `try that first, with sluice apply --env ${environment}${ref === null ? "" : ` --ref ${ref}`}`;
