import type { Source, StreamRequest } from "../../../../contract/connector/source.ts";
import type { SourceTotal } from "../../../../contract/jobs/reports.ts";

/** About how much `read` would give, as far as the source knows. It is there to be shown: what it fails with, reading fails with. */
export async function totalOf(
  source: Source,
  request: StreamRequest,
  signal: AbortSignal,
): Promise<SourceTotal | undefined> {
  const rows = await source.estimateRows?.(request, signal).catch(() => null);
  return rows === null || rows === undefined ? undefined : { rows };
}
