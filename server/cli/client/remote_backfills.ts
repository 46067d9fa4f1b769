import * as v from "valibot";
import {
  type Backfill,
  type BackfillDetail,
  backfillDetailSchema,
  backfillSchema,
} from "../../../contract/backfills/backfill.ts";
import type { BackfillFilter, BackfillRequest, Backfills } from "../../../engine/control/backfills/port.ts";
import { type ApiClient, read } from "./api_client.ts";
import { pipelineSegment, segment } from "./paths.ts";

/** The backfills of a server, asked over its HTTP API. Who asks is the token's owner: the server says so. */
export function createRemoteBackfills({ routes }: ApiClient): Backfills {
  const { backfills } = routes;
  const one = backfills[":group"];
  const named = (group: string) => ({ param: { group: segment("backfill", group) } });
  return {
    start(pipeline, request: BackfillRequest): Promise<BackfillDetail> {
      const { from, to, every, params, select, windowOnly, group, priority, tags, note } = request;
      return read(
        backfillDetailSchema,
        routes.pipelines[":name"].backfills.$post({
          param: { name: pipelineSegment(pipeline) },
          json: { from, to, every, params, select, window_only: windowOnly, group, priority, tags, note },
        }),
      );
    },
    list: (filter: BackfillFilter): Promise<Backfill[]> =>
      read(v.array(backfillSchema), backfills.$get({ query: filter })),
    get: (group) => read(backfillDetailSchema, one.$get(named(group))),
    retry: (group) => read(backfillDetailSchema, one.retry.$post(named(group))),
    cancel: (group) => read(backfillDetailSchema, one.cancel.$post(named(group))),
  };
}
