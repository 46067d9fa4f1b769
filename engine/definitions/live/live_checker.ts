import { AppError } from "../../../contract/errors.ts";
import type { SqlFunction } from "../../../contract/jobs/live_job.ts";
import type { FormattedText } from "../../../contract/jobs/format_job.ts";
import type { PipelineLineage } from "../../../contract/lineage/lineage.ts";
import type { PipelineStep } from "../../../contract/run.ts";
import type { PublishedName } from "../../../contract/snapshots/source.ts";
import type { Column } from "../../../contract/sql.ts";
import { type Fault, formatFault } from "../../../text/fault.ts";
import type { CheckContext } from "../check/check_context.ts";
import { checkPipelines } from "../check/check_pipelines.ts";
import { projectFaults } from "../check/check_project.ts";
import { withTriggerFaults } from "../check_triggers.ts";
import { type LoadedProject, loadProject } from "../load.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";
import { withReadFaults } from "../published/check_reads.ts";
import { inWaves, readsOfSketch } from "../published/read_columns.ts";
import { ScriptBundles } from "../scripts/script_bundles.ts";
import { type ProjectTests, readProjectTests } from "../testing/read_tests.ts";
import { changedBetween, lookAtProject, type ProjectLook } from "../watch.ts";
import { type LiveChange, LiveFiles } from "./live_files.ts";
import { LIVE_BUDGET, type LiveBudget } from "./live_process.ts";
import { WarmChecks } from "./warm_checks.ts";

export interface LiveContext extends CheckContext {
  /** Of the process that checks; LIVE_BUDGET where it is absent. */
  readonly liveBudget?: LiveBudget;
}

/** A pipeline as it is now. */
export interface LivePipeline {
  /** As it was read, with the text of its file and where everything stands in it. */
  readonly loaded: LoadedPipeline;
  /** Streams first, then models, each behind what it depends on; those of the last time where the SQL cannot be read now. */
  readonly steps: readonly PipelineStep[];
  /** By stream. */
  readonly streamColumns: Readonly<Record<string, readonly Column[]>>;
  /** By model: those of the last time for one that cannot be bound now. */
  readonly modelColumns: Readonly<Record<string, readonly Column[]>>;
  readonly faults: readonly Fault[];
}

/** A project as it is now. */
export interface LiveState {
  readonly project: LoadedProject;
  readonly pipelines: ReadonlyMap<string, LivePipeline>;
  /** All of them, by their files; a file without one has no entry. */
  readonly faults: ReadonlyMap<string, readonly Fault[]>;
}

/** What a pipeline's streams have, and what is wrong with them. */
interface KnownStreams {
  /** What it was asked for by. */
  readonly key: string;
  readonly columns: Readonly<Record<string, readonly Column[]>>;
  readonly faults: readonly Fault[];
}

/** As many changed files are told by their paths; where it is more, all is read again. */
const ALL_PIPELINES = "all";

/**
 * A project on disk that is checked again and again while somebody works on it, in a process that is kept: only what has
 * changed, and what reads it, is bound again. No source over a network is asked (`context.isOffline`); SQL of users is
 * in the process alone, which is replaced when it ends or takes too much.
 */
export class LiveChecker implements AsyncDisposable {
  readonly #context: LiveContext;
  readonly #files = new LiveFiles();
  readonly #scripts = new ScriptBundles();
  readonly #warm: WarmChecks;
  readonly #streams = new Map<string, KnownStreams>();
  #look: ProjectLook | undefined;
  /** As they were read last, without what is wrong with the pipelines that they run after. */
  #read: ReadonlyMap<string, LoadedPipeline> = new Map();
  #tests: ProjectTests | undefined;
  /** What was changed since the last check. */
  #touched = new Set<string>();
  #asksSources = false;
  #state: LiveState | undefined;
  #next: Promise<LiveState> | undefined;
  #running: Promise<unknown> = Promise.resolve();

  private constructor(context: LiveContext) {
    this.#context = { isOffline: true, ...context };
    this.#warm = new WarmChecks(this.#context, context.liveBudget ?? LIVE_BUDGET);
  }

