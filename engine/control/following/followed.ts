import type { FollowedReport, FollowedView } from "../../../contract/connector/followed.ts";
import { followedConnectors } from "../../../contract/pipeline/followed_streams.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import type { PublishedFolder } from "../../runs/streams/published.ts";

/** How far the pipeline's streams are in the logs that they follow, as it was last reported; none before the first run. */
export async function followedViews(
  folder: PublishedFolder<FollowedReport>,
  pipeline: string,
  definition: Pick<PipelineDefinition, "extract"> | undefined,
  nowMs: number,
): Promise<FollowedView[]> {
  const connectors = definition === undefined ? [] : followedConnectors(definition);
  const reports = await folder.list(pipeline, connectors);
  return reports.map(({ token: _, up_to, ...report }) => ({
    ...report,
    up_to,
    lag_seconds: up_to === null ? null : Math.max(0, Math.round((nowMs - Date.parse(up_to)) / 1_000)),
  }));
}
