import { toAppError } from "../../../contract/errors.ts";
import type { Clock } from "../../../contract/clock.ts";
import type { Log } from "../../../contract/log.ts";
import type { AppliedRef } from "../../../contract/versions/version.ts";
import { openCheckout } from "../../definitions/git/check_out.ts";
import type { GitRemote, OpenedCommit } from "../../definitions/git/remote.ts";
import { Repository } from "../../definitions/git/repository.ts";
import type { SourceRecord, VersionStore } from "../../store/versions/port.ts";

export interface ApplyRequest {
  /** A branch, a tag or a commit of the project's repository; its own files by default. */
  readonly ref?: string;
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
  readonly clock: Clock;
  readonly log: Log;
  /** Where definitions are pulled from, in the place of the project's folder and its repository. */
  readonly remote?: GitRemote | undefined;
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
    const { versions, clock, log } = this.#context;
    const last = await versions.source();
    const asked = this.#asked(request, last);
    if (asked === "kept") return await kept();
    if (asked === undefined) {
      const result = await apply(undefined);
      if (last !== undefined) await versions.putSource(undefined);
      return result;
    }
    try {
      const result = await this.#withCheckout(asked, async (from) => {
        const result = await apply(from);
        const { commit } = from.applied;
        await versions.putSource({ ref: asked.ref, commit, appliedAtMs: clock.now() });
        return result;
      });
      this.#problem = undefined;
      return result;
    } catch (error) {
      const { code, message } = toAppError(error);
      if (this.#context.remote !== undefined && code !== "cancelled") this.#problem = message;
      if (request.isAutomatic !== true) throw error;
      log("warn", "the definitions cannot be read from git, and stay in force as they are", {
        ref: asked.ref,
        error: message,
      });
      return await kept();
    }
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
