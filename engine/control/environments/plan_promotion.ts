import type { PromotionPlan } from "../../../contract/environments/promotion.ts";
import { splitPlacedName } from "../../../contract/environments/pipeline_name.ts";
import { toAppError } from "../../../contract/errors.ts";
import { resolveParams } from "../../../contract/params/values.ts";
import { splitFiles } from "../../../contract/revision.ts";
import { isRunnable } from "../../definitions/check/check_context.ts";
import type { LoadedPipeline } from "../../definitions/parse_pipeline.ts";
import { currentRevision } from "../../definitions/revision.ts";
import { planPromotion, type PlanPromotionContext } from "../../runs/comparisons/plan_promotion.ts";
import { warehousePath, warehouseState } from "../../runs/warehouses/warehouse_file.ts";
import type { PipelineRecord } from "../../store/ports/definitions.ts";
import type { EnvironmentRecord } from "../../store/environments/port.ts";
import { placedName } from "../../../contract/environments/pipeline_name.ts";
import { type PromoteContext, requirePromotable, requireSame } from "./promote_environment.ts";

export type PlanContext = PromoteContext & Omit<PlanPromotionContext, "store">;

type PlannedPipeline = PromotionPlan["pipelines"][number];

/** What `promoteEnvironment` would do, without doing it. Throws as it does. */
export async function planEnvironmentPromotion(
  context: PlanContext,
  record: EnvironmentRecord,
  chosen: readonly PipelineRecord[],
  only: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<PromotionPlan> {
  const { store, definitions } = context;
  const { name: environment, ref } = record;
  await requirePromotable(store, record, chosen, only);
  const inForce = await store.pipelines.getAll(chosen.map(({ name }) => splitPlacedName(name).pipeline));
  const project = await definitions.look(ref ?? undefined, async (from) => {
    await requireSame(from, await definitions.load(from, environment), record, chosen);
    return await definitions.load(from, null);
  });
  const pipelines: PlannedPipeline[] = [];
  for (const { name } of chosen) {
    signal.throwIfAborted();
    const { pipeline } = splitPlacedName(name);
    const loaded = project.pipelines.find((one) => one.name === pipeline);
    pipelines.push(
      await planPipeline(context, environment, loaded, {
        pipeline,
        revision: inForce.get(pipeline)?.revision,
      }, signal),
    );
  }
  return { environment, pipelines };
}

async function planPipeline(
  context: PlanContext,
  environment: string,
  loaded: LoadedPipeline | undefined,
  { pipeline, revision: last }: { readonly pipeline: string; readonly revision: string | null | undefined },
  signal: AbortSignal,
): Promise<PlannedPipeline> {
  if (loaded?.definition === undefined || !isRunnable(loaded.faults)) {
    return { pipeline, revision: null, in_force: false, models: [], note: "it has faults in production" };
  }
  const { id: revision } = await currentRevision(loaded, undefined);
  const known = { pipeline, revision, in_force: revision === last };
  const path = warehousePath(context.dataDir, placedName({ pipeline, environment }));
  if (await warehouseState(path) === "none") {
    return {
      ...known,
      models: [],
      note: `nothing has run in ${environment}: production's next run builds what changed`,
    };
  }
  const { definition, files } = loaded;
  try {
    const params = resolveParams(definition.params, {});
    const models = await planPromotion(context, {
      environment,
      pipeline,
      definition,
      files: splitFiles(files).models,
      params,
    }, signal);
    return { ...known, models: [...models], note: null };
  } catch (error) {
    signal.throwIfAborted();
    return { ...known, models: [], note: toAppError(error).message };
  }
}
