import * as v from "valibot";
import { AppError } from "../../../contract/errors.ts";
import { snapshotSchema } from "../../../contract/snapshots/snapshot.ts";
import type { PublishedData } from "../../../engine/control/data/port.ts";
import { type ApiClient, read } from "./api_client.ts";
import { pipelineSegment, segment } from "./paths.ts";

/** Published models of a server. */
export function createRemoteData({ routes }: ApiClient): PublishedData {
  const list: PublishedData["list"] = (pipeline) =>
    read(
      v.array(snapshotSchema),
      routes.pipelines[":name"].data.$get({ param: { name: pipelineSegment(pipeline) }, query: {} }),
    );
  return {
    list,
    async find(pipeline, model) {
      const found = (await list(pipeline)).find((snapshot) => snapshot.model === model);
      if (found !== undefined) return found;
      throw new AppError("not_found", `"${pipeline}" publishes no model "${model}", or has not yet`);
    },
    async read(snapshot, { limit, ...query }, signal) {
      const param = { name: pipelineSegment(snapshot.pipeline), model: segment("model", snapshot.model) };
      const response = await routes.data[":name"][":model"].$get({
        param,
        query: { ...query, ...(limit === undefined ? {} : { limit: String(limit) }) },
        header: {},
      }, { init: { signal } });
      const next = response.headers.get("x-next-cursor");
      const empty = new ReadableStream<Uint8Array>({ start: (controller) => controller.close() });
      return {
        snapshot: { ...snapshot, id: response.headers.get("x-snapshot") ?? snapshot.id },
        rows: Number(response.headers.get("x-row-count")),
        sizeBytes: Number(response.headers.get("content-length")),
        ...(next === null ? {} : { next }),
        body: response.body ?? empty,
      };
    },
  };
}
