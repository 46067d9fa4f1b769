import { toAppError } from "../../../contract/errors.ts";
import type { Clock } from "../../../contract/clock.ts";
import type { Log } from "../../../contract/log.ts";
import type { AppliedRef } from "../../../contract/versions/version.ts";
import { checkOut } from "../../definitions/git/check_out.ts";
import { Repository } from "../../definitions/git/repository.ts";
import type { VersionStore } from "../../store/versions/port.ts";

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
}

/** Where definitions are read from: the project's folder, or a commit of the repository that it is in. */
export class ProjectSource {
  readonly #context: ProjectSourceContext;

  constructor(context: ProjectSourceContext) {
    this.#context = context;
  }

  /**
   * Does `apply` with what is asked for, undefined for the project's own files, and notes what is in force from then on.
   * Throws what git refuses; a commit that cannot be read again for an automatic request leaves all as it is.
   */
  async applied<T>(
    { ref, isAutomatic = false }: ApplyRequest,
    apply: (from: CheckedOut | undefined) => Promise<T>,
    kept: () => Promise<T>,
  ): Promise<T> {
    const { versions, clock, log } = this.#context;
    const last = await versions.source();
    if (ref === undefined && (!isAutomatic || last === undefined)) {
      const result = await apply(undefined);
      if (last !== undefined) await versions.putSource(undefined);
      return result;
    }
    const asked = ref ?? last?.ref ?? "";
    try {
      return await this.#withCheckout(ref ?? last?.commit ?? "", asked, async (from) => {
        const result = await apply(from);
        const { commit } = from.applied;
        await versions.putSource({ ref: asked, commit, appliedAtMs: clock.now() });
        return result;
      });
    } catch (error) {
      if (ref !== undefined) throw error;
      log("warn", "the commit in force cannot be read again, and stays in force as it was read", {
        ref: asked,
        error: toAppError(error).message,
      });
      return await kept();
    }
  }

  async #withCheckout<T>(ref: string, shown: string, work: (from: CheckedOut) => Promise<T>): Promise<T> {
    const { projectDir, versions } = this.#context;
    const repository = await Repository.find(projectDir);
    const commit = await repository.commit(ref);
    await versions.putCommit(commit);
    const folder = await Deno.makeTempDir({ prefix: "sluice-checkout-" });
    try {
      await checkOut(repository, commit.id, folder);
      return await work({ folder, applied: { ref: shown, commit: commit.id } });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
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
