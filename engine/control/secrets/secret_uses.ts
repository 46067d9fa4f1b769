import type { Store } from "../../store/store.ts";
import { parseReferences, visitTexts } from "../../secrets/references.ts";

/** What refers to secrets of which name, as `connector shop`, in the definitions that were last applied. */
export async function secretUses(
  { pipelines, alerts }: Pick<Store, "pipelines" | "alerts">,
): Promise<Map<string, string[]>> {
  const uses = new Map<string, string[]>();
  const collect = (kind: string, definitions: Readonly<Record<string, unknown>>) => {
    for (const [name, definition] of Object.entries(definitions)) {
      const user = `${kind} ${name}`;
      visitTexts(definition, (text) => {
        for (const secret of secretsIn(text)) {
          const users = uses.get(secret) ?? [];
          if (!users.includes(user)) uses.set(secret, [...users, user]);
        }
      });
    }
  };
  collect("connector", await pipelines.connectors());
  collect("notifier", await alerts.notifiers());
  return uses;
}

/** What is written wrongly is the definition's fault, and is told of there. */
function secretsIn(text: string): string[] {
  try {
    return parseReferences(text).flatMap((part) =>
      "reference" in part && part.reference.kind === "secret" ? [part.reference.name] : []
    );
  } catch {
    return [];
  }
}
