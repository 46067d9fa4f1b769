/**
 * A stream that is asked for once for each row of another one, as an API's posts of each of its users. Its endpoint names the
 * other's columns: `users/{resources.users.id}/posts`.
 */

/** `{resources.<stream>.<column>}`, with both as groups. */
export const PARENT_PLACE = /\{\s*resources\.([A-Za-z_]\w*)\.([^{}\s]+)\s*\}/g;

export interface Parent {
  readonly stream: string;
  /** The columns that the child's requests name, each once. */
  readonly columns: readonly string[];
}

/** The streams whose columns a stream's endpoint names; none of a stream that is no child. */
export function parentsOf(definition: Readonly<Record<string, unknown>>): readonly Parent[] {
  const found = new Map<string, Set<string>>();
  visit(definition["endpoint"], (text) => {
    for (const [, stream = "", column = ""] of text.matchAll(PARENT_PLACE)) {
      const columns = found.get(stream) ?? new Set();
      found.set(stream, columns.add(column));
    }
  });
  return [...found].map(([stream, columns]) => ({ stream, columns: [...columns] }));
}

function visit(value: unknown, onText: (text: string) => void): void {
  if (typeof value === "string") onText(value);
  else if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) visit(inner, onText);
  }
}
