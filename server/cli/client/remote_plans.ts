import { projectPlanSchema } from "../../../contract/plan/plan.ts";
import type { RevisionFile } from "../../../contract/revision.ts";
import type { Plans, ProjectSource } from "../../../engine/control/models/port.ts";
import { type ApiClient, read } from "./api_client.ts";

/** Plans of a server: what the project's folder has is sent there. */
export function createRemotePlans({ routes }: ApiClient): Plans {
  return {
    async plan({ project, environment, pipeline, against, select, rows }, signal) {
      const json = {
        files: await filesOf(project),
        environment,
        pipeline,
        select,
        ...against.kind === "revision" ? { revision: against.id } : {},
        ...against.kind === "project"
          ? { base: { name: against.name, files: await filesOf(against.source) } }
          : {},
        ...rows === undefined ? {} : {
          rows: {
            ...rows.depth === null ? {} : { depth: rows.depth },
            ...rows.samplePercent === null ? {} : { sample_percent: rows.samplePercent },
          },
        },
      };
      return await read(projectPlanSchema, routes.plan.$post({ json }, { init: { signal } }));
    },
  };
}

/** What is sent of a project. */
export async function filesOf(source: ProjectSource): Promise<RevisionFile[]> {
  if ("files" in source) return [...source.files];
  const { readProject } = await import("../../../engine/definitions/plan/project_sources.ts");
  return await readProject(source.folder);
}
