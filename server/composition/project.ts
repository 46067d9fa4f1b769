import type { FormattedText } from "../../contract/jobs/format_job.ts";
import type { Log } from "../../contract/log.ts";
import { connectors } from "../../connectors/registry.ts";
import type { ProjectSchemas } from "../../engine/definitions/json_schema/schemas.ts";
import type { Trial, TrialRequest } from "../../engine/definitions/scripts/try_script.ts";
import type { DescribedProject } from "../../engine/control/docs/describe_project.ts";
import type { TestReport, TestSelection } from "../../engine/definitions/testing/test_project.ts";
import type { ReferenceCheck, ReferenceHolder } from "../../engine/secrets/check_references.ts";
import type { ProjectPlan } from "../../contract/plan/plan.ts";
import type { CheckOptions, DescribeOptions, PlanOptions, ProjectPlace, ProjectReport } from "../backend.ts";
import type { Program } from "../program.ts";
import { keepBeside, openGrantsBeside } from "./grants.ts";

/** What commands do with a project's files without an engine: see Backend for each. */

export async function checkProject(program: Program, options: CheckOptions): Promise<ProjectReport> {
  const { checkProject } = await import("../../engine/definitions/check/check_project.ts");
  const { log, signal, isOffline, writesSchemas = false, wantsLineage = false, environment } = options;
  await using grants = await openGrantsBeside(program, options, log);
  const { UNASKED_STORES } = await import("../../engine/secrets/open_stores.ts");
  const { references } = grants;
  return await checkProject({
    ...grants,
    ...await keepBeside(grants),
    references: isOffline ? { ...references, stores: UNASKED_STORES } : references,
    isOffline,
    writesSchemas,
    wantsLineage,
    environment,
    knownColumns: () => Promise.resolve({}),
  }, signal);
}

export async function planProject(program: Program, options: PlanOptions): Promise<ProjectPlan> {
  const { planWithoutStore } = await import("../../engine/control/models/plan_without_store.ts");
  const { request, log, signal } = options;
  await using grants = await openGrantsBeside(program, options, log);
  return await planWithoutStore({ ...grants, ...await keepBeside(grants) }, request, signal);
}

export async function describeProject(
  program: Program,
  options: DescribeOptions,
): Promise<DescribedProject> {
  const { describeProject } = await import("../../engine/control/docs/describe_project.ts");
  const { title, knownColumns, log, signal } = options;
  await using grants = await openGrantsBeside(program, options, log);
  const { UNASKED_STORES } = await import("../../engine/secrets/open_stores.ts");
  return await describeProject(
    {
      ...grants,
      ...await keepBeside(grants),
      references: { ...grants.references, stores: UNASKED_STORES },
      knownColumns,
    },
    title,
    signal,
  );
}

export async function testProject(
  program: Program,
  place: ProjectPlace,
  selection: TestSelection,
  log: Log,
  signal: AbortSignal,
): Promise<TestReport> {
  const { testProject } = await import("../../engine/definitions/testing/test_project.ts");
  await using grants = await openGrantsBeside(program, place, log);
  const { UNASKED_STORES } = await import("../../engine/secrets/open_stores.ts");
  const { references } = grants;
  return await testProject(
    {
      ...grants,
      ...await keepBeside(grants),
      references: { ...references, stores: UNASKED_STORES },
      knownColumns: () => Promise.resolve({}),
    },
    selection,
    signal,
  );
}

export async function missingReferences(program: Program, place: ProjectPlace): Promise<string[]> {
  const { readConnectors } = await import("../../engine/definitions/discover.ts");
  const { missingReferences } = await import("../../engine/secrets/resolve.ts");
  await using grants = await openGrantsBeside(program, place);
  const missing = await Promise.all(
    Object.entries(await readConnectors(grants)).map(([name, definition]) =>
      missingReferences(name, definition, grants.references)
    ),
  );
  return missing.flat().map(({ message }) => message);
}

export async function checkReferences(program: Program, place: ProjectPlace): Promise<ReferenceCheck[]> {
  const { loadProject } = await import("../../engine/definitions/load.ts");
  const { checkReferences } = await import("../../engine/secrets/check_references.ts");
  await using grants = await openGrantsBeside(program, place);
  const { connectors, notifiers } = await loadProject(place.projectDir, {
    connectorTypes: grants.connectors,
  });
  const holdersOf = (
    kind: "connector" | "notifier",
    entries: Readonly<Record<string, ReferenceHolder["definition"]>>,
  ) => Object.entries(entries).map(([name, definition]) => ({ kind, name, definition }));
  return await checkReferences(
    [...holdersOf("connector", connectors), ...holdersOf("notifier", notifiers.notifiers)],
    grants.references,
    grants.secrets.places,
  );
}

export async function tryScript(
  program: Program,
  place: ProjectPlace,
  request: TrialRequest,
  log: Log,
  signal: AbortSignal,
): Promise<Trial> {
  const { tryScript } = await import("../../engine/definitions/scripts/try_script.ts");
  await using grants = await openGrantsBeside(program, place, log);
  return await tryScript({ ...grants, ...await keepBeside(grants) }, request, signal);
}

export async function formatTexts(
  program: Program,
  { projectDir }: ProjectPlace,
  texts: readonly string[],
  log: Log,
  signal: AbortSignal,
): Promise<readonly FormattedText[]> {
  const { formatTexts } = await import("../../engine/definitions/processes/format_process.ts");
  return await formatTexts({ runProcess: program.runProcess, projectDir, log }, texts, signal);
}

export async function projectSchemas(): Promise<ProjectSchemas> {
  const { createProjectSchemas } = await import("../../engine/definitions/json_schema/schemas.ts");
  return createProjectSchemas(connectors);
}
