import type { Fault } from "../../../text/fault.ts";
import { missingReferences, type ReferenceSources } from "../../secrets/resolve.ts";
import type { ParsedNotifiers } from "./parse_notifiers.ts";

/** References of notifiers without a value: the first alert is too late to find out. Offline they are warnings. */
export async function missingOfNotifiers(
  { notifiers, place }: ParsedNotifiers,
  references: ReferenceSources,
  isOffline: boolean,
): Promise<Fault[]> {
  const found = await Promise.all(
    Object.entries(notifiers).map(async ([name, definition]) =>
      (await missingReferences(name, definition, references, "notifier")).map(({ path, message }): Fault => ({
        ...place([name, ...path]),
        message,
        severity: isOffline ? "warning" : "error",
      }))
    ),
  );
  return found.flat();
}
