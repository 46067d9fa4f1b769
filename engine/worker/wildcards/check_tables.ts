import { toAppError } from "../../../contract/errors.ts";
import type { CheckSubject, DefinitionFault } from "../../../contract/jobs/check_job.ts";
import type { DiscoveredStream } from "../../../contract/connector/source.ts";
import { childTablesBy } from "../../../contract/pipeline/child_tables.ts";
import type { Connections } from "../connections.ts";
import { DESCRIBE_TIMEOUT_MS } from "../describe_streams.ts";
import { chooseTables, expandWildcards, type FoundTable, wildcardsOf } from "./expand.ts";

/**
 * The subject with its wildcards expanded by what their sources have now. Where a source cannot be asked, its wildcard
 * stands for the streams that were last seen, whose columns are known.
 */
export async function expandForCheck(
  subject: CheckSubject,
  connections: Pick<Connections, "discover">,
  signal: AbortSignal,
): Promise<{ readonly subject: CheckSubject; readonly faults: readonly DefinitionFault[] }> {
  const wildcards = wildcardsOf(subject.definition);
  const isMuted = subject.mutedStreams.length > 0;
  if (wildcards.length === 0 && !isMuted) return { subject, faults: [] };
  const faults: DefinitionFault[] = [];
  const tables = new Map<string, readonly FoundTable[]>();
  let isAway = isMuted;
  for (const [name, stream] of wildcards) {
    const path = ["extract", name];
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(DESCRIBE_TIMEOUT_MS)]);
    try {
      const found: DiscoveredStream[] = await Array.fromAsync(
        await connections.discover(stream.connector, deadline),
      );
      const chosen = chooseTables(stream, found);
      tables.set(name, chosen);
      if (chosen.length === 0) {
        const names = found.slice(0, 20).map((one) => one.name).join(", ");
        const message = `stream "${name}": no table is like ${String(stream["stream"])}${
          found.length === 0 ? "" : ` (there are ${names})`
        }`;
        faults.push({ path, message, severity: "warning" });
      }
    } catch (error) {
      signal.throwIfAborted();
      const failure = toAppError(error);
      isAway = true;
      const isHarmless = deadline.aborted || failure.code === "unavailable" || failure.code === "timeout";
      faults.push({ path, message: failure.message, severity: isHarmless ? "warning" : "error" });
    }
  }
  const { definition, warnings } = expandWildcards(subject.definition, tables);
  for (const [name] of wildcards.slice(0, 1)) {
    for (const message of warnings) {
      faults.push({ path: ["extract", name], message, severity: "warning" });
    }
  }
  const children = childTablesBy(definition.extract);
  const seen = Object.keys(subject.knownColumns).filter((name) =>
    !Object.hasOwn(definition.extract, name) && !Object.hasOwn(children, name)
  );
  return {
    subject: {
      ...subject,
      definition,
      mutedStreams: isAway && wildcards.length > 0
        ? [...new Set([...subject.mutedStreams, ...seen])]
        : subject.mutedStreams,
    },
    faults,
  };
}
