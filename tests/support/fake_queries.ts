import { AppError } from "../../contract/errors.ts";
import type { ModelPreview } from "../../contract/queries/preview.ts";
import type { PreviewRequest, Queries } from "../../engine/control/queries/port.ts";

/** Rows that a test gives, with what they were asked for. */
export class FakeQueries implements Queries {
  readonly asked: PreviewRequest[] = [];

  preview(request: PreviewRequest): Promise<ModelPreview> {
    this.asked.push(request);
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
}
