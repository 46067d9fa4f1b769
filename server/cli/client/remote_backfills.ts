import * as v from "valibot";
import {
  type Backfill,
  type BackfillDetail,
  backfillDetailSchema,
  backfillSchema,
} from "../../../contract/backfills/backfill.ts";
import type { BackfillFilter, BackfillRequest, Backfills } from "../../../engine/control/backfills/port.ts";
import type { ApiClient } from "./api_client.ts";
import { pipelinePath } from "./paths.ts";

/** The backfills of a server, asked over its HTTP API. Who asks is the token's owner: the server says so. */
export class RemoteBackfills implements Backfills {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  start(pipeline: string, request: BackfillRequest): Promise<BackfillDetail> {
    const { from, to, every, params, select, windowOnly, group, priority, tags, note } = request;
    return this.#api.read(backfillDetailSchema, `${pipelinePath(pipeline)}/backfills`, {
      method: "POST",
      body: { from, to, every, params, select, window_only: windowOnly, group, priority, tags, note },
    });
  }

  list(filter: BackfillFilter): Promise<Backfill[]> {
    return this.#api.read(v.array(backfillSchema), "/api/backfills", { query: { ...filter } });
  }

  get(group: string): Promise<BackfillDetail> {
    return this.#api.read(backfillDetailSchema, backfillPath(group));
  }

  retry(group: string): Promise<BackfillDetail> {
    return this.#api.read(backfillDetailSchema, `${backfillPath(group)}/retry`, { method: "POST" });
  }

  cancel(group: string): Promise<BackfillDetail> {
    return this.#api.read(backfillDetailSchema, `${backfillPath(group)}/cancel`, { method: "POST" });
  }
}

const backfillPath = (group: string) => `/api/backfills/${encodeURIComponent(group)}`;
