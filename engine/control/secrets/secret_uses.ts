import { referencesIn, visitTexts } from "../../secrets/references.ts";
import type { Store } from "../../store/store.ts";

/**
 * What refers to secrets of which name, as `connector shop`, in the definitions that were last applied. Throws as
 * Sealer.open does.
 */
export async function secretUses(
  { pipelines, revisions, alerts }: Pick<Store, "pipelines" | "revisions" | "alerts">,
): Promise<Map<string, string[]>> {
  const uses = new Map<string, string[]>();
  const collect = (kind: string, definitions: Iterable<readonly [string, unknown]>) => {
    for (const [name, definition] of definitions) {
      const user = `${kind} ${name}`;
      visitTexts(definition, (text, path) => {
        for (const secret of secretsIn(text, path)) {
          const users = uses.get(secret) ?? [];
          if (!users.includes(user)) uses.set(secret, [...users, user]);
        }
      });
    }
  };
  collect("connector", Object.entries(await pipelines.connectors()));
  for (const name of Object.keys(await alerts.notifiers())) {
    collect("notifier", [[name, await alerts.notifier(name)]]);
  }
  // Webhooks refer to theirs, and scripts name them.
  const inForce = await revisions.headsInForce();
  collect("pipeline", [...inForce].map(([name, { definition }]) => [name, definition] as const));
  return uses;
}

function secretsIn(text: string, path: readonly (string | number)[]): string[] {
  if (path.at(-2) === "secrets" && typeof path.at(-1) === "number") return [text];
  try {
    return referencesIn(text).filter(({ kind }) => kind === "secret").map(({ name }) => name);
  } catch {
    // What is written wrongly is the definition's fault, and is told of there.
    return [];
  }
}
