import { readBytes } from "../compression.ts";
import type { FileSet } from "../file_set.ts";

/**
 * DuckDB takes a JSON column with positive and negative integers for HUGEINT. These are the keys of
 * the records whose every value, in all files, is an integer of 64 bits: they can be BIGINT.
 */
export async function bigintKeys(set: FileSet, signal: AbortSignal): Promise<string[]> {
  if (!await hasNegative(set, signal)) return [];
  const keys = new IntegerKeys();
  for await (const text of recordTexts(set, signal)) {
    const isRead = keys.add(text);
    // Not one record a line, or broken: DuckDB says so better.
    if (!isRead) return [];
  }
  return keys.names();
}

const NEGATIVE = /:\s*-\d/;
const OVERLAP = 16;

async function hasNegative(set: FileSet, signal: AbortSignal): Promise<boolean> {
  for await (const [text, before] of texts(set, signal)) {
    if (NEGATIVE.test(before.slice(-OVERLAP) + text)) return true;
  }
  return false;
}

/** The text of each file in pieces, each with the piece before it; an empty piece ends a file. */
async function* texts(set: FileSet, signal: AbortSignal): AsyncIterable<[text: string, before: string]> {
  for (const [index, file] of set.files.entries()) {
    const decoder = new TextDecoder();
    let before = "";
    for await (const bytes of readBytes(file, set.compressions[index] ?? "none", signal)) {
      const text = decoder.decode(bytes, { stream: true });
      yield [text, before];
      before = text;
    }
    yield ["", before];
  }
}

/** Lines of NDJSON; of JSON the whole file, for as long as it fits in a string that is worth parsing. */
async function* recordTexts(set: FileSet, signal: AbortSignal): AsyncIterable<string> {
  const isLines = set.format === "ndjson";
  let rest = "";
  for await (const [text] of texts(set, signal)) {
    rest += text;
    if (text === "") {
      if (rest.trim() !== "") yield rest;
      rest = "";
    } else if (isLines) {
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.trim() !== "") yield line;
    } else if (rest.length > MAX_JSON_CHARACTERS) {
      // Broken on purpose: DuckDB's own type stays.
      yield "";
      return;
    }
  }
}

const MAX_JSON_CHARACTERS = 128 * 1024 * 1024;
/** Well inside of 64 bits, as a double has it. */
const MAX_INTEGER = 9_223_372_036_854_770_000;
const NOT_INTEGER = /"((?:[^"\\]|\\.)*)"\s*:\s*-?\d+(?:\.\d|[eE.])/g;

class IntegerKeys {
  readonly #isInteger = new Map<string, boolean>();

  /** False where the text is not JSON. */
  add(text: string): boolean {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return false;
    }
    for (const record of Array.isArray(value) ? value : [value]) {
      if (typeof record !== "object" || record === null) return false;
      for (const [key, member] of Object.entries(record)) this.#observe(key, member);
    }
    // 1.0 is a double, whatever the parser made of it.
    for (const [, key] of text.matchAll(NOT_INTEGER)) if (key !== undefined) this.#isInteger.set(key, false);
    return true;
  }

  #observe(key: string, value: unknown): void {
    if (value === null || this.#isInteger.get(key) === false) return;
    this.#isInteger.set(
      key,
      typeof value === "number" && Number.isInteger(value) && Math.abs(value) < MAX_INTEGER,
    );
  }

  names(): string[] {
    return [...this.#isInteger].filter(([, isInteger]) => isInteger).map(([name]) => name);
  }
}
