import { AppError } from "../../../contract/errors.ts";
import type { ModelPreview } from "../../../contract/queries/preview.ts";
import { isSameName } from "../../../contract/sql.ts";
import type { LiveChanges } from "../../../engine/definitions/live/live_changes.ts";
import type { LiveState } from "../../../engine/definitions/live/live_checker.ts";
import type { ProjectPlace } from "../../backend.ts";
import { dataFolderExists } from "../../data_folder.ts";
import type { CliContext } from "../command.ts";
import { previewRows } from "../commands/queries/preview_model.ts";
import { connect } from "../connect.ts";

/** A model whose rows `sluice dev` shows. */
export interface PreviewedModel {
  readonly pipeline: string;
  readonly model: string;
}

const SHOWN_ROWS = 20;

/** Throws `invalid` for what is no `PIPELINE.MODEL`. */
export function readPreviewed(text: string | undefined): PreviewedModel | undefined {
  if (text === undefined) return undefined;
  const [, pipeline, model] = /^([^.]+)\.([^.]+)$/.exec(text) ?? [];
  if (pipeline !== undefined && model !== undefined) return { pipeline, model };
  throw new AppError("invalid", `--preview is "${text}", expected a model as orders.daily`);
}

/** Whether a change may have changed its rows. */
export function reaches({ tables, affected }: LiveChanges, { pipeline, model }: PreviewedModel): boolean {
  return tables.some((table) => table.pipeline === pipeline && isSameName(table.table, model)) ||
    affected.some((step) => step.pipeline === pipeline && isSameName(step.step, `model:${model}`));
}

/** Undefined while the pipeline has an error, which says more. */
export async function previewNow(
  { pipeline, model }: PreviewedModel,
  state: LiveState,
  folders: ProjectPlace,
  context: CliContext,
  signal: AbortSignal,
): Promise<ModelPreview | undefined> {
  const faults = state.pipelines.get(pipeline)?.faults ?? [];
  if (faults.some(({ severity }) => severity === "error")) return undefined;
  if (!await dataFolderExists(folders.dataDir)) {
    throw new AppError("invalid", `There are no rows yet: sluice run ${pipeline} reads some`);
  }
  await using connection = await connect(folders, context, "dev", "read", { signal });
  const project = { folder: folders.projectDir };
  return await previewRows(
    connection,
    { pipeline, model, project, limit: SHOWN_ROWS, cells: "shown" },
    signal,
    context,
  );
}
