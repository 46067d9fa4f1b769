import { AppError } from "../../../contract/errors.ts";
import type { ApiDocument } from "./api_document.ts";
import { isObject, memberOf } from "./json_value.ts";

/** A chain of references is no longer than this. */
const MOST_HOPS = 50;

/** References within a document, each followed when what it leads to is asked for: a document written out may be endless. */
export class References {
  readonly #document: ApiDocument;
  readonly #missing = new Set<string>();

  constructor(document: ApiDocument) {
    this.#document = document;
  }

  /** References that led nowhere, or in a circle. */
  get missing(): readonly string[] {
    return [...this.#missing];
  }

  /** The value, or what it refers to; undefined where that is nothing. Throws `invalid` for a reference to another document. */
  resolve(value: unknown): unknown {
    let found = value;
    for (let hop = 0; hop < MOST_HOPS; hop++) {
      const reference = memberOf(found, "$ref");
      if (typeof reference !== "string") return found;
      found = this.#at(reference);
      if (found === undefined) break;
    }
    this.#missing.add(String(memberOf(value, "$ref")));
    return undefined;
  }

  #at(reference: string): unknown {
    if (!reference.startsWith("#")) {
      const { file } = this.#document;
      throw new AppError(
        "invalid",
        `Cannot read ${file}: it refers to another document (${JSON.stringify(reference.slice(0, 200))}), ` +
          "and no other is read; bundle them into one first, as `npx @redocly/cli bundle` does",
      );
    }
    let value: unknown = this.#document.root;
    const pointer = decoded(reference.slice(1));
    if (pointer === "") return value;
    for (const part of pointer.split("/").slice(1)) {
      const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
      value = Array.isArray(value) && /^\d{1,6}$/.test(key) ? value[Number(key)] : memberOf(value, key);
    }
    return isObject(value) || typeof value === "boolean" ? value : undefined;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