  /** Reads and checks the project. Throws not_found where there is no such folder. */
  static async open(context: LiveContext, change: LiveChange = {}): Promise<LiveChecker> {
    const checker = new LiveChecker(context);
    try {
      checker.#look = await lookAtProject(context.projectDir, { withTests: true });
      await checker.update(change);
      return checker;
    } catch (error) {
      await checker[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What was found last. */
  get state(): LiveState {
    if (this.#state !== undefined) return this.#state;
    throw new AppError("internal", "The project was not checked yet");
  }

  /**
   * Checks what the change, and what reads it, has become. Changes that come while a check is under way are checked together, when it is
   * done; each caller gets the state that its change is in.
   */
  async update(change: LiveChange): Promise<LiveState> {
    for (const path of this.#files.take(change)) this.#touched.add(path);
    return await this.#check();
  }

  /** Looks itself what has changed on disk since it looked last. */
  async refresh(): Promise<LiveState> {
    const { projectDir } = this.#context;
    const before = this.#look;
    const now = this.#look = await lookAtProject(projectDir, { withTests: true });
    return await this.update({
      changed: before === undefined ? [] : changedBetween(projectDir, before, now),
    });
  }

  /** Asks the sources in files again, which no change of the project tells of. */
  async refreshSources(): Promise<LiveState> {
    this.#asksSources = true;
    return await this.#check();
  }

  /** Where the columns of a pipeline's tables come from. */
  async lineage(pipeline: string): Promise<PipelineLineage> {
    return await this.#warm.lineage(pipeline);
  }

  /** The columns of a SELECT over a pipeline's tables. Throws `invalid` where it cannot be bound. */
  async columnsOf(pipeline: string, sql: string): Promise<readonly Column[]> {
    return await this.#warm.columnsOf(pipeline, sql);
  }

  /** What SQL may call beside macros of the project. */
  async functions(): Promise<readonly SqlFunction[]> {
    return await this.#warm.functions();
  }

  /** See `sluice fmt`. */
  async format(text: string): Promise<FormattedText> {
    return await this.#warm.format(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.catch(() => {});
    await this.#warm[Symbol.asyncDispose]();
  }

  #check(): Promise<LiveState> {
    this.#next ??= this.#running.catch(() => {}).then(() => {
      this.#next = undefined;
      const work = this.#run();
      this.#running = work;
      return work;
    });
    return this.#next;
  }

  async #run(): Promise<LiveState> {
    const touched = this.#touched;
    const asksSources = this.#asksSources;
    [this.#touched, this.#asksSources] = [new Set(), false];
    try {
      return this.#state = await this.#checkProject(touched, asksSources);
    } catch (error) {
      // What was not checked is still to be checked.
      for (const path of touched) this.#touched.add(path);
      this.#asksSources ||= asksSources;
      throw error;
    }
  }

  async #checkProject(touched: ReadonlySet<string>, asksSources: boolean): Promise<LiveState> {
    const { projectDir, connectors } = this.#context;
    const affected = this.#state === undefined ? ALL_PIPELINES : affectedBy(touched, this.#read);
    const read = await loadProject(projectDir, {
      connectorTypes: connectors,
      scripts: this.#scripts,
      cache: this.#files,
      unchanged: (name) =>
        affected === ALL_PIPELINES || affected.has(name) ? undefined : this.#read.get(name),
    });
    const testsAreOld = affected === ALL_PIPELINES || this.#tests === undefined ||
      [...touched].some((path) => path.startsWith("tests/") || path.startsWith("pipelines/"));
    if (testsAreOld) this.#tests = await readProjectTests(projectDir, read.pipelines, this.#files);
    const project = { ...read, pipelines: await withReadFaults(withTriggerFaults(read.pipelines)) };
    const isRead = new Set(
      read.pipelines.filter((one) => one !== this.#read.get(one.name)).map(({ name }) => name),
    );
    const checked = new Map<string, LivePipeline>();
    // Behind those whose published models they read, whose columns are known then.
    const waves = inWaves(project.pipelines, ({ name }) => name, ({ sketch }) => readsOfSketch(sketch));
    for (const [wave, loaded] of waves.flatMap((wave) => wave.map((loaded) => [wave, loaded] as const))) {
      if (loaded === wave[0]) await this.#askSources(wave, asksSources, checked);
      const { name } = loaded;
      const before = this.#state?.pipelines.get(name);
      const streams = this.#streams.get(name);
      const { found, steps, modelColumns } = await this.#warm.check(loaded, {
        streamColumns: streams?.columns ?? {},
        tests: this.#tests?.tests.get(name) ?? [],
        isChanged: isRead.has(name) || testsAreOld || before?.streamColumns !== streams?.columns,
      });
      checked.set(name, {
        loaded,
        steps,
        modelColumns,
        streamColumns: streams?.columns ?? {},
        faults: [...loaded.faults, ...streams?.faults ?? [], ...found],
      });
    }
    const pipelines = new Map(
      project.pipelines.flatMap(({ name }) => {
        const found = checked.get(name);
        return found === undefined ? [] : [[name, found] as const];
      }),
    );
    this.#warm.keepOnly(new Set(pipelines.keys()));
    this.#read = new Map(read.pipelines.map((pipeline) => [pipeline.name, pipeline]));
    const all = [
      ...await projectFaults(this.#context, project),
      ...this.#tests?.faults ?? [],
      ...[...pipelines.values()].flatMap(({ faults }) => faults),
    ];
    // A script is a fault of each pipeline that uses it.
    const once = [...new Map(all.map((fault) => [formatFault(fault), fault])).values()];
    return { project, pipelines, faults: Map.groupBy(once, ({ file }) => file) };
  }

  /** Asks the sources of the pipelines whose definitions are others than they were asked for. */
  async #askSources(
    pipelines: readonly LoadedPipeline[],
    asksAll: boolean,
    checked: ReadonlyMap<string, LivePipeline>,
  ): Promise<void> {
    const publishedOf = ({ pipeline, model }: PublishedName) => checked.get(pipeline)?.modelColumns[model];
    const open = pipelines.flatMap((pipeline) => {
      const key = JSON.stringify([
        pipeline.text,
        pipeline.connectors,
        pipeline.schemas?.columns,
        readsOfSketch(pipeline.sketch).map((read) => publishedOf(read) ?? null),
      ]);
      return asksAll || this.#streams.get(pipeline.name)?.key !== key ? [{ pipeline, key }] : [];
    });
    if (open.length === 0) return;
    const keys = new Map(open.map(({ pipeline, key }) => [pipeline.name, key]));
    const asked = open.map(({ pipeline }) => pipeline);
    const context = {
      ...this.#context,
      streamsOnly: true,
      scripts: this.#scripts,
      publishedColumns: async (read: PublishedName) => {
        const columns = publishedOf(read);
        return columns === undefined ? await this.#context.publishedColumns?.(read) : { columns, pii: [] };
      },
    };
    const { signal } = new AbortController();
    for await (const { pipeline, faults, streamColumns } of checkPipelines(context, asked, signal)) {
      this.#streams.set(pipeline.name, {
        key: keys.get(pipeline.name) ?? "",
        columns: streamColumns,
        faults: faults.slice(pipeline.faults.length),
      });
    }
  }
}

/** The pipelines that have to be read again. */
function affectedBy(
  touched: ReadonlySet<string>,
  read: ReadonlyMap<string, LoadedPipeline>,
): ReadonlySet<string> | typeof ALL_PIPELINES {
  const affected = new Set<string>();
  for (const path of touched) {
    const [root, folder = "", ...below] = path.split("/");
    if (root === "tests") continue;
    if (root === "transforms" && below.length > 0) {
      for (const { name, sketch } of read.values()) {
        if (sketch === undefined || (sketch.definition.transform ?? name) === folder) affected.add(name);
      }
    } else if ((root === "pipelines" || root === "schemas") && below.length === 0) {
      affected.add(folder.replace(/\.ya?ml$/, ""));
    } else return ALL_PIPELINES;
  }
  return affected;
}
