/** The first lines of a text; `left` is how many more it has. */
export function firstLines(
  text: string,
  most: number,
): { readonly shown: string; readonly left: number } {
  const lines = text.split("\n");
  const count = text.endsWith("\n") ? lines.length - 1 : lines.length;
  if (count <= most) return { shown: text, left: 0 };
  return { shown: `${lines.slice(0, most).join("\n")}\n`, left: count - most };
}
