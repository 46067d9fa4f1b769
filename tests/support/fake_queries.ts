import { AppError } from "../../contract/errors.ts";
import type { ModelPreview } from "../../contract/queries/preview.ts";
import type { Completion, QueryResult } from "../../contract/queries/query.ts";
import type {
  CompletionRequest,
  PreviewRequest,
  Queries,
  QueryRequest,
} from "../../engine/control/queries/port.ts";

/** Rows that a test gives, with what they were asked for. */
export class FakeQueries implements Queries {
  readonly asked: PreviewRequest[] = [];
  readonly queried: QueryRequest[] = [];
  /** What the next previews fail with. */
  refusal: AppError | undefined;

  preview(request: PreviewRequest): Promise<ModelPreview> {
    this.asked.push(request);
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    const { pipeline, model } = request;
    if (model === "none") {
      return Promise.reject(new AppError("not_found", `Pipeline "${pipeline}" has no model "none"`));
    }
    return Promise.resolve({
      pipeline,
      model,
      columns: [{ name: "day", type: "DATE" }],
      rows: [["2026-01-01"]],
      truncated: null,
      built: [],
      as_of: "2026-01-02T00:00:00.000Z",
      duration_ms: 1,
    });
  }

  query(request: QueryRequest): Promise<QueryResult> {
    this.queried.push(request);
    if (request.sql.includes("wrong")) {
      const fault = {
        file: "query",
        line: 1,
        column: 8,
        message: 'column "wrong" does not exist',
        severity: "error",
      } as const;
      return Promise.reject(new AppError("invalid", fault.message, { faults: [fault] }));
    }
    return Promise.resolve({
      columns: [{ name: "n", type: "INTEGER" }],
      rows: [["1"]],
      truncated: null,
      sources: request.pipeline === undefined
        ? []
        : [{ pipeline: request.pipeline, of: "warehouse", as_of: "2026-01-02T00:00:00.000Z" }],
      duration_ms: 1,
    });
  }

  complete({ sql }: CompletionRequest): Promise<Completion> {
    return Promise.resolve({ start: sql.length, words: [] });
  }
}
