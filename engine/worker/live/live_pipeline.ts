import { AppError } from "../../../contract/errors.ts";
import type { CheckSubject } from "../../../contract/jobs/check_job.ts";
import type { LiveJob, LiveReport, LiveSubject } from "../../../contract/jobs/live_job.ts";
import type { PipelineLineage } from "../../../contract/lineage/lineage.ts";
import { childTablesBy } from "../../../contract/pipeline/child_tables.ts";
import type { RevisionFile } from "../../../contract/revision.ts";
import { type Column, nameKey } from "../../../contract/sql.ts";
import { refusedCalls } from "../../../sql/language/allowed_functions.ts";
import { parseSelect } from "../../../sql/language/parse_tree.ts";
import { type CheckedModels, checkModels } from "../check/check_models.ts";
import { openWorkbench, type Workbench, workbenchSetting } from "../check/workbench.ts";
import { jobConnections, type JobContext } from "../job_context.ts";
import { testFaults } from "../testing/plan_test.ts";
import { expandForCheck } from "../wildcards/check_tables.ts";

/** A pipeline that is checked again and again as its files change. */
export class LivePipeline implements AsyncDisposable {
  readonly #job: LiveJob;
  readonly #context: JobContext;
  readonly #files = new Map<string, RevisionFile>();
  #workbench: Workbench | undefined;
  #setting = "";
  #checked: CheckedModels | undefined;
  /** What was told. */
  #columns: Readonly<Record<string, readonly Column[]>> = {};
  #steps = "";

  constructor(job: LiveJob, context: JobContext) {
    this.#job = job;
    this.#context = context;
  }

  async check(live: LiveSubject): Promise<LiveReport> {
    for (const file of live.changed) this.#files.set(file.path, file);
    for (const path of live.removed) this.#files.delete(path);
    await using connections = jobConnections({ ...this.#job, connectors: live.connectors }, this.#context);
    const { subject, faults } = await expandForCheck(
      { ...live, files: this.#filesOf(live), mutedStreams: streamsOf(live) },
      connections,
      this.#context.signal,
    );
    const { session, beside, memory, functionFaults } = await this.#open(subject);
    const columns = Object.fromEntries(
      subject.mutedStreams.map((name) => [name, subject.knownColumns[name]]),
    );
    const checked = await checkModels(subject, {
      session,
      beside,
      streams: Promise.resolve({ columns, faults: [] }),
      connections,
      reporter: this.#context.reporter,
      modelsAtOnce: live.modelsAtOnce,
      memory,
    });
    this.#checked = checked;
    const tests = testFaults(checked.tested, subject.tests ?? []);
    return {
      faults: [...faults, ...functionFaults, ...checked.faults, ...tests],
      ...this.#news(checked),
      ...(live.wantsLineage ? { lineage: await checked.lineage() } : {}),
    };
  }

  async lineage(): Promise<PipelineLineage> {
    return await this.#last().checked.lineage();
  }

  /** Throws SqlError for what is no SELECT of the pipeline's tables, or calls what SQL may not call. */
  async columnsOf(sql: string): Promise<readonly Column[]> {
    const { workbench: { session }, checked: { tested } } = this.#last();
    const tree = await parseSelect(session, sql);
    const macros = new Set(
      [...tested.compiled.graph.macros.values()].flat().map(({ name }) => nameKey(name)),
    );
    const [refused] = refusedCalls(tree, (name) => macros.has(nameKey(name)));
    if (refused !== undefined) throw new AppError("invalid", refused.message);
    return await session.describe(sql);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#workbench?.[Symbol.asyncDispose]();
    this.#workbench = undefined;
  }

  #last() {
    const [checked, workbench] = [this.#checked, this.#workbench];
    if (checked !== undefined && workbench !== undefined) return { checked, workbench };
    throw new AppError("not_found", "The pipeline was not checked yet");
  }

  #filesOf({ paths }: LiveSubject): RevisionFile[] {
    return paths.map((path) => {
      const file = this.#files.get(path);
      if (file !== undefined) return file;
      throw new AppError("internal", `${path} was never sent`);
    });
  }

  async #open(subject: CheckSubject): Promise<Workbench> {
    const setting = workbenchSetting(subject);
    if (this.#workbench !== undefined && this.#setting === setting) return this.#workbench;
    await this[Symbol.asyncDispose]();
    this.#setting = setting;
    return this.#workbench = await openWorkbench(this.#job, subject);
  }

  /** What is other than it was told the last time. */
  #news({ columns, steps }: CheckedModels): Pick<LiveReport, "modelColumns" | "steps"> {
    const gone = Object.keys(this.#columns).filter((name) => !Object.hasOwn(columns, name));
    const changed = Object.entries(columns).filter(([name, list]) => this.#columns[name] !== list);
    this.#columns = columns;
    const text = JSON.stringify(steps);
    const hasSteps = text !== this.#steps;
    this.#steps = text;
    return {
      modelColumns: Object.fromEntries([...changed, ...gone.map((name) => [name, null] as const)]),
      ...(hasSteps ? { steps } : {}),
    };
  }
}

/** All of them: no source is asked. */
function streamsOf({ definition, knownColumns }: LiveSubject): string[] {
  const { extract } = definition;
  return [
    ...new Set([
      ...Object.keys(extract),
      ...Object.keys(childTablesBy(extract)),
      ...Object.keys(knownColumns),
    ]),
  ];
}
