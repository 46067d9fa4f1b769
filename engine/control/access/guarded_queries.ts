import type { ModelPreview } from "../../../contract/queries/preview.ts";
import type { PreviewRequest, Queries } from "../queries/port.ts";
import type { Guard } from "./guard.ts";

/** Rows are shown to whoever may look at them; SQL of their own runs for who may change the pipeline. */
export class GuardedQueries implements Queries {
  readonly #inner: Queries;
  readonly #guard: Guard;

  constructor(inner: Queries, guard: Guard) {
    this.#inner = inner;
    this.#guard = guard;
  }

  async preview(request: PreviewRequest, signal: AbortSignal): Promise<ModelPreview> {
    const { pipeline, project } = request;
    await this.#guard.requireFor("pipeline:data", pipeline);
    if (project !== undefined) await this.#guard.requireFor("pipeline:edit", pipeline);
    return await this.#inner.preview(request, signal);
  }
}
