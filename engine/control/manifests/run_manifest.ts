import { createHash } from "node:crypto";
import { mayCall } from "../../../contract/pipeline/functions.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { type RevisionFile, writtenFiles } from "../../../contract/revision.ts";
import type { RunDetail, Step } from "../../../contract/run.ts";
import type { StepManifest, TableFacts } from "../../../contract/runs/manifest.ts";
import type { RunManifest } from "../../../contract/runs/run_manifest.ts";

/** What is known of a run beside its steps. */
export interface RunSurroundings {
  /** Of its revision, as its functions are. */
  readonly files: readonly RevisionFile[];
  readonly functions: NonNullable<PipelineDefinition["functions"]>;
  /** Why it cannot be replayed; null where it can. */
  readonly lacking: string | null;
}

/** Puts the manifest of a run together: from its steps, and the files of its revision. */
export function runManifest(run: RunDetail, { files, functions, lacking }: RunSurroundings): RunManifest {
  const written = writtenFiles(files).map(({ path, content }) => ({ path, sha256: sha256Of(content) }))
    .sort((one, other) => one.path < other.path ? -1 : 1);
  const models = ofKind(run, "model").map(({ name, step }) => ({
    ...modelEntry(name, step, written),
    ...callsOf(name, files, functions, written),
  }));
  return {
    run: run.id,
    pipeline: run.pipeline,
    state: run.state,
    revision: run.revision,
    git_commit: run.git_commit,
    versions: distinct(
      run.steps.flatMap(({ manifest }) => manifest === undefined ? [] : [versionsOf(manifest)]),
    ),
    window_start: run.window_start,
    window_end: run.window_end,
    window_given: run.window_given,
    ...(run.range === undefined ? {} : { range: run.range }),
    select: run.select,
    full_refresh: run.full_refresh,
    params: run.params,
    replay: { possible: lacking === null, reason: lacking },
    files: written,
    extracts: ofKind(run, "extract").map(({ name, step }) => ({
      stream: name,
      ...endOf(step),
      ...has(step, ["rows", "size_bytes", "deleted", "rejects", "unchanged"]),
    })),
    inputs: inputsOf(models),
    models,
    snapshots: ofKind(run, "snapshot").map(({ name, step }) => ({
      model: name,
      ...endOf(step),
      ...has(step, ["rows", "size_bytes"]),
    })),
    loads: ofKind(run, "load").map(({ name, step }) => ({
      load: name,
      ...endOf(step),
      ...has(step, ["rows", "size_bytes", "inserted", "updated", "deleted", "hash", "verified", "rejects"]),
    })),
  };
}

/** The steps of one kind, with their names without it. */
function ofKind(
  { steps }: RunDetail,
  kind: Step["kind"],
): readonly { readonly name: string; readonly step: Step }[] {
  return steps.filter((step) => step.kind === kind).map((step) => ({
    name: step.name.slice(kind.length + 1),
    step,
  }));
}

function modelEntry(
  model: string,
  step: Step,
  files: RunManifest["files"],
): RunManifest["models"][number] {
  const file = fileOf(model, files);
  const { sluice: _, duckdb: __, ...made } = step.manifest ?? { sluice: "", duckdb: "" };
  return {
    model,
    file: file?.path ?? null,
    sha256: file?.sha256 ?? null,
    ...endOf(step),
    rows: step.rows,
    ...made,
  };
}

/** A script gives what it likes: with its hash the manifest says at least which one it was. */
function callsOf(
  model: string,
  files: readonly RevisionFile[],
  functions: RunSurroundings["functions"],
  written: RunManifest["files"],
): Pick<RunManifest["models"][number], "calls"> {
  const sql = fileOf(model, files)?.content ?? "";
  const calls = Object.entries(functions).filter(([name]) => mayCall(sql, name)).map((
    [name, { script }],
  ) => ({
    function: name,
    script,
    sha256: written.find(({ path }) => path === script)?.sha256 ?? null,
  }));
  return calls.length === 0 ? {} : { calls };
}

const fileOf = <T extends { readonly path: string }>(model: string, files: readonly T[]): T | undefined =>
  files.find(({ path }) => path.endsWith(`/${model}.sql`) || path.endsWith(`/${model}.csv`));

/** What no model of the run has made. */
function inputsOf(models: RunManifest["models"]): TableFacts[] {
  const made = new Set(models.flatMap(({ output }) => output === undefined ? [] : [output.table]));
  return distinct(models.flatMap(({ inputs = [] }) => inputs)).filter(({ table }) => !made.has(table))
    .sort((one, other) => one.table < other.table ? -1 : 1);
}

const versionsOf = ({ sluice, duckdb }: StepManifest) => ({ sluice, duckdb });

const endOf = ({ state, attempt }: Step) => ({ state, attempt });

/** Those of the members that the step has. */
function has<K extends keyof Step>(step: Step, names: readonly K[]): Pick<Step, K> {
  const members = names.filter((name) => step[name] !== undefined).map((name) => [name, step[name]]);
  return Object.fromEntries(members);
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

const sha256Of = (text: string): string => createHash("sha256").update(text).digest("hex");
