/**
 * Streams that are read by the rows of others of their pipeline, which have to be there before.
 *
 * A child is asked for once for each row of its parent, as an API's posts of each of its users. Its endpoint names the
 * parent's columns: `users/{resources.users.id}/posts`. A script may be given all rows of others: `input: orders`.
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

/** The streams whose rows a stream's script is given, in this order; none of a stream that has no `input`. */
export function inputsOf({ script, input }: Readonly<Record<string, unknown>>): readonly string[] {
  if (typeof script !== "string") return [];
  return [input].flat().filter((name) => typeof name === "string");
}

/** All streams that have to be read before this one, each once. */
export function streamsBefore(definition: Readonly<Record<string, unknown>>): readonly string[] {
  return [...new Set([...parentsOf(definition).map(({ stream }) => stream), ...inputsOf(definition)])];
}

function visit(value: unknown, onText: (text: string) => void): void {
  if (typeof value === "string") onText(value);
  else if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) visit(inner, onText);
  }
}
