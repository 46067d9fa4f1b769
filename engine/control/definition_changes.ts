import type { Clock } from "../../contract/clock.ts";
import { environmentOf, splitPlacedName } from "../../contract/environments/pipeline_name.ts";
import { AppError } from "../../contract/errors.ts";
import type { PipelineSource, ReadableRevision } from "../../contract/revision.ts";
import type { ApplyResult } from "../../contract/run.ts";
import type { RollBack } from "../../contract/versions/version.ts";
import { type ApplyContext, applyProject, applySource, type DefinitionLimits } from "../definitions/apply.ts";
import { gitCommit } from "../definitions/git/work_tree.ts";
import { GitRemote } from "../definitions/git/remote.ts";
import type { RemoteSettings } from "../definitions/git/settings.ts";
import { type LoadedProject, loadProject } from "../definitions/load.ts";
import type { CheckContext } from "../definitions/check/check_context.ts";
import { ScriptBundles } from "../definitions/scripts/script_bundles.ts";
import type { GrantContext } from "../grants/provide.ts";
import { letGoOf } from "../runs/attempt/let_go_of.ts";
import type { WarehouseKeys } from "../runs/warehouses/warehouse_keys.ts";
import type { ProcessPool } from "../runs/attempt/process_pool.ts";
import type { Store } from "../store/store.ts";
import { storedColumns } from "./data/stored_columns.ts";
import { PendingChecks } from "./pending_checks.ts";
import { pipelineRecord } from "./pipeline_record.ts";
import type { StartedAhead } from "./start_ahead.ts";
import { rollBack } from "./versions/roll_back.ts";
import { type ApplyRequest, type CheckedOut, ProjectSource } from "./versions/project_source.ts";

export interface DefinitionChangesContext extends GrantContext, Omit<CheckContext, "knownColumns"> {
  readonly store: Store;
  readonly clock: Clock;
  /** The repository that definitions are pulled from, in the place of the project's folder. */
  readonly remote?: RemoteSettings | undefined;
  readonly processes: ProcessPool;
  readonly warehouseKeys: WarehouseKeys;
  /** Aborted when the engine ends. */
  readonly signal: AbortSignal;
  /** What was started while the store was opened; for the first apply alone. */
  readonly ahead?: StartedAhead | undefined;
  /** What is in force has changed. */
  onChange(): void;
}

/** What changes the definitions in force, one change after the other: a later one sees what the earlier one stored. */
export class DefinitionChanges implements AsyncDisposable {
  readonly checks = new PendingChecks();
  readonly #context: DefinitionChangesContext;
  readonly #scripts = new ScriptBundles();
  readonly #source: ProjectSource;
  #ahead: StartedAhead | undefined;
  #applying: Promise<unknown> = Promise.resolve();
  #lettingGo: Promise<void> = Promise.resolve();

