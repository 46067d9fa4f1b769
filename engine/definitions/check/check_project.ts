import { placedName, splitPlacedName } from "../../../contract/environments/pipeline_name.ts";
import type { PipelineLineage } from "../../../contract/lineage/lineage.ts";
import { tablesMadeBy } from "../../../sql/language/files/kinds.ts";
import { type Fault, formatFault } from "../../../text/fault.ts";
import { withTriggerFaults } from "../check_triggers.ts";
import { type LoadedProject, loadProject } from "../load.ts";
import { missingOfNotifiers } from "../notifiers/missing_references.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";
import { withReadFaults } from "../published/check_reads.ts";
import { ScriptBundles } from "../scripts/script_bundles.ts";
import { plainSecrets } from "../secrets/plain_secrets.ts";
import { writeStreamSchemas } from "../stream_schemas/write_schemas.ts";
import { readProjectTests } from "../testing/read_tests.ts";
import type { CheckContext, CheckedPipeline } from "./check_context.ts";
import { checkPipelines } from "./check_pipelines.ts";

export interface CheckedProject {
  readonly faults: readonly Fault[];
  readonly pipelines: number;
  readonly models: number;
  /** Files of schemas that were written, relative to the project. */
  readonly written: readonly string[];
  /** By the pipeline, where it was wanted and is known. */
  readonly lineage?: Readonly<Record<string, PipelineLineage>>;
}

/**
 * Everything that is wrong with a project, for `sluice check`: as it is in production, or in the environment. Throws
 * not_found where there is no such folder or environment.
 */
export async function checkProject(
  { environment, ...context }: CheckContext & { readonly environment?: string | undefined },
  signal: AbortSignal,
): Promise<CheckedProject> {
  const read = await loadProject(context.projectDir, {
    connectorTypes: context.connectors,
    scripts: context.scripts ?? new ScriptBundles(),
    environment,
  });
  const pipelines = environment === undefined
    ? await withReadFaults(withTriggerFaults(read.pipelines))
    : read.pipelines;
  const project = { ...read, pipelines };
  const { tests: written, faults: testFaults } = await readProjectTests(
    context.projectDir,
    project.pipelines.map((pipeline) => ({ ...pipeline, name: splitPlacedName(pipeline.name).pipeline })),
  );
  const tests = new Map(
    [...written].map(([pipeline, of]) => [placedName({ pipeline, environment: read.environment }), of]),
  );
  const checked = new Map<LoadedPipeline, CheckedPipeline>();
  for await (const entry of checkPipelines({ ...context, tests }, project.pipelines, signal)) {
    checked.set(entry.pipeline, entry);
  }
  const faults = [
    ...await projectFaults(context, project),
    ...testFaults,
    ...project.pipelines.flatMap((pipeline) => checked.get(pipeline)?.faults ?? []),
  ];
  const remote = [...checked.values()].flatMap(({ pipeline: { name }, remoteColumns: columns }) =>
    columns === undefined ? [] : [{ name, columns }]
  );
  const lineage = Object.fromEntries(
    [...checked.values()].flatMap(({ pipeline: { name }, lineage: of }) =>
      of === undefined ? [] : [[name, of]]
    ),
  );
  return {
    ...(context.wantsLineage === true ? { lineage } : {}),
    written: context.writesSchemas === true ? await writeStreamSchemas(context.projectDir, remote) : [],
    // A script is a fault of each pipeline that uses it.
    faults: [...new Map(faults.map((fault) => [formatFault(fault), fault])).values()],
    pipelines: project.pipelines.length,
    models: project.pipelines.reduce((sum, pipeline) => sum + tablesMadeBy(pipeline.files).length, 0),
  };
}

/** What is wrong with a project beside its pipelines. */
export async function projectFaults(
  { references, isOffline = false }: Pick<CheckContext, "references" | "isOffline">,
  { faults, placeFaults, connectors, connectorPlace, notifiers }: LoadedProject,
): Promise<Fault[]> {
  return [
    ...faults,
    ...placeFaults,
    ...plainSecrets({ entries: connectors, place: connectorPlace }),
    ...plainSecrets({ entries: notifiers.notifiers, place: notifiers.place }),
    ...await missingOfNotifiers(notifiers, references, isOffline),
  ];
}
