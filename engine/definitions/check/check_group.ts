import { toAppError } from "../../../contract/errors.ts";
import type { CheckReport } from "../../../contract/jobs/check_job.ts";
import { splitFiles } from "../../../contract/revision.ts";
import type { Fault } from "../../../text/fault.ts";
import { parseSize } from "../../../text/size.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";
import { type CheckEnd, runCheckProcess } from "../processes/check_process.ts";
import { DEFAULT_BUDGET, type ProcessBudget } from "../processes/process_budget.ts";
import { piiFaults } from "../project/pii_faults.ts";
import { inputsOfChecks } from "../published/read_columns.ts";
import { remoteColumns } from "../stream_schemas/remote_columns.ts";
import { schemaDifferences } from "../stream_schemas/schema_differences.ts";
import type { StreamColumns } from "../stream_schemas/schemas_file.ts";
import { type CheckContext, checkedAs, type CheckedPipeline, faultOf, placed } from "./check_context.ts";
import type { Provided } from "./provide_check.ts";

/** Who is at a source for so long waits for it. */
const WAITS_AFTER_MS = 3_000;

export async function checkGroup(
  context: CheckContext,
  group: readonly Provided[],
  release: () => void,
  signal: AbortSignal,
): Promise<CheckedPipeline[]> {
  let end = await checkTogether(context, group, release, signal);
  if ("stopped" in end && group.length === 1 && end.place?.isOneOfMany === true) {
    // Which of the models it is shows where each is bound alone.
    end = await checkTogether(context, group, release, signal, 1);
  }
  if ("stopped" in end && group.length > 1) {
    const checked: CheckedPipeline[] = [];
    for (const entry of group) checked.push(...await checkGroup(context, [entry], release, signal));
    return checked;
  }
  if ("stopped" in end) {
    const budget = context.checkBudget ?? DEFAULT_BUDGET;
    return group.map(({ pipeline, faults }) =>
      checkedAs(pipeline, [...faults, stopFault(pipeline, end, budget)])
    );
  }
  const byName = new Map(end.reports.map((report) => [report.name, report]));
  return group.map((entry) => {
    const report = byName.get(entry.pipeline.name);
    const found = (report?.faults ?? []).map((fault) => placed(entry.pipeline, fault));
    const remote = report && remoteOf(entry, report);
    const old = remote === undefined ? [] : oldSchemas(context, entry, remote);
    const rules = piiFaults(entry.pipeline, report?.lineage);
    return {
      ...checkedAs(
        entry.pipeline,
        [...entry.faults, ...memoryFaults(context, entry), ...found, ...old, ...rules],
        report,
      ),
      ...(remote === undefined ? {} : { remoteColumns: remote }),
    };
  });
}

function remoteOf({ pipeline, sketch, provision }: Provided, { streamColumns }: CheckReport): StreamColumns {
  return remoteColumns(sketch.definition, pipeline.connectors, provision.networked, streamColumns);
}

/** Where the pipeline's file of schemas says otherwise than its sources, as far as they were asked. */
function oldSchemas(
  { writesSchemas }: CheckContext,
  { pipeline, sketch }: Provided,
  remote: StreamColumns,
): Fault[] {
  if (writesSchemas === true || pipeline.schemas === undefined) return [];
  const asked = Object.entries(remote).filter(([stream]) => !sketch.mutedStreams.has(stream));
  return schemaDifferences(pipeline.schemas, Object.fromEntries(asked));
}

async function checkTogether(
  context: CheckContext,
  group: readonly Provided[],
  release: () => void,
  signal: AbortSignal,
  modelsAtOnce?: number,
): Promise<CheckEnd> {
  const [first] = group;
  if (first === undefined) return { reports: [] };
  const subjects = await Promise.all(group.map(async ({ pipeline, sketch }) => ({
    name: pipeline.name,
    definition: sketch.definition,
    written: pipeline.sketch?.definition ?? sketch.definition,
    files: context.streamsOnly === true ? [] : sketch.files,
    mutedStreams: [...sketch.mutedStreams],
    mutedParams: sketch.mutedParams,
    refusedModels: sketch.refusedModels,
    tests: context.tests?.get(pipeline.name) ?? [],
    knownColumns: { ...pipeline.schemas?.columns, ...await context.knownColumns(pipeline.name) },
  })));
  const published = await inputsOfChecks(
    group.map(({ sketch }) => sketch.definition),
    context.publishedColumns ?? (() => Promise.resolve(undefined)),
  );
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const hasNetwork = first.provision.grant.permissions.hosts.length > 0;
  const onWaiting = () => {
    release();
    for (const { pipeline } of group) context.onWaiting?.(pipeline.name);
  };
  try {
    return await runCheckProcess({
      program: context.runProcess,
      processes: context.processes,
      projectDir: context.projectDir,
      subjects,
      published,
      scripts: first.provision.grant.permissions.startsScripts === true
        ? group.flatMap(({ pipeline }) => splitFiles(pipeline.scripts).scripts)
        : [],
      wantsLineage: context.wantsLineage === true ||
        group.some(({ pipeline }) => pipeline.piiRules !== undefined),
      connectors: first.provision.connectors,
      grant: first.provision.grant,
      budget: context.checkBudget ?? DEFAULT_BUDGET,
      ...(modelsAtOnce === undefined ? {} : { modelsAtOnce }),
      runsTests: context.runsTests ?? false,
      streamsOnly: context.streamsOnly ?? false,
      answers: first.provision.answers,
      redact: first.provision.redactor.redact,
      log: context.log,
      onPlace: ({ file }) => {
        clearTimeout(waiting);
        if (file === null && hasNetwork) waiting = setTimeout(onWaiting, WAITS_AFTER_MS);
      },
    }, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { stopped: "died", place: undefined, detail: toAppError(error).message };
  } finally {
    clearTimeout(waiting);
  }
}

/** Why a check did not come to its end, at the file that it was at. */
function stopFault(
  pipeline: LoadedPipeline,
  { stopped, place, detail }: Extract<CheckEnd, { stopped: string }>,
  budget: ProcessBudget,
): Fault {
  const at = place === undefined ? "" : ` at ${place.subject}`;
  const message = stopped === "time"
    ? `the check was stopped${at}: it took more than ${budget.timeMs / 1000} s`
    : stopped === "memory"
    ? `the check was stopped${at}: it took more than ${Math.round(budget.memoryBytes / 1e6)} MB of memory`
    : `the check ended without a result${at}: ${detail}`;
  const hint = stopped !== "died" && place !== undefined && place.file !== null
    ? "; DuckDB computes constants when it reads the SQL, look for one that is large or takes long"
    : "";
  return { ...faultOf(pipeline, `${message}${hint}`), file: place?.file ?? pipeline.path };
}

/** What a run asks for and does not get. */
function memoryFaults({ policy: { memoryMax } }: CheckContext, { pipeline, sketch }: Provided): Fault[] {
  const asked = sketch.definition.resources.memory;
  if (asked === undefined || memoryMax === undefined || (parseSize(asked) ?? 0) <= memoryMax.bytes) return [];
  const message = `resources.memory: a run gets ${memoryMax.text}, the most that the operator's policy gives`;
  return [{ ...pipeline.place(["resources", "memory"]), message, severity: "warning" }];
}
