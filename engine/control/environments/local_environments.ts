import type { EnvironmentView } from "../../../contract/environments/environment.ts";
import { placedName, splitPlacedName } from "../../../contract/environments/pipeline_name.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import { didYouMeanOneOf } from "../../../text/suggest.ts";
import { readProjectParts } from "../../definitions/project/project_parts.ts";
import { pipelineBytes, removePipelineData } from "../../runs/warehouses/pipeline_data.ts";
import type { EnvironmentRecord } from "../../store/environments/port.ts";
import type { PipelineRecord } from "../../store/ports/definitions.ts";
import type { Store } from "../../store/store.ts";
import type { DefinitionChanges } from "../definition_changes.ts";
import { type CreateContext, createEnvironment } from "./create_environment.ts";
import { type PlanContext, planEnvironmentPromotion } from "./plan_promotion.ts";
import { promoteEnvironment } from "./promote_environment.ts";
import type { Environments } from "./port.ts";

export type EnvironmentsContext = CreateContext & PlanContext & {
  readonly definitions: Pick<DefinitionChanges, "inTurn" | "letGoOf">;
};

/** Environments of the control store and the data folder. */
export function createEnvironments(context: EnvironmentsContext): Environments {
  const { store, definitions } = context;
  return {
    list: () => listEnvironments(context),

    apply: (environment, request = {}) => definitions.applyProject({ ...request, environment }),

    create: (environment, request, signal) => createEnvironment(context, environment, request, signal),

    async promote(environment, request = {}) {
      const record = await requireMade(store, environment);
      const chosen = chosenOf(environment, await pipelinesOf(store, environment), request.pipelines);
      return await promoteEnvironment(context, record, chosen, request);
    },

    async planPromotion(environment, pipelines, signal) {
      const record = await requireMade(store, environment);
      const chosen = chosenOf(environment, await pipelinesOf(store, environment), pipelines);
      return await planEnvironmentPromotion(context, record, chosen, pipelines, signal);
    },

    remove: (environment, pipelines) =>
      definitions.inTurn(() => removeEnvironment(context, environment, pipelines)),
  };

  async function removeEnvironment(
    { dataDir, clock }: EnvironmentsContext,
    name: string,
    only: readonly string[] | undefined,
  ) {
    const record = await requireMade(store, name);
    const own = await pipelinesOf(store, name);
    const chosen = chosenOf(name, own, only);
    for (const { name: pipeline } of chosen) {
      if (!await store.runs.isActive(pipeline)) continue;
      throw new AppError("conflict", `Pipeline "${pipeline}" has a run under way: cancel it first`);
    }
    // Whatever ends it from here on, it is told not to be whole until it is done.
    await store.environments.put({ ...record, state: "deleting", changedAtMs: clock.now() });
    const names = new Set(chosen.map((pipeline) => pipeline.name));
    for (const { revision: id, name: pipeline } of chosen) {
      const last = id === null ? undefined : await store.revisions.get(id);
      await store.pipelines.remove(pipeline);
      if (last !== undefined) await definitions.letGoOf(last.revision);
    }
    // Those that an earlier removal has taken out of force are here by their files alone.
    if (only === undefined) {
      const made = await store.pipelines.subjects();
      for (const subject of made) {
        if (splitPlacedName(subject.name).environment === name) names.add(subject.name);
      }
    } else for (const pipeline of only) names.add(placedName({ pipeline, environment: name }));
    let freedBytes = 0;
    for (const pipeline of names) {
      freedBytes += await pipelineBytes(dataDir, pipeline);
      await removePipelineData(dataDir, pipeline);
      await store.warehouseKeys.remove(pipeline);
    }
    if (own.length > chosen.length) {
      await store.environments.put({ ...record, state: "ready", changedAtMs: clock.now() });
    } else await store.environments.remove(name);
    return { removed: chosen.map((pipeline) => pipeline.name), freed_bytes: freedBytes };
  }
}

async function listEnvironments(
  { store, projectDir, dataDir }: EnvironmentsContext,
): Promise<EnvironmentView[]> {
  const { project } = await readProjectParts(projectDir);
  const records = new Map((await store.environments.list()).map((record) => [record.name, record]));
  const names = [...new Set([...records.keys(), ...Object.keys(project.environments)])].sort();
  return await Promise.all(names.map(async (name): Promise<EnvironmentView> => {
    const record = records.get(name);
    const pipelines = await Promise.all(
      (await pipelinesOf(store, name)).map(async ({ name: placed, revision }) => ({
        name: placed,
        pipeline: splitPlacedName(placed).pipeline,
        revision,
        size_bytes: await pipelineBytes(dataDir, placed),
      })),
    );
    return {
      name,
      description: project.environments[name]?.description ?? null,
      state: record?.state ?? "defined",
      ref: record?.ref ?? null,
      commit: record?.commit ?? null,
      applied_at: timeOf(record?.appliedAtMs ?? null),
      pipelines,
      size_bytes: pipelines.reduce((sum, pipeline) => sum + pipeline.size_bytes, 0),
    };
  }));
}

const timeOf = (ms: number | null): string | null => ms === null ? null : new Date(ms).toISOString();

/** Throws `not_found` with the name that was likely meant. */
async function requireMade(store: Store, name: string): Promise<EnvironmentRecord> {
  const record = await store.environments.get(name);
  if (record !== undefined) return record;
  const known = (await store.environments.list()).map((one) => one.name);
  throw new AppError(
    "not_found",
    `Nothing is in force in an environment ${quoteName(name)}${didYouMeanOneOf(name, known)}`,
  );
}

async function pipelinesOf(store: Store, environment: string): Promise<PipelineRecord[]> {
  return (await store.pipelines.list()).filter(({ name }) =>
    splitPlacedName(name).environment === environment
  );
}

function chosenOf(
  environment: string,
  own: readonly PipelineRecord[],
  only: readonly string[] | undefined,
): readonly PipelineRecord[] {
  if (only === undefined) return own;
  const names = own.map(({ name }) => splitPlacedName(name).pipeline);
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new AppError(
      "not_found",
      `There is no pipeline ${quoteName(unknown)} in the environment ${environment}${
        didYouMeanOneOf(unknown, names)
      }`,
    );
  }
  return own.filter(({ name }) => only.includes(splitPlacedName(name).pipeline));
}
