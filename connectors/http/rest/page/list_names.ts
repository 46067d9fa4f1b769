import { Buffer } from "node:buffer";
import { AppError } from "../../../../contract/errors.ts";
import { JsonText, type PageRecord } from "./json_walk.ts";

/** Names of the values of records that are lists: given, or in the first of them. */
export type ListNamesOption = "first" | readonly string[];

/** Makes objects of the lists of one reading; `"id":7` of the first value under the first name. */
export class ListNames {
  #names: readonly string[] | undefined;

  constructor(option: ListNamesOption) {
    this.#names = option === "first" ? undefined : option;
  }

  /**
   * The record as an object whose values are as they were written; undefined for the one with the names, and for an empty list.
   * A value beyond the names is `column_5`. Throws `invalid` for a record that is no list.
   */
  named({ text, piece }: PageRecord): PageRecord | undefined {
    if (text.kind(piece) !== "array") {
      const found = text.text(piece).slice(0, 60);
      throw new AppError("invalid", `list_names is for records that are lists, and one is ${found}`);
    }
    const items = text.items(piece);
    if (items.length === 0) return undefined;
    if (this.#names === undefined) {
      this.#names = columnNames(items.map((item) => text.value(item)));
      return undefined;
    }
    const parts = items.flatMap((item, at) => [
      Buffer.from(`${at === 0 ? "{" : ","}${JSON.stringify(this.#names?.[at] ?? `column_${at + 1}`)}:`),
      text.bytes.subarray(item.start, item.end),
    ]);
    const bytes = Buffer.concat([...parts, Buffer.from("}")]);
    return { text: new JsonText(bytes), piece: { start: 0, end: bytes.length } };
  }
}

/** Each once, whatever the case: what has none is `column_3`, and the second `id` is `id_1`. */
function columnNames(values: readonly unknown[]): string[] {
  const taken = new Set<string>();
  return values.map((value, at) => {
    if (typeof value === "object" && value !== null) {
      throw new AppError("invalid", `list_names: first: the first record has no names in it`);
    }
    const text = String(value ?? "").trim() || `column_${at + 1}`;
    let name = text;
    for (let count = 1; taken.has(name.toLowerCase()); count++) name = `${text}_${count}`;
    taken.add(name.toLowerCase());
    return name;
  });
}
