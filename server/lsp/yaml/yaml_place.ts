/**
 * Where a place of YAML is, by the lines before it alone: what is being written can seldom be parsed. Block style and flow style as
 * people write them; anchors, tags and keys of several lines are not known.
 */
export interface YamlPlace {
  /** Of the map, list or value that the place is in, as `["extract", "orders"]`. */
  readonly path: readonly (string | number)[];
  /** `item`: a value in a list, or the first key of a map there. */
  readonly kind: "key" | "value" | "item";
  /** What is written of it before the place, and where that begins: UTF-16 offsets. */
  readonly written: string;
  readonly start: number;
  /** Keys that stand in the same map before it. */
  readonly siblings: readonly string[];
}

interface Level {
  readonly indent: number;
  readonly segment: string | number;
  /** Keys that were seen directly below. */
  readonly keys: string[];
}

interface Flow {
  readonly kind: "map" | "list";
  index: number;
  key: string | undefined;
  readonly keys: string[];
}

const KEY =
  /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'|([^\s#{}[\],&*!|>'"%@`-][^:#]*?|-[^\s:][^:#]*?))\s*:(?=\s|$)/;

/** `offset` in UTF-16 units. Undefined in a comment. */
export function yamlPlace(text: string, offset: number): YamlPlace | undefined {
  return new PlaceReader(text, offset).read();
}

class PlaceReader {
  readonly #text: string;
  readonly #offset: number;
  readonly #root: Level = { indent: -1, segment: "", keys: [] };
  #levels: Level[] = [];
  #flow: Flow[] = [];
  /** Lines of a text that is written over several. */
  #literalIndent: number | undefined;

  constructor(text: string, offset: number) {
    this.#text = text;
    this.#offset = Math.min(Math.max(0, offset), text.length);
  }

  read(): YamlPlace | undefined {
    let start = 0;
    for (;;) {
      const next = /\r\n|\n|\r/.exec(this.#text.slice(start));
      const end = next === null ? this.#text.length : start + next.index;
      const isLast = this.#offset <= end;
      const place = this.#line(this.#text.slice(start, isLast ? this.#offset : end), start, isLast);
      if (isLast) return place;
      start = end + (next?.[0].length ?? 0);
    }
  }

  #line(line: string, start: number, isLast: boolean): YamlPlace | undefined {
    if (this.#flow.length > 0) return this.#inFlow(line, start, isLast);
    const indent = /^ */.exec(line)?.[0].length ?? 0;
    const rest = line.slice(indent);
    if (this.#literalIndent !== undefined) {
      if (rest === "" || indent > this.#literalIndent) return undefined;
      this.#literalIndent = undefined;
    }
    if (rest === "") return isLast ? this.#keyPlace("", indent, start + indent) : undefined;
    if (rest.startsWith("#")) return undefined;
    return this.#entry(rest, indent, start + indent, isLast);
  }

  #entry(rest: string, indent: number, start: number, isLast: boolean): YamlPlace | undefined {
    const dash = /^-(?: +|$)/.exec(rest)?.[0];
    if (dash !== undefined && (dash.length > 1 || !isLast)) {
      this.#popTo(indent, true);
      const list = this.#levels.at(-1) ?? this.#root;
      const index = list.keys.length;
      list.keys.push(String(index));
      this.#levels.push({ indent, segment: index, keys: [] });
      const inner = rest.slice(dash.length);
      if (inner === "" && !isLast) return undefined;
      return this.#entry(inner, indent + dash.length, start + dash.length, isLast) ??
        (isLast && inner === "" ? this.#itemPlace("", start + dash.length) : undefined);
    }
    const key = KEY.exec(rest);
    if (key === null) {
      if (/^[{[]/.test(rest)) return this.#inFlow(rest, start, isLast);
      if (!isLast || /(?:^|\s)#/.test(rest)) return undefined;
      const isItem = typeof this.#levels.at(-1)?.segment === "number" &&
        (this.#levels.at(-1)?.indent ?? 0) < indent &&
        this.#levels.at(-1)?.keys.length === 0;
      return isItem ? this.#itemPlace(rest, start) : this.#keyPlace(rest, indent, start);
    }
    const name = key[1] ?? key[2] ?? key[3] ?? "";
    this.#popTo(indent, false);
    (this.#levels.at(-1) ?? this.#root).keys.push(name);
    this.#levels.push({ indent, segment: name, keys: [] });
    const after = rest.slice(key[0].length);
    const value = after.trimStart();
    const valueStart = start + rest.length - value.length;
    if (/^[|>]/.test(value)) this.#literalIndent = indent;
    else if (/^[{[]/.test(value)) return this.#inFlow(value, valueStart, isLast);
    if (!isLast || after === "" || /(?:^|\s)#/.test(value)) return undefined;
    return { path: this.#path(), kind: "value", written: value, start: valueStart, siblings: [] };
  }

  /** Items of a list may stand as far left as the key that has it. */
  #popTo(indent: number, isItem: boolean): void {
    while (true) {
      const top = this.#levels.at(-1);
      if (top === undefined || top.indent < indent) return;
      if (isItem && top.indent === indent && typeof top.segment === "string") return;
      this.#levels.pop();
    }
  }

  #keyPlace(written: string, indent: number, start: number): YamlPlace {
    this.#popTo(indent, false);
    const top = this.#levels.at(-1) ?? this.#root;
    return { path: this.#path(), kind: "key", written, start, siblings: top.keys };
  }

  #itemPlace(written: string, start: number): YamlPlace {
    return { path: this.#path(), kind: "item", written, start, siblings: [] };
  }

  #path(): (string | number)[] {
    return this.#levels.map(({ segment }) => segment);
  }

  #inFlow(text: string, start: number, isLast: boolean): YamlPlace | undefined {
    let from = 0;
    for (let at = 0; at < text.length; at += 1) {
      const sign = text[at] ?? "";
      if (sign === "#" && /\s/.test(text[at - 1] ?? " ")) return undefined;
      if (sign === '"' || sign === "'") {
        const close = text.indexOf(sign, at + 1);
        if (close === -1) break;
        at = close;
        continue;
      }
      const top = this.#flow.at(-1);
      if (sign === "{" || sign === "[") {
        this.#flow.push({ kind: sign === "{" ? "map" : "list", index: 0, key: undefined, keys: [] });
        from = at + 1;
      } else if (sign === "}" || sign === "]") {
        this.#flow.pop();
        from = at + 1;
        if (this.#flow.length === 0) return undefined;
      } else if (sign === "," && top !== undefined) {
        top.index += 1;
        top.key = undefined;
        from = at + 1;
      } else if (
        sign === ":" && top?.kind === "map" && top.key === undefined && /\s|^$/.test(text[at + 1] ?? "")
      ) {
        top.key = text.slice(from, at).trim().replace(/^(["'])(.*)\1$/, "$2");
        top.keys.push(top.key);
        from = at + 1;
      }
    }
    const top = this.#flow.at(-1);
    if (!isLast || top === undefined) return undefined;
    const written = text.slice(from).trimStart();
    const inner = this.#flow.slice(0, -1).map(({ kind, index, key }) => kind === "map" ? key ?? "" : index);
    const path = [...this.#path(), ...inner];
    const base = { written, start: start + text.length - written.length };
    if (top.kind === "list") return { ...base, path: [...path, top.index], kind: "item", siblings: [] };
    if (top.key === undefined) return { ...base, path, kind: "key", siblings: top.keys };
    return { ...base, path: [...path, top.key], kind: "value", siblings: [] };
  }
}
