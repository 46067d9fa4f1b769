import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  visit,
  type YAMLMap,
} from "yaml";
import { boundFaults, type Fault, type SourcePlace } from "./fault.ts";

export type DocumentPath = readonly (string | number)[];

/** A user's YAML (or JSON, which is YAML too) with a way back from each value to its line. */
export interface YamlDocument {
  /** `undefined` where the text has faults or is empty. */
  readonly value: unknown;
  readonly faults: readonly Fault[];
  /**
   * Where the entry at the path stands: its key, or the item of a list. A path that leads further
   * than the document gives the place of the nearest entry above.
   */
  place(path: DocumentPath): SourcePlace;
  /** Where the entry's value stands. */
  valuePlace(path: DocumentPath): SourcePlace;
}

/** Enough for a YAML file with shared parts, too few for one that grows without end. */
const MAX_ALIASES = 100;

/** Written by hand, a larger one is a mistake; the parser takes seconds for a few megabytes. */
const MAX_LENGTH = 1_000_000;

/** Reads YAML 1.2 with merge keys. `file` is what the places name. Never throws. */
export function parseYamlDocument(text: string, file: string): YamlDocument {
  if (text.length > MAX_LENGTH) return tooLarge(text, file);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    uniqueKeys: false,
  });
  const at = (offset: number): SourcePlace => {
    const { line, col } = lines.linePos(offset);
    return line === 0 ? { file, line: 1, column: 1 } : { file, line, column: col };
  };
  const faults: Fault[] = [];
  for (const error of [...document.errors, ...document.warnings]) {
    faults.push({ ...at(error.pos[0]), message: yamlMessage(error.code, error.message), severity: "error" });
  }
  const fail = (node: Node | undefined, message: string) =>
    faults.push({ ...at(node?.range?.[0] ?? 0), message, severity: "error" });

  visit(document, {
    // Here and not by the parser, which compares each key of a map with all before it.
    Map(_key, node) {
      for (const key of repeatedKeys(node)) fail(key, "this key stands here twice");
    },
    // `null:`, `true:` and `2013:` are keys like others.
    Pair(_key, { key }) {
      if (isScalar(key) && typeof key.value !== "string" && key.source) key.value = key.source;
    },
    Alias(_key, node) {
      if (node.resolve(document) === undefined) fail(node, `there is no anchor &${node.source} before this`);
    },
    Scalar(_key, node) {
      if (typeof node.value === "number" && /^[-+]?\d+$/.test(node.source ?? "")) {
        if (!Number.isSafeInteger(node.value)) fail(node, `${node.source} is too large: write it in quotes`);
      } else if (typeof node.value === "number" && !keepsDigits(node.source ?? "", node.value)) {
        fail(node, `${node.source} has more digits than a number keeps: write it in quotes`);
      }
    },
  });
  if (document.contents === null) {
    fail(undefined, "the file is empty");
  } else if (isScalar(document.contents) && document.contents.value === null && faults.length === 0) {
    fail(undefined, "the file is empty");
  }

  const place = (path: DocumentPath, part: "key" | "value"): SourcePlace => {
    let node: unknown = document.contents;
    let offset = offsetOf(node) ?? 0;
    for (const [index, segment] of path.entries()) {
      if (isAlias(node)) node = node.resolve(document);
      const found = step(node, segment);
      if (found === undefined) break;
      node = found.value;
      const isLast = index === path.length - 1;
      const wanted = isLast && part === "value" ? offsetOf(found.value) : undefined;
      offset = wanted ?? offsetOf(found.key) ?? offset;
    }
    return at(offset);
  };

  return {
    value: faults.length === 0
      ? toValue(() => document.toJS({ maxAliasCount: MAX_ALIASES }), fail)
      : undefined,
    faults: boundFaults(faults, (message, severity) => ({ file, line: 1, column: 1, message, severity })),
    place: (path) => place(path, "key"),
    valuePlace: (path) => place(path, "value"),
  };
}

/** Whether a number with a fraction is still the same as it was written; fifteen digits always are. */
function keepsDigits(source: string, value: number): boolean {
  if (!/^[-+]?\d*\.\d+$/.test(source)) return true;
  const digits = (text: string) => text.replace(/^[-+]?0*|\.|0*$/g, "").replace(/^0+/, "");
  return digits(source).length <= 15 || digits(source) === digits(String(value));
}

function tooLarge(text: string, file: string): YamlDocument {
  const place = { file, line: 1, column: 1 };
  const message = `is ${(text.length / 1_000_000).toFixed(1)} MB large: the limit is 1 MB`;
  return {
    value: undefined,
    faults: [{ ...place, message, severity: "error" }],
    place: () => place,
    valuePlace: () => place,
  };
}

/** The keys of a map that stand there before, as they are read: `1` and `"1"` are one. */
function repeatedKeys(map: YAMLMap): Scalar[] {
  const seen = new Set<string>();
  return map.items.flatMap(({ key }) => {
    // Several merges are allowed.
    if (!isScalar(key) || key.value === "<<" || typeof key.value === "symbol") return [];
    const name = typeof key.value === "string" ? key.value : key.source ?? String(key.value);
    if (seen.has(name)) return [key];
    seen.add(name);
    return [];
  });
}

/** The one thing that can fail after a clean parse is a nest of aliases. */
function toValue(convert: () => unknown, fail: (node: undefined, message: string) => void): unknown {
  try {
    return convert();
  } catch (error) {
    fail(undefined, `cannot resolve the aliases: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

function step(node: unknown, segment: string | number): { key: unknown; value: unknown } | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(segment));
    return pair === undefined ? undefined : { key: pair.key, value: pair.value };
  }
  if (isSeq(node)) {
    const item = node.items[Number(segment)];
    return item === undefined ? undefined : { key: item, value: item };
  }
  return undefined;
}

/** An empty value has a node without a source: its key's place says more. */
function offsetOf(node: unknown): number | undefined {
  if (!isNode(node) || node.range === undefined || node.range === null) return undefined;
  if (isScalar(node) && node.value === null && node.range[0] === node.range[1]) return undefined;
  return node.range[0];
}

/** The parser's words, where they can be said more plainly. */
function yamlMessage(code: string, message: string): string {
  switch (code) {
    case "TAB_AS_INDENT":
      return "a tab cannot indent YAML: use spaces";
    case "MULTIPLE_DOCS":
      return "one document a file: there is a second one after ---";
    case "BLOCK_AS_IMPLICIT_KEY":
      if (!message.startsWith("Nested mappings")) break;
      return 'a colon in a text makes a key of it: write the text in double quotes, as "orders: paid"';
  }
  const text = message.replace(/\s+/g, " ").trim();
  return /between flow (?:map|sequence) items/.test(text)
    ? `not valid YAML: ${text}; a text with a quote, bracket or colon in it stands in double quotes`
    : `not valid YAML: ${text}`;
}
