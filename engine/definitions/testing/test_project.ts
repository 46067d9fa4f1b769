import { splitPlacedName } from "../../../contract/environments/pipeline_name.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import type { TestOutcome } from "../../../contract/testing/outcome.ts";
import type { UnitTest } from "../../../contract/testing/unit_test.ts";
import { tablesMadeBy } from "../../../sql/language/files/kinds.ts";
import type { Fault } from "../../../text/fault.ts";
import { didYouMeanOneOf } from "../../../text/suggest.ts";
import type { CheckContext } from "../check/check_context.ts";
import { checkPipelines } from "../check/check_pipelines.ts";
import { loadProject } from "../load.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";
import { ScriptBundles } from "../scripts/script_bundles.ts";
import { readProjectTests } from "./read_tests.ts";

/** Which tests are meant: all, those of a pipeline, or of one of its models. */
export interface TestSelection {
  readonly pipeline?: string;
  readonly model?: string;
  /** Those of them that are meant. */
  readonly isMeant?: (pipeline: string, test: UnitTest) => boolean;
  /** With the params and variables of this environment; of production by default. */
  readonly environment?: string | undefined;
}

export interface TestReport {
  /** In the order of the pipelines, and of the tests in their files. */
  readonly tests: readonly TestOutcome[];
  /** What is wrong with the files of tests: those have not been run. */
  readonly faults: readonly Fault[];
}

/**
 * Runs the project's tests of models: no source is asked over a network, and nothing is stored. Throws `not_found` for
 * a pipeline or a model that is not there.
 */
export async function testProject(
  context: CheckContext,
  selection: TestSelection,
  signal: AbortSignal,
): Promise<TestReport> {
  const loaded = await loadProject(context.projectDir, {
    connectorTypes: context.connectors,
    scripts: context.scripts ?? new ScriptBundles(),
    environment: selection.environment,
  });
  // Tests name pipelines as files do.
  const pipelines = loaded.pipelines.map((pipeline) => ({
    ...pipeline,
    name: splitPlacedName(pipeline.name).pipeline,
  }));
  const read = await readProjectTests(context.projectDir, pipelines);
  const chosen = pipelines.filter(({ name }) =>
    selection.pipeline === undefined || name === selection.pipeline
  );
  requirePipeline(selection, pipelines, chosen);
  const tests = new Map<string, readonly UnitTest[]>();
  for (const { name } of chosen) {
    const own = (read.tests.get(name) ?? []).filter((test) =>
      (selection.model === undefined || test.model === selection.model) &&
      (selection.isMeant?.(name, test) ?? true)
    );
    if (own.length > 0) tests.set(name, own);
  }
  const subjects = chosen.filter(({ name }) => tests.has(name));
  const outcomes = new Map<string, readonly TestOutcome[]>();
  for await (
    const { pipeline, faults, tests: done } of checkPipelines(
      { ...context, tests, runsTests: true, isOffline: true },
      subjects,
      signal,
    )
  ) {
    const own = tests.get(pipeline.name) ?? [];
    // Its process had no turn, or was stopped: the pipeline's own faults say why.
    outcomes.set(
      pipeline.name,
      done.length > 0 ? done : own.map((test) => notRun(pipeline.name, test, faults)),
    );
  }
  return { tests: subjects.flatMap(({ name }) => outcomes.get(name) ?? []), faults: read.faults };
}

function notRun(pipeline: string, test: UnitTest, faults: readonly Fault[]): TestOutcome {
  return {
    name: test.name,
    pipeline,
    model: test.model,
    file: test.place.file,
    line: test.place.line ?? null,
    state: "error",
    duration_ms: 0,
    difference: null,
    faults: faults.filter(({ severity }) => severity === "error"),
  };
}

function requirePipeline(
  { pipeline, model }: TestSelection,
  all: readonly LoadedPipeline[],
  [chosen]: readonly LoadedPipeline[],
): void {
  if (pipeline === undefined) return;
  if (chosen === undefined) {
    const meant = didYouMeanOneOf(pipeline, all.map(({ name }) => name));
    throw new AppError("not_found", `There is no pipeline ${quoteName(pipeline)}${meant}`);
  }
  const models = tablesMadeBy(chosen.files);
  if (model === undefined || models.includes(model)) return;
  const meant = didYouMeanOneOf(model, models);
  throw new AppError("not_found", `Pipeline "${pipeline}" has no model ${quoteName(model)}${meant}`);
}
