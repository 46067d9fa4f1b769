import type { ModelPreview } from "../../../contract/queries/preview.ts";
import type {
  CompletionRequest,
  PreviewRequest,
  Queries,
  QueryLimits,
  QueryRequest,
} from "../queries/port.ts";
import type { Completion, QueryResult } from "../../../contract/queries/query.ts";
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

  async query(request: QueryRequest, signal: AbortSignal): Promise<QueryResult> {
    return await this.#inner.query(request, signal, await this.#limitsOf(request));
  }

  async complete(request: CompletionRequest, signal: AbortSignal): Promise<Completion> {
    return await this.#inner.complete(request, signal, await this.#limitsOf(request));
  }

  /** Pipelines whose rows it may not look at are not there for the query, whatever it names. */
  async #limitsOf({ pipeline }: CompletionRequest): Promise<QueryLimits> {
    if (pipeline !== undefined) await this.#guard.requireFor("pipeline:data", pipeline);
    const readable = await this.#guard.only("pipeline:data");
    if (readable?.length === 0) throw this.#guard.refused("pipeline:data");
    return { mayRead: (name) => readable?.includes(name) ?? true };
  }
}
