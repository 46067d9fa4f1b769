import type { Log } from "../../../contract/log.ts";
import type { ApplyResult } from "../../../contract/run.ts";
import { formatFault } from "../../../text/fault.ts";
import { type ProjectLook, watchProject } from "../../definitions/watch.ts";

const DEBOUNCE_MS = 300;

export interface FollowFilesOptions {
  readonly projectDir: string;
  /** How the files looked before they were applied. */
  readonly since: ProjectLook;
  readonly apply: () => Promise<ApplyResult>;
  readonly log: Log;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Applies the project's files whenever they have changed, and logs what came of it. Never throws. */
export async function followFiles(
  { projectDir, since, apply, log, signal }: FollowFilesOptions,
): Promise<void> {
  try {
    for await (const _ of watchProject(projectDir, { signal, debounceMs: DEBOUNCE_MS, since })) {
      try {
        const { applied, removed, faults } = await apply();
        if (applied.length + removed.length + faults.length === 0) continue;
        for (const fault of faults) log(fault.severity === "error" ? "error" : "warn", formatFault(fault));
        log(faults.length > 0 ? "warn" : "info", "the project's files changed", {
          applied: applied.join(" "),
          removed: removed.join(" "),
          faults: faults.length,
        });
      } catch (error) {
        if (!signal.aborted) log("error", "changed files could not be applied", { error: String(error) });
      }
    }
  } catch (error) {
    log("error", "the project's files are no longer watched", { error: String(error) });
  }
}