  constructor(context: DefinitionChangesContext) {
    this.#context = context;
    const { remote, signal } = context;
    this.#source = new ProjectSource({
      ...context,
      versions: context.store.versions,
      environments: context.store.environments,
      remote: remote && new GitRemote(remote, signal),
    });
    this.#ahead = context.ahead;
  }

  /** Brings a definition that was given over the API into force. Throws invalid, with its faults. */
  async put(name: string, source: PipelineSource, limits?: DefinitionLimits): Promise<void> {
    const { signal, onChange } = this.#context;
    await this.#inTurn(() => applySource(this.checkContext, name, source, signal, limits));
    onChange();
  }

  /** Throws not_found, and conflict for one that comes from files or has a run under way. */
  async remove(name: string): Promise<void> {
    const { store, onChange } = this.#context;
    const record = await pipelineRecord(store, name);
    const { pipeline, environment } = splitPlacedName(name);
    if (record.origin === "files" && environment !== null) {
      throw new AppError(
        "conflict",
        `Pipeline "${name}" is of the environment ${environment}: sluice env delete ${environment} ${pipeline} removes it`,
      );
    }
    if (record.origin === "files") {
      throw new AppError(
        "conflict",
        `Pipeline "${name}" comes from the project's files: remove pipelines/${name}.yaml there`,
      );
    }
    if (await store.runs.isActive(name)) {
      throw new AppError("conflict", `Pipeline "${name}" has a run under way: cancel it first`);
    }
    const last = record.revision === null ? undefined : await store.revisions.get(record.revision);
    await store.pipelines.remove(name);
    if (last !== undefined) this.#letGoOf(last.revision);
    onChange();
  }

  /** Puts a revision in force that was so before. Throws as `Versions.rollBack` says. */
  async rollBack(name: string, revision: string | undefined): Promise<RollBack> {
    const { store, onChange } = this.#context;
    const done = await this.#inTurn(() => rollBack(store, name, revision));
    onChange();
    return done;
  }

  /** Why what the remote says is not in force. */
  get sourceProblem(): string | undefined {
    return this.#source.problem;
  }

  /** Whether the remote's branch has gone on. Throws where it cannot be asked. */
  isBehind(): Promise<boolean> {
    return this.#source.isBehind();
  }

  /** Lets go of what systems keep for a pipeline that is removed. Never throws. */
  async letGoOf(revision: ReadableRevision): Promise<void> {
    await letGoOf(this.#context, revision);
  }

  /** Goes on beside other work, up to the engine's end. */
  #letGoOf(revision: ReadableRevision): void {
    this.#lettingGo = this.#lettingGo.then(() => this.letGoOf(revision));
  }

  /** Brings the project's files into force, or those of a commit, as far as they are right. */
  async applyProject(request: ApplyRequest = {}): Promise<ApplyResult> {
    const { processes, store, onChange } = this.#context;
    const runGrant = this.#ahead?.runGrant;
    const ahead = this.#ahead?.project;
    this.#ahead = undefined;
    const result = await this.checks.during(({ begin, wait, end }) => {
      const progress: Partial<ApplyContext> = {
        onRemoved: (revision) => this.#letGoOf(revision),
        onChecking: (pipelines) => {
          begin(pipelines);
          // While a check is at work, the process of the run behind it loads.
          if (runGrant !== undefined) void processes.warm(runGrant);
        },
        onWaiting: wait,
        onChecked: (pipeline) => {
          end(pipeline);
          onChange();
        },
      };
      const { environment = null, pipelines: only } = request;
      const apply = async (from: CheckedOut | undefined) => {
        await request.before?.(from);
        return await this.#apply(from, ahead, { ...progress, environment, only });
      };
      const kept = async (): Promise<ApplyResult> => {
        const unchanged = (await store.pipelines.list()).filter(({ name, origin }) =>
          origin === "files" && environmentOf(name) === environment
        );
        return { applied: [], unchanged: unchanged.map(({ name }) => name), removed: [], faults: [] };
      };
      return this.#inTurn(() => this.#source.applied(request, apply, kept));
    });
    onChange();
    return result;
  }

  async #apply(
    from: CheckedOut | undefined,
    ahead: LoadedProject | undefined,
    asked: Partial<ApplyContext> & { readonly environment: string | null },
  ): Promise<ApplyResult> {
    const { projectDir, connectors, signal } = this.#context;
    const { environment } = asked;
    const context: ApplyContext = { ...this.checkContext, ...asked };
    if (from !== undefined) {
      const { folder, applied } = from;
      // Data lies in the project's folder, and the scripts' bundles are those of the commit.
      const project = await loadProject(folder, {
        connectorTypes: connectors,
        scripts: new ScriptBundles(),
        environment,
      });
      const result = await applyProject({ ...context, project, commit: applied.commit }, signal);
      return { ...result, source: applied };
    }
    const commit = await gitCommit(projectDir, { signal });
    const project = ahead?.environment === environment ? ahead : undefined;
    const result = await applyProject({ ...context, project, commit: commit ?? null }, signal);
    await this.#source.noteCommit(commit);
    return result;
  }

  /** The project's files as they are in an environment, or those of a commit, without anything being done with them. */
  async read(environment: string, ref: string | undefined): Promise<LoadedProject> {
    return await this.look(ref, (from) => this.load(from, environment));
  }

  /** Does work with the files of a ref, undefined for the project's own, and puts nothing in force. */
  async look<T>(ref: string | undefined, work: (from: CheckedOut | undefined) => Promise<T>): Promise<T> {
    return await this.#source.looked(ref, work);
  }

  /** The same of a commit that is checked out; of the project's own files for undefined. */
  async load(from: CheckedOut | undefined, environment: string | null): Promise<LoadedProject> {
    const { projectDir, connectors: connectorTypes } = this.#context;
    const options = { connectorTypes, scripts: new ScriptBundles(), environment };
    return await loadProject(from?.folder ?? projectDir, options);
  }

  /** Waits for what is under way; what was being checked is checked again at the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#applying;
    await this.#lettingGo;
  }

  /** What a check, or a look at a source, needs. */
  get checkContext(): CheckContext & { store: Store } {
    const { store } = this.#context;
    return {
      ...this.#context,
      scripts: this.#scripts,
      knownColumns: async (name) => {
        const { pipeline, environment } = splitPlacedName(name);
        const own = await store.pipelines.streamColumns(name);
        // What an environment has not read yet is as production has it.
        return environment === null ? own : { ...await store.pipelines.streamColumns(pipeline), ...own };
      },
      publishedColumns: storedColumns(this.#context),
    };
  }

  /** Does work that changes what is in force, and that no other such work may come between. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = await this.#inTurn(work);
    this.#context.onChange();
    return done;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#applying.then(work, work);
    this.#applying = turn.catch(() => {});
    return turn;
  }
}
