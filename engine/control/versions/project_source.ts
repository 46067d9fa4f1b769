import { toAppError } from "../../../contract/errors.ts";
import type { Clock } from "../../../contract/clock.ts";
import type { Log } from "../../../contract/log.ts";
import type { AppliedRef } from "../../../contract/versions/version.ts";
import { openCheckout } from "../../definitions/git/check_out.ts";
import type { GitRemote, OpenedCommit } from "../../definitions/git/remote.ts";
import { Repository } from "../../definitions/git/repository.ts";
import type { EnvironmentStore } from "../../store/environments/port.ts";
import { requireReady } from "../environments/require_ready.ts";
import type { SourceRecord, VersionStore } from "../../store/versions/port.ts";

export interface ApplyRequest {
  /** A branch, a tag or a commit of the project's repository; its own files by default. */
  readonly ref?: string;
  /** Where it is put in force; in production by default. */
  readonly environment?: string | null;
  /** Only these pipelines of the project, by their names in the files; of an environment. */
  readonly pipelines?: readonly string[];
  /** Of an environment that is being created. */
  readonly isCreated?: boolean;
  /** Called with what is about to be applied, undefined for the project's own files; what it throws stops that. */
  readonly before?: (from: CheckedOut | undefined) => Promise<void>;
  /** Nobody has asked for it: what was asked for last goes on, a ref by the commit that it named then. */
  readonly isAutomatic?: boolean;
}

/** Definitions that were read from a commit into a folder of their own. */
export interface CheckedOut {
  readonly folder: string;
  readonly applied: AppliedRef;
}

export interface ProjectSourceContext {
  readonly projectDir: string;
  readonly versions: VersionStore;
  readonly environments: EnvironmentStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Where definitions are pulled from, in the place of the project's folder and its repository. */
  readonly remote?: GitRemote | undefined;
}

/** Where it is noted what definitions in force come from: a ref, or undefined for the project's own files. */
interface SourcePlace {
  last(): Promise<SourceRecord | undefined>;
  put(source: SourceRecord | undefined): Promise<void>;
}

/** What is read: a ref by its name, and what is opened for it. Undefined for the folder's own files. */
interface Asked {
  readonly ref: string;
  open(): Promise<OpenedCommit>;
}

/** Where definitions are read from: the project's folder, a commit of the repository that it is in, or a remote. */
export class ProjectSource {
  readonly #context: ProjectSourceContext;
  #problem: string | undefined;

  constructor(context: ProjectSourceContext) {
    this.#context = context;
  }

