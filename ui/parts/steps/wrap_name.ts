/**
 * A step's name in lines of at most `limit` characters, broken behind `_`, `.`, `-`, `/` and `→` where it can
 * be. The lines joined are the name.
 */
export function wrapName(name: string, limit: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const part of name.split(/(?<=[_.→/-])/)) {
    if (line !== "" && lengthOf(line) + lengthOf(part) > limit) {
      lines.push(line);
      line = "";
    }
    line += part;
    while (lengthOf(line) > limit) {
      const points = [...line];
      lines.push(points.slice(0, limit).join(""));
      line = points.slice(limit).join("");
    }
  }
  return line === "" && lines.length > 0 ? lines : [...lines, line];
}

const lengthOf = (text: string): number => [...text].length;
