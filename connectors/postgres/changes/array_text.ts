/** An array as PostgreSQL writes it: `{1,NULL,"a b"}`, `{{1},{2}}`, `[0:1]={1,2}`. */
export interface ArrayText {
  readonly dimensions: readonly { readonly length: number; readonly lowerBound: number }[];
  /** In the order they are written; null is NULL. */
  readonly elements: readonly (string | null)[];
}

/**
 * Reads it. `delimiter` stands between elements: a comma for nearly all types. Throws SyntaxError.
 * Source: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
 */
export function readArray(text: string, delimiter: string): ArrayText {
  const [prefix = "", bounds] = /^((?:\[-?\d+:-?\d+\])+)=/.exec(text) ?? [];
  const elements: (string | null)[] = [];
  const lengths: number[] = [];
  const open: number[] = [];
  let at = prefix.length;
  for (;;) {
    const character = text[at];
    if (character === "{") {
      open.push(0);
      at += 1;
      if (text[at] === "}" && open.length === 1 && elements.length === 0) {
        return { dimensions: [], elements };
      }
    } else if (character === "}") {
      lengths[open.length - 1] = open.pop() ?? 0;
      at += 1;
      if (open.length === 0) break;
    } else if (character === delimiter) {
      at += 1;
    } else {
      const { value, end } = readElement(text, at, delimiter);
      elements.push(value);
      at = end;
    }
    // Each element, and each inner array that begins, counts where it stands.
    if (character !== "}" && character !== delimiter) {
      const level = character === "{" ? open.length - 2 : open.length - 1;
      if (level >= 0) open[level] = (open[level] ?? 0) + 1;
    }
  }
  if (at !== text.length) throw new SyntaxError("an array goes on behind its end");
  const lower = [...(bounds ?? "").matchAll(/\[(-?\d+):/g)].map(([, bound]) => Number(bound));
  return {
    dimensions: lengths.map((length, i) => ({ length, lowerBound: lower[i] ?? 1 })),
    elements,
  };
}

function readElement(text: string, start: number, delimiter: string): { value: string | null; end: number } {
  if (text[start] !== '"') {
    let end = start;
    let value = "";
    for (; end < text.length && text[end] !== delimiter && text[end] !== "}"; end++) {
      if (text[end] === "\\") end += 1;
      value += text[end] ?? "";
    }
    if (end >= text.length) throw new SyntaxError("an array has no end");
    return { value: value === "NULL" ? null : value, end };
  }
  let value = "";
  let at = start + 1;
  for (; text[at] !== '"'; at++) {
    if (at >= text.length) throw new SyntaxError("an array's element has no end");
    if (text[at] === "\\") at += 1;
    value += text[at] ?? "";
  }
  return { value, end: at + 1 };
}