  /** Why the remote's definitions are not in force, as it was last. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * Does `apply` with what is asked for, undefined for the project's own files, and notes what is in force from then on.
   * Throws what git refuses; where nobody has asked, that leaves all as it is.
   */
  async applied<T>(
    request: ApplyRequest,
    apply: (from: CheckedOut | undefined) => Promise<T>,
    kept: () => Promise<T>,
  ): Promise<T> {
    const { clock, log } = this.#context;
    const { environment = null } = request;
    const place = environment === null ? this.#production() : this.#environment(environment, request);
    const last = await place.last();
    const asked = this.#asked(request, last);
    if (asked === "kept") return await kept();
    if (asked === undefined) {
      const result = await apply(undefined);
      await place.put(undefined);
      return result;
    }
    try {
      const result = await this.#withCheckout(asked, async (from) => {
        const result = await apply(from);
        const { commit } = from.applied;
        await place.put({ ref: asked.ref, commit, appliedAtMs: clock.now() });
        return result;
      });
      if (environment === null) this.#problem = undefined;
      return result;
    } catch (error) {
      const { code, message } = toAppError(error);
      const isTold = environment === null && this.#context.remote !== undefined && code !== "cancelled";
      if (isTold) this.#problem = message;
      if (request.isAutomatic !== true) throw error;
      log("warn", "the definitions cannot be read from git, and stay in force as they are", {
        ref: asked.ref,
        error: message,
      });
      return await kept();
    }
  }

  /** Does work with the files of a ref, undefined for the project's own, and notes nothing. Throws what git refuses. */
  async looked<T>(ref: string | undefined, work: (from: CheckedOut | undefined) => Promise<T>): Promise<T> {
    const asked = this.#asked(ref === undefined ? {} : { ref }, undefined);
    return asked === undefined || asked === "kept"
      ? await work(undefined)
      : await this.#withCheckout(asked, work);
  }

  /** Whether the remote's branch has gone on since it was last applied. Throws as `GitRemote.latest`. */
  async isBehind(): Promise<boolean> {
    const { remote, versions } = this.#context;
    if (remote === undefined) return false;
    const { ref } = remote.settings;
    const last = await versions.source();
    if (last !== undefined && last.ref !== ref) return false;
    try {
      const latest = await remote.latest(ref);
      if (this.#problem === undefined && last?.commit === latest) return false;
      return true;
    } catch (error) {
      this.#problem = toAppError(error).message;
      throw error;
    }
  }

  #production(): SourcePlace {
    const { versions } = this.#context;
    return {
      last: () => versions.source(),
      async put(source) {
        if (source !== undefined || await versions.source() !== undefined) await versions.putSource(source);
      },
    };
  }

  #environment(name: string, { isCreated = false }: ApplyRequest): SourcePlace {
    const { environments, clock } = this.#context;
    return {
      async last() {
        const record = await environments.get(name);
        if (record !== undefined && !isCreated) requireReady(record);
        const { ref = null, commit = null, appliedAtMs = null } = record ?? {};
        return ref === null || commit === null ? undefined : { ref, commit, appliedAtMs: appliedAtMs ?? 0 };
      },
      async put(source) {
        const nowMs = clock.now();
        const { ref = null, commit = null } = source ?? {};
        await environments.put({ name, state: "ready", ref, commit, appliedAtMs: nowMs, changedAtMs: nowMs });
      },
    };
  }

  #asked(
    { ref, isAutomatic = false }: ApplyRequest,
    last: SourceRecord | undefined,
  ): Asked | "kept" | undefined {
    const { remote, projectDir } = this.#context;
    if (remote !== undefined) {
      const followed = remote.settings.ref;
      // What somebody put in force by its name stays until somebody asks for what is followed.
      if (isAutomatic && last !== undefined && last.ref !== followed) return "kept";
      return { ref: ref ?? followed, open: () => remote.fetch(ref ?? followed) };
    }
    if (ref !== undefined) return { ref, open: () => openHere(projectDir, ref) };
    if (!isAutomatic || last === undefined) return undefined;
    return { ref: last.ref, open: () => openHere(projectDir, last.commit) };
  }

  async #withCheckout<T>({ ref, open }: Asked, work: (from: CheckedOut) => Promise<T>): Promise<T> {
    const { versions } = this.#context;
    await using opened = await open();
    const { repository, commit } = opened;
    await versions.putCommit(commit);
    await using checkout = await openCheckout(repository, commit.id);
    return await work({ folder: checkout.folder, applied: { ref, commit: commit.id } });
  }

  /** What was known of a commit of the work tree is noted, once. */
  async noteCommit(gitCommit: string | undefined): Promise<void> {
    const { projectDir, versions } = this.#context;
    const id = gitCommit?.slice(0, 40);
    if (id === undefined || await versions.commit(id) !== undefined) return;
    try {
      const repository = await Repository.find(projectDir);
      await versions.putCommit(await repository.commit(id));
    } catch {
      // A git that the library cannot read leaves a version without author and message.
    }
  }
}

async function openHere(projectDir: string, ref: string): Promise<OpenedCommit> {
  const repository = await Repository.find(projectDir);
  const commit = await repository.commit(ref);
  return { repository, commit, [Symbol.asyncDispose]: () => Promise.resolve() };
}
