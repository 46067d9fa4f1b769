import { isMap, isScalar, isSeq, parseDocument, type Scalar } from "yaml";
import type { DocumentPath } from "./yaml_document.ts";

/** One key or value of a YAML text that is no map and no list. */
export interface YamlScalar {
  /** Of the value; of a key, of the map that it is in. */
  readonly path: DocumentPath;
  readonly isKey: boolean;
  readonly value: string;
  /** What is written, without quotes and signs before it: UTF-16 offsets. */
  readonly start: number;
  readonly end: number;
  /** Whether what is written is the value, letter by letter. */
  readonly isPlain: boolean;
}

/** All that YAML names, in the order of the text, as far as it can be parsed. Aliases and merged keys stand for themselves. */
export function yamlScalars(text: string): YamlScalar[] {
  const found: YamlScalar[] = [];
  const { contents } = parseDocument(text, { prettyErrors: false, uniqueKeys: false });
  const visit = (node: unknown, path: DocumentPath): void => {
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        if (!isScalar(key)) continue;
        const scalar = scalarOf(text, key, path, true);
        if (scalar === undefined) continue;
        found.push(scalar);
        visit(value, [...path, scalar.value]);
      }
    } else if (isSeq(node)) {
      for (const [index, item] of node.items.entries()) visit(item, [...path, index]);
    } else if (isScalar(node)) {
      const scalar = scalarOf(text, node, path, false);
      if (scalar !== undefined) found.push(scalar);
    }
  };
  visit(contents, []);
  return found;
}

function scalarOf(text: string, node: Scalar, path: DocumentPath, isKey: boolean): YamlScalar | undefined {
  if (node.range === undefined || node.range === null) return undefined;
  const [from, to] = node.range;
  if (from === to) return undefined;
  const value = typeof node.value === "string" ? node.value : node.source ?? String(node.value);
  let [start, end] = [from, to];
  if (/^["']/.test(text.slice(from, to))) [start, end] = [from + 1, to - 1];
  else if (/^[|>]/.test(text.slice(from, to))) {
    const line = text.indexOf("\n", from);
    start = line === -1 || line >= to ? to : line + 1;
  }
  return { path, isKey, value, start, end, isPlain: text.slice(start, end) === value };
}
