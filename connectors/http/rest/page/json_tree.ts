import { search } from "jmespath";
import { AppError } from "../../../../contract/errors.ts";
import { JsonText, JsonTextFault, type PageRecord, type Piece } from "./json_walk.ts";

/** As deep as a page may be nested. */
const MOST_DEPTH = 1000;

/**
 * The records that an expression of JMESPath finds below the piece. What it finds is given as it was written; what it makes anew
 * has its numbers as they were written. Throws `invalid` where it finds nothing, or would have to change a number.
 */
export function selected(text: JsonText, root: Piece, query: string): readonly PageRecord[] {
  const tree = new JsonTree(text, root);
  if (tree.hasInexact && /\bto_string\s*\(/.test(query)) {
    throw new AppError(
      "invalid",
      "data_selector makes texts of numbers (to_string), and the page has some with more digits than that takes",
    );
  }
  let found: unknown;
  try {
    found = search(tree.value, query);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new AppError("invalid", `data_selector (${query}) fails: ${said}`, { cause: error });
  }
  if (Array.isArray(found)) return found.map((item: unknown) => tree.record(item));
  if (typeof found === "object" && found !== null) return [tree.record(found)];
  throw new AppError(
    "invalid",
    found === null
      ? `data_selector (${query}) finds nothing on the page; where that means that there are no records, add || \`[]\``
      : `data_selector (${query}) finds ${JSON.stringify(found)?.slice(0, 60)}, expected a list of records`,
  );
}

/** Values of a piece of JSON that know how they were written. */
class JsonTree {
  readonly value: unknown;
  readonly #text: JsonText;
  readonly #pieces = new Map<object, Piece>();
  /** How numbers are written, where they are more than JavaScript would write; null where several are that differ. */
  readonly #numbers = new Map<number, string | null>();
  /** There is a number that JavaScript has not. */
  hasInexact = false;

  constructor(text: JsonText, root: Piece) {
    this.#text = text;
    this.value = this.#valueOf(root, 1);
  }

  /** A value of the tree, or one that is made of such. Throws `invalid` for a number that nobody knows any more. */
  record(value: unknown): PageRecord {
    const piece = this.#pieceOf(value);
    if (piece !== undefined) return { text: this.#text, piece };
    const bytes = new TextEncoder().encode(this.#json(value));
    return { text: new JsonText(bytes), piece: { start: 0, end: bytes.length } };
  }

  #pieceOf(value: unknown): Piece | undefined {
    return typeof value === "object" && value !== null ? this.#pieces.get(value) : undefined;
  }

  #valueOf(piece: Piece, depth: number): unknown {
    const text = this.#text;
    if (depth > MOST_DEPTH) throw new AppError("invalid", `the page is nested more than ${MOST_DEPTH} deep`);
    const kind = text.kind(piece);
    if (kind === "array") {
      return this.#known(Array.from(text.items(piece), (item) => this.#valueOf(item, depth + 1)), piece);
    }
    if (kind === "object") {
      const members = new Map<string, unknown>();
      for (const [key, value] of text.members(piece)) {
        if (members.has(key)) {
          throw new JsonTextFault(`the key ${JSON.stringify(key)} is there twice`, value.start);
        }
        members.set(key, this.#valueOf(value, depth + 1));
      }
      return this.#known(Object.fromEntries(members), piece);
    }
    const value = text.value(piece);
    if (typeof value === "number") this.#learn(value, text.text(piece));
    return value;
  }

  #known<T extends object>(value: T, piece: Piece): T {
    this.#pieces.set(value, piece);
    return value;
  }

  #learn(value: number, written: string): void {
    const known = this.#numbers.get(value);
    if (decimalOf(written) !== decimalOf(String(value))) this.hasInexact = true;
    if (known === undefined) this.#numbers.set(value, written);
    else if (known !== null && known !== written && decimalOf(known) !== decimalOf(written)) {
      this.#numbers.set(value, null);
    }
  }

  #json(value: unknown): string {
    const piece = this.#pieceOf(value);
    if (piece !== undefined) return this.#text.text(piece);
    if (Array.isArray(value)) return `[${value.map((item: unknown) => this.#json(item)).join(",")}]`;
    if (typeof value === "number") return this.#number(value);
    if (typeof value === "object" && value !== null) {
      const members = Object.entries(value).map(([key, item]) =>
        `${JSON.stringify(key)}:${this.#json(item)}`
      );
      return `{${members.join(",")}}`;
    }
    return JSON.stringify(value) ?? "null";
  }

  #number(value: number): string {
    const written = this.#numbers.get(value);
    if (typeof written === "string") return written;
    if (written === undefined && Number.isFinite(value)) return JSON.stringify(value);
    throw new AppError(
      "invalid",
      `data_selector makes records of single numbers, and about ${value} there are several that differ in their last ` +
        "digits; select whole objects",
    );
  }
}

/** One text for each number, however it is written; a zero has no sign. */
function decimalOf(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const short = digits.replace(/0+$/, "");
  if (short === "") return whole === "" ? text : "0";
  return `${sign}${short}e${
    BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - short.length)
  }`;
}
