import { AppError } from "../../contract/errors.ts";
import type { ProjectPlan } from "../../contract/plan/plan.ts";
import type { PlanRequest, Plans } from "../../engine/control/models/port.ts";

/** Plans that a test gives, with what they were asked for. */
export class FakePlans implements Plans {
  readonly asked: PlanRequest[] = [];
  next: ProjectPlan = { faults: [], pipelines: [] };

  plan(request: PlanRequest): Promise<ProjectPlan> {
    this.asked.push(request);
    if (request.against.kind === "revision") {
      return Promise.reject(new AppError("not_found", `There is no revision "${request.against.id}"`));
    }
    return Promise.resolve(this.next);
  }
}
