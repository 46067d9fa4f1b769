import type { Source } from "../../../contract/connector/source.ts";
import { toAppError } from "../../../contract/errors.ts";
import type { RunJob } from "../../../contract/jobs/run_job.ts";
import { followedConnectors } from "../../../contract/pipeline/followed_streams.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { followers, forgetFollower } from "../../warehouse/followers.ts";
import type { Reporter } from "../reporter.ts";

/**
 * Lets go of connectors whose changes the pipeline follows no more: their systems would keep their log for it
 * for ever. Warns, and tries again with the next run, where that cannot be done.
 */
export async function letGo(
  session: DuckSession,
  { definition, pipeline }: Pick<RunJob, "definition" | "pipeline">,
  sourceOf: (connector: string) => Promise<Source | undefined>,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const followed = followedConnectors(definition);
  for (const [connector, token] of await followers(session)) {
    if (followed.includes(connector)) continue;
    try {
      const source = await sourceOf(connector);
      await source?.unfollow?.({ pipeline, token }, signal);
      await forgetFollower(session, connector);
      reporter.log(
        "info",
        null,
        `${connector} is followed no more, and keeps nothing for this pipeline any more`,
      );
    } catch (error) {
      signal.throwIfAborted();
      reporter.log(
        "warn",
        null,
        `${connector} is followed no more, but what it may keep for this pipeline (its names there end with ${token}) ` +
          `could not be dropped: ${toAppError(error).message}`,
      );
    }
  }
}
