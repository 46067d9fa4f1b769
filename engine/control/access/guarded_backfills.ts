import type { Backfill, BackfillDetail } from "../../../contract/backfills/backfill.ts";
import type { PipelinePermission } from "../../../contract/access/permissions.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import type { BackfillFilter, BackfillRequest, Backfills } from "../backfills/port.ts";
import type { Guard } from "./guard.ts";

/** Backfills of the pipelines that one principal may look at. */
export class GuardedBackfills implements Backfills {
  readonly #inner: Backfills;
  readonly #guard: Guard;

  constructor(inner: Backfills, guard: Guard) {
    this.#inner = inner;
    this.#guard = guard;
  }

  async start(pipeline: string, request: BackfillRequest): Promise<BackfillDetail> {
    await this.#guard.requireFor("pipeline:run", pipeline);
    return await this.#inner.start(pipeline, request);
  }

  async list(filter: BackfillFilter): Promise<Backfill[]> {
    const pipelines = await this.#guard.only("pipeline:view");
    return await this.#inner.list(pipelines === undefined ? filter : { ...filter, pipelines });
  }

  get(group: string): Promise<BackfillDetail> {
    return this.#allowed("pipeline:view", group);
  }

  async retry(group: string): Promise<BackfillDetail> {
    await this.#allowed("pipeline:run", group);
    return await this.#inner.retry(group);
  }

  async cancel(group: string, by: string): Promise<BackfillDetail> {
    await this.#allowed("pipeline:cancel", group);
    return await this.#inner.cancel(group, by);
  }

  async #allowed(permission: PipelinePermission, group: string): Promise<BackfillDetail> {
    const found = await this.#inner.get(group);
    const missing = () => new AppError("not_found", `There is no backfill ${quoteName(group)}`);
    await this.#guard.requireOf(permission, found.pipeline, missing);
    return found;
  }
}
