import { placedName } from "../../../contract/environments/pipeline_name.ts";
import type { ProjectPlan } from "../../../contract/plan/plan.ts";
import type { PlanRequest, Plans } from "../models/port.ts";
import type { Guard } from "./guard.ts";

const PIPELINE_FILE = /^pipelines\/([^/]+)\.ya?ml$/;

/** Plans of the pipelines that one principal may change; rows are compared of those that it may look at. */
export class GuardedPlans implements Plans {
  readonly #inner: Plans;
  readonly #guard: Guard;

  constructor(inner: Plans, guard: Guard) {
    this.#inner = inner;
    this.#guard = guard;
  }

  async plan(request: PlanRequest, signal: AbortSignal): Promise<ProjectPlan> {
    const known = new Set((await this.#guard.places.subjects()).map(({ name }) => name));
    const asked = pipelinesOf(request);
    for (const name of asked) {
      if (known.has(name)) await this.#guard.requireFor("pipeline:edit", name);
      else this.#guard.requireNew(name);
    }
    const [changeable, readable] = [
      await this.#guard.only("pipeline:edit"),
      await this.#guard.only("pipeline:data"),
    ];
    return await this.#inner.plan(request, signal, {
      mayView: (name) => asked.includes(name) || (changeable?.includes(name) ?? true),
      mayCompare: (name) => readable?.includes(name) ?? true,
    });
  }
}

/** Those that the request is about. */
function pipelinesOf({ pipeline, project, environment }: PlanRequest): string[] {
  if (pipeline !== undefined) return [pipeline];
  if (!("files" in project)) return [];
  return project.files.flatMap(({ path }) => PIPELINE_FILE.exec(path)?.[1] ?? [])
    .map((name) => placedName({ pipeline: name, environment: environment ?? null }));
}
