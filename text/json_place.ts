import { isCollection, isNode, LineCounter, type Node, parseDocument, visit } from "yaml";

/** A place in a text, both counted from 1; columns are UTF-16 units. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

/** Longer texts come from programs: nobody looks for a comma in them by line and column. */
const MAX_LENGTH = 65_536;

/**
 * Where a text that JSON.parse refuses stops being JSON, by the YAML parser, which reads JSON and tells its
 * places: at its first error, or at the first thing that YAML takes and JSON does not (a word, another
 * quote, a comma before a bracket). Undefined where nothing is found, and for long texts.
 */
export function findJsonPlace(text: string): TextPlace | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
    const offsets = document.errors.map(({ pos }) => pos[0]);
    visit(document, {
      Node: (_key, node) => {
        const offset = foreignOffset(node, text);
        if (offset !== undefined) offsets.push(offset);
      },
    });
    if (document.contents === null) offsets.push(text.length);
    if (offsets.length === 0) return undefined;
    const { line, col } = lines.linePos(Math.min(...offsets));
    return line === 0 ? undefined : { line, column: col };
  } catch (error) {
    // Nested deeper than the parser goes.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Where the node is no JSON; undefined for one that is. */
function foreignOffset(node: Node, text: string): number | undefined {
  const [start, end] = node.range ?? [0, 0, 0];
  if (!isCollection(node)) return isJson(text.slice(start, end)) ? undefined : start;
  if (!node.flow) return start;
  const last = node.items.at(-1);
  const tail = isNode(last)
    ? last
    : typeof last === "object" && last !== null && "value" in last
    ? last.value
    : last;
  const from = isNode(tail) ? tail.range?.[1] ?? end : end;
  const comma = text.slice(from, end).indexOf(",");
  return comma === -1 ? undefined : from + comma;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
