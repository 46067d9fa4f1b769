import type { Source } from "../../../contract/connector/source.ts";
import { toAppError } from "../../../contract/errors.ts";
import type { RunJob } from "../../../contract/job.ts";
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
  const followed = new Set(
    Object.values(definition.extract).flatMap(({ connector, mode }) => mode === "cdc" ? [connector] : []),
  );
  for (const [connector, token] of await followers(session)) {
    if (followed.has(connector)) continue;
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
        `${connector} is followed no more but keeps its log of changes for this pipeline: drop its replication slot ` +
          `there, where it has one whose name ends with ${token} (${toAppError(error).message})`,
      );
    }
  }
}
