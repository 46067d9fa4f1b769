import type { RevisionFile } from "../../../contract/revision.ts";
import { nameKey } from "../../../contract/sql.ts";
import type { Macro, MacroStatement } from "./parse_macros.ts";

/** What stands before a parenthesis, comments and all: more than what is called, and nothing less. */
const CALLED = /"((?:[^"]|"")+)"\s*\(|([\p{L}_][\p{L}\p{N}_$]*)\s*\(/gu;

/**
 * The macros that the texts may call, directly or through others. Texts are looked through as they are,
 * headers and comments too: it is for DuckDB's parse tree to say what is really called.
 */
export function macrosCalledIn(texts: readonly string[], macros: readonly Macro[]): Macro[] {
  if (macros.length === 0) return [];
  // Twins are a fault of all that call one of them.
  const byName = Map.groupBy(macros, ({ name }) => nameKey(name));
  const found = new Set<Macro>();
  const look = (text: string) => {
    for (const [, quoted, word = ""] of text.matchAll(CALLED)) {
      for (const macro of byName.get(nameKey(quoted?.replaceAll('""', '"') ?? word)) ?? []) {
        if (found.has(macro)) continue;
        found.add(macro);
        look(macro.text.slice(macro.start, macro.end));
      }
    }
  };
  for (const text of texts) look(text);
  return macros.filter((macro) => found.has(macro));
}

/**
 * A file of macros with the statements that are used, each on its line; of the others only the line breaks stay, so
 * that a change of theirs is no change of this.
 */
export function keptStatements(
  { path, content }: RevisionFile,
  statements: readonly MacroStatement[],
  used: ReadonlySet<Macro>,
): RevisionFile {
  let kept = "";
  let end = 0;
  for (const { macro, from, to } of statements) {
    if (!used.has(macro)) continue;
    const left = content.slice(end, from);
    const lastLine = Math.max(left.lastIndexOf("\n"), left.lastIndexOf("\r")) + 1;
    kept += left.replace(/[^\r\n]/g, "") + " ".repeat(left.length - lastLine) + content.slice(from, to);
    end = to;
  }
  return { path, content: `${kept.trimEnd()}\n` };
}
