import { AppError } from "../../../../contract/errors.ts";
import { selected } from "./json_tree.ts";
import type { JsonText, PageRecord, PathStep, Piece } from "./json_walk.ts";
import type { Selector } from "./selector.ts";

/** Where lists of records are, when a page has several lists. */
const USUAL = [
  "data",
  "items",
  "results",
  "records",
  "rows",
  "entries",
  "values",
  "value",
  "list",
  "objects",
];
const SHOWN_KEYS = 12;

/** Where the records of an endpoint's pages are: the same place on all of them. */
export class RecordFinder {
  readonly #given: Selector | undefined;
  #found: readonly PathStep[] | undefined;

  /** `selector` is what the user gives; without it the first page that has a list shows it. */
  constructor(selector: Selector | undefined) {
    this.#given = selector;
  }

  /** Whether the values of a page that has one a line are the records. */
  get areLines(): boolean {
    return this.#given === undefined;
  }

  /** Whether they are in one place of each page. */
  get isPlace(): boolean {
    return this.#given === undefined || "path" in this.#given;
  }

  /** Where they are, as far as that is known and is a place. */
  get path(): readonly PathStep[] | undefined {
    return this.#given === undefined ? this.#found : "path" in this.#given ? this.#given.path : undefined;
  }

  /** The records of the page. Throws `invalid` for a page that is not as those before, or does not show where they are. */
  records(text: JsonText, root: Piece): readonly PageRecord[] {
    if (this.#given !== undefined && "query" in this.#given) return selected(text, root, this.#given.query);
    const piece = this.place(text, root);
    if (text.isNull(piece)) return [];
    return text.kind(piece) === "array" ? itemsOf(text, piece) : [{ text, piece }];
  }

  /** Where the records are that no query selects: a list, one object, or null. Throws as records() does. */
  place(text: JsonText, root: Piece): Piece {
    const path = this.path ?? this.#choose(text, root);
    const piece = text.find(root, path);
    if (piece === undefined) throw this.#missing(text, root, path);
    const kind = text.kind(piece);
    if (kind === "array" || kind === "object" || text.isNull(piece)) return piece;
    throw new AppError(
      "invalid",
      `The page has ${text.text(piece).slice(0, 60)} at "${shown(path)}", expected a list of records`,
    );
  }

  /** The records of a page that is a value a line: each is one, or has them where the selector says. Throws as records() does. */
  recordsOfLines(text: JsonText, lines: Iterable<Piece>): readonly PageRecord[] {
    return Array.from(lines).flatMap((piece) =>
      this.#given === undefined ? [{ text, piece }] : this.records(text, piece)
    );
  }

  /**
   * The elements of a page of XML: none where the one around them has no such. Throws `invalid` where that is not there, and
   * as records() does.
   */
  elements(text: JsonText, root: Piece): readonly PageRecord[] {
    if (this.#given === undefined || "query" in this.#given) return this.records(text, root);
    const { path } = this.#given;
    const around = path.slice(0, -1);
    const piece = text.find(root, path);
    if (piece === undefined && text.find(root, around) === undefined) throw this.#missing(text, root, around);
    if (piece === undefined) return [];
    return text.kind(piece) === "array" ? itemsOf(text, piece) : [{ text, piece }];
  }

  #choose(text: JsonText, root: Piece): readonly PathStep[] {
    const path = choosePath(text, root);
    // An empty page says too little for those that follow.
    const piece = text.find(root, path);
    if (piece !== undefined && text.kind(piece) === "array") this.#found = path;
    return path;
  }

  #missing(text: JsonText, root: Piece, path: readonly PathStep[]): AppError {
    const keys = keysOf(text, root);
    const what = keys.length === 0
      ? text.text(root).slice(0, 60)
      : `the keys ${keys.slice(0, SHOWN_KEYS).join(", ")}`;
    const which = this.#given === undefined
      ? "as the pages before it had"
      : "set data_selector to where the records are";
    return new AppError("invalid", `The page has nothing at "${shown(path)}": it has ${what}; ${which}`);
  }
}

function choosePath(text: JsonText, root: Piece): readonly PathStep[] {
  if (text.kind(root) !== "object") return [];
  const lists: string[] = [];
  for (const [key, value] of text.members(root)) {
    if (text.kind(value) !== "array") continue;
    const [first] = text.items(value);
    if (first === undefined || text.kind(first) === "object") lists.push(key);
  }
  if (lists.length === 1) return lists;
  const usual = lists.filter((key) => USUAL.includes(key));
  if (usual.length === 1) return usual;
  if (lists.length === 0) return [];
  throw new AppError(
    "invalid",
    `The page has several lists (${lists.join(", ")}); set data_selector to the one with the records`,
  );
}

export function keysOf(text: JsonText, root: Piece): string[] {
  return Array.from(text.members(root), ([key]) => key);
}

const itemsOf = (text: JsonText, list: Piece): PageRecord[] =>
  text.items(list).map((piece) => ({ text, piece }));

const shown = (path: readonly PathStep[]): string => path.length === 0 ? "its root" : path.join(".");
