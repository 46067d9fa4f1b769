import { plainName } from "./json_value.ts";
import type { RecordList } from "./record_list.ts";
import type { Schemas, SchemaView } from "./schemas.ts";

/** A value of a page beside its records, as `meta.next_cursor`. */
export interface PageField {
  readonly path: readonly string[];
  /** The last key, plain. */
  readonly name: string;
  /** The key above it, plain; empty at the top. */
  readonly above: string;
  readonly schema: SchemaView;
  /** Whether every page has it. */
  readonly isRequired: boolean;
  /** Whether the page's schema says of none that it is required, so that this one may be. */
  readonly mayBeRequired: boolean;
}

const MOST_DEPTH = 3;
const MOST_FIELDS = 500;

/** The values of a page that are no lists and stand in no list. */
export function pageFields({ page, path: listPath }: RecordList, schemas: Schemas): readonly PageField[] {
  const found: PageField[] = [];
  const visit = (view: SchemaView, path: readonly string[], isAboveRequired: boolean) => {
    for (const [key, schema] of view.properties) {
      if (found.length >= MOST_FIELDS) return;
      const inner = schemas.view(schema);
      const place = [...path, key];
      if (inner.types.has("array") || place.join("\0") === listPath.join("\0")) continue;
      if (inner.properties.size > 0) {
        if (place.length < MOST_DEPTH) visit(inner, place, isAboveRequired && view.required.has(key));
      } else {
        found.push({
          path: place,
          name: plainName(key),
          above: plainName(path.at(-1) ?? ""),
          schema: inner,
          isRequired: isAboveRequired && view.required.has(key),
          mayBeRequired: view.required.size === 0,
        });
      }
    }
  };
  visit(page, [], true);
  return found;
}

/** A way down through keys as endpoints write it: `meta.next_cursor`, `"@odata.nextLink"`. */
export const pathText = (path: readonly string[]): string =>
  path.map((key) => /^[A-Za-z_][\w-]*$/.test(key) ? key : JSON.stringify(key)).join(".");

export const mayBe = ({ types }: SchemaView, ...wanted: readonly string[]): boolean =>
  types.size === 0 || wanted.some((type) => types.has(type));

export const isNumber = (schema: SchemaView): boolean => mayBe(schema, "integer", "number");
