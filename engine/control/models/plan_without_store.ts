import { join } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import type { ProjectPlan } from "../../../contract/plan/plan.ts";
import type { CheckContext } from "../../definitions/check/check_context.ts";
import { planProject } from "../../definitions/plan/plan_project.ts";
import { writeProject } from "../../definitions/plan/project_sources.ts";
import type { PlanRequest } from "./port.ts";

/**
 * Compares a project's folder with another state of it where nothing is known of earlier runs: what its files say, and no
 * rows. Throws invalid for a request that needs a store.
 */
export async function planWithoutStore(
  context: Omit<CheckContext, "knownColumns">,
  { project, environment, pipeline, against, select }: PlanRequest,
  signal: AbortSignal,
): Promise<ProjectPlan> {
  if (!("folder" in project) || against.kind !== "project") {
    throw new AppError("invalid", "Nothing is in force here to compare with");
  }
  const scratch = await Deno.makeTempDir({ prefix: "sluice-plan-" });
  try {
    let before: string;
    if ("folder" in against.source) before = against.source.folder;
    else await writeProject(before = join(scratch, "before"), against.source.files);
    const planContext = {
      ...context,
      isOffline: true,
      knownColumns: () => Promise.resolve({}),
      lastBuilds: () => Promise.resolve(new Map()),
      asksFiles: true,
    };
    const base = { kind: "folder", folder: before, name: against.name } as const;
    const { folder } = project;
    return await planProject(planContext, { folder, environment, base, pipeline, select }, signal);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}
