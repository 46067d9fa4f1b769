import type { DocumentSymbol, TextDocument } from "./protocol.ts";
import { symbolsOf } from "./sql/define_sql.ts";
import type { SqlView } from "./sql/sql_view.ts";
import { type YamlSymbol, yamlSymbols } from "./yaml/edit_yaml.ts";

/** The kinds of the protocol. */
const SYMBOL_KIND = { cte: 5, column: 8, macro: 12, key: 20 } as const;

/** What a file of SQL has in it. */
export function sqlSymbols(view: SqlView, document: TextDocument): DocumentSymbol[] {
  const rangeOf = (start: number, end: number) => ({
    start: document.positionAt(start),
    end: document.positionAt(end),
  });
  return symbolsOf(view).map(({ name, kind, start, end, nameStart, nameEnd }) => ({
    name,
    kind: SYMBOL_KIND[kind],
    range: rangeOf(start, end),
    selectionRange: rangeOf(nameStart, nameEnd),
  }));
}

/** Editors take it for the end of the line. */
const END_OF_LINE = 100_000;

/** The keys of a file of YAML. */
export const yamlFileSymbols = (text: string): DocumentSymbol[] =>
  yamlSymbols(text).map((symbol) => yamlSymbol(symbol));

function yamlSymbol({ name, line, endLine, column, children }: YamlSymbol): DocumentSymbol {
  const start = { line, character: column };
  return {
    name,
    kind: SYMBOL_KIND.key,
    range: { start, end: { line: endLine, character: END_OF_LINE } },
    selectionRange: { start, end: { line, character: column + name.length } },
    children: children.map((child) => yamlSymbol(child)),
  };
}
