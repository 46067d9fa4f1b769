import { isSameName } from "../../../contract/sql.ts";
import type { CompletionItem, TextDocument } from "../protocol.ts";
import { descriptionAt, keysAt, valuesAt } from "./schema_walk.ts";
import { namesFor, type YamlView } from "./yaml_file.ts";
import { keyReference, valueReference } from "./yaml_references.ts";
import { type YamlPlace, yamlPlace } from "./yaml_place.ts";

const KIND = { key: 10, value: 12, name: 18 } as const;

/** What may be written at a place; offsets are of the document, and `base` is where the YAML begins in it. */
export function completeYaml(
  view: YamlView,
  document: TextDocument,
  { text, base, offset }: { readonly text: string; readonly base: number; readonly offset: number },
): CompletionItem[] {
  const place = yamlPlace(text, offset - base);
  if (place === undefined) return [];
  const quote = /^["']/.exec(place.written)?.[0] ?? "";
  const range = {
    start: document.positionAt(base + place.start + quote.length),
    end: document.positionAt(offset),
  };
  const items = place.kind === "key"
    ? keyItems(view, place)
    : [...valueItems(view, place.path), ...(place.kind === "item" ? keyItems(view, place) : [])];
  return items.map(({ insertText, label, ...item }) => ({
    ...item,
    label,
    textEdit: { range, newText: insertText ?? label },
  }));
}

function keyItems(view: YamlView, { path, siblings }: YamlPlace): CompletionItem[] {
  const known = keysAt(view.schema, path).filter(({ name }) =>
    !siblings.includes(name) && name !== "$schema"
  );
  const keys = known.map(({ name, description, isNested, isRequired }): CompletionItem => ({
    label: name,
    kind: KIND.key,
    insertText: isNested ? `${name}:` : `${name}: `,
    sortText: `${isRequired ? "0" : "1"}${name}`,
    ...(isRequired ? { detail: "required" } : {}),
    ...(description === undefined ? {} : { documentation: description }),
  }));
  const reference = keyReference(view.kind, path);
  if (reference === undefined) return keys;
  const names = namesFor(view, reference, path).filter(({ name }) => !siblings.includes(name));
  return [
    ...names.map(({ name, detail }) => ({ label: name, kind: KIND.name, detail, insertText: `${name}:` })),
    ...keys,
  ];
}

function valueItems(view: YamlView, path: readonly (string | number)[]): CompletionItem[] {
  const reference = valueReference(view.kind, path);
  const names = reference === undefined ? [] : namesFor(view, reference, path);
  return [
    ...names.map(({ name, detail }) => ({ label: name, kind: KIND.name, detail })),
    ...valuesAt(view.schema, path).map(({ text }) => ({ label: text, kind: KIND.value })),
  ];
}

/** The word at an offset of YAML, and where it is: what follows it does not count. */
function wordPlace(
  text: string,
  offset: number,
): { readonly place: YamlPlace; readonly word: string; readonly end: number } | undefined {
  const after = /^[\p{L}\p{N}_./${}:-]*/u.exec(text.slice(offset))?.[0] ?? "";
  const end = offset + after.replace(/:.*$/, "").length;
  const place = yamlPlace(text, end);
  if (place === undefined || place.start > offset) return undefined;
  const word = place.written.replace(/^["']|["']$/g, "").trim();
  return word === "" ? undefined : { place, word, end };
}

/** What the schema says of the key or the value at an offset, as Markdown. */
export function hoverYaml(view: YamlView, text: string, offset: number): string | undefined {
  const found = wordPlace(text, offset);
  if (found === undefined) return undefined;
  const { place: { kind, path }, word } = found;
  if (kind !== "key") {
    const reference = valueReference(view.kind, path);
    const named = reference === undefined
      ? undefined
      : namesFor(view, reference, path).find(({ name }) => isSameName(name, word));
    if (named !== undefined) return `**${named.name}**: ${named.detail}`;
    return descriptionAt(view.schema, path);
  }
  const whole = [...path, word];
  const values = valuesAt(view.schema, whole).map(({ text: value }) => `\`${value}\``);
  const reference = keyReference(view.kind, path);
  const column = reference === "column"
    ? namesFor(view, reference, path).find(({ name }) => isSameName(name, word))
    : undefined;
  const parts = [
    column === undefined ? undefined : `\`\`\`sql\n${column.name} ${column.detail}\n\`\`\``,
    descriptionAt(view.schema, whole),
    values.length === 0 || values.length > 30 ? undefined : `One of ${values.join(", ")}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join("\n\n");
}

/** A key of a file with all that is below it. */
export interface YamlSymbol {
  readonly name: string;
  readonly line: number;
  readonly endLine: number;
  readonly column: number;
  readonly children: YamlSymbol[];
}

const KEY_LINE = /^( *)(?:- +)?((?:"[^"]*"|'[^']*'|[^\s#:{}[\]"'-][^:#]*?))\s*:(?:\s|$)/;
const SYMBOL_LEVELS = 3;

/** The keys of a text, three levels deep. */
export function yamlSymbols(text: string): YamlSymbol[] {
  const root: YamlSymbol[] = [];
  const open: { readonly indent: number; readonly symbol: YamlSymbol & { endLine: number } }[] = [];
  for (const [line, content] of text.split(/\r\n|\n|\r/).entries()) {
    if (content.trim() === "" || content.trimStart().startsWith("#")) continue;
    const indent = /^ */.exec(content)?.[0].length ?? 0;
    while ((open.at(-1)?.indent ?? -1) >= indent) open.pop();
    for (const { symbol } of open) symbol.endLine = line;
    const key = KEY_LINE.exec(content);
    if (key === null || open.length >= SYMBOL_LEVELS) continue;
    const name = (key[2] ?? "").replace(/^(["'])(.*)\1$/, "$2");
    const symbol = { name, line, endLine: line, column: content.indexOf(key[2] ?? ""), children: [] };
    (open.at(-1)?.symbol.children ?? root).push(symbol);
    open.push({ indent, symbol });
  }
  return root;
}
