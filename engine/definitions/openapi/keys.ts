import { isObject, type JsonObject, listOf, plainName, textOf } from "./json_value.ts";
import type { Operation, Parameter } from "./operations.ts";
import { mayBe } from "./page_fields.ts";
import type { Schemas, SchemaView } from "./schemas.ts";

/** Of an item's schema, or `true` on its properties. */
const KEY_EXTENSIONS = ["x-primary-key", "x-primarykey", "x-key", "x-pk"];
/** What identifies a record wherever it is there. */
const USUAL_KEYS = ["id", "_id", "uuid", "guid", "gid", "sid"];

/** The columns that identify a record; undefined where nothing tells. Several only where the document says so. */
export function readPrimaryKey(
  item: SchemaView,
  singular: string,
  schemas: Schemas,
): readonly string[] | undefined {
  const told = toldKey(item, schemas);
  if (told !== undefined) return told;
  const names = [...item.properties.keys()];
  for (const wanted of [...USUAL_KEYS, `${singular}id`, `${singular}uuid`]) {
    const name = names.find((
      one,
    ) => (wanted === "_id" ? one === "_id" : plainName(one) === wanted && one !== "_id"));
    if (name === undefined) continue;
    const schema = schemas.property(item, name);
    if (mayBe(schema, "string", "integer", "number") && !schema.types.has("object")) return [name];
  }
  return undefined;
}

function toldKey(item: SchemaView, schemas: Schemas): readonly string[] | undefined {
  const extension = (view: SchemaView) =>
    [...view.extensions].find(([key]) => KEY_EXTENSIONS.includes(key.toLowerCase()))?.[1];
  const whole = extension(item);
  const named = (typeof whole === "string" ? [whole] : listOf(whole)).map(String);
  if (named.length > 0 && named.every((name) => item.properties.has(name))) return named;
  const marked = [...item.properties].filter(([, schema]) => {
    const value = extension(schemas.view(schema));
    return value === true || isObject(value);
  });
  return marked.length === 0 ? undefined : marked.map(([name]) => name);
}

/** How what changed since the last run is asked for. */
export interface Changes {
  readonly updateKey: string;
  readonly incremental: JsonObject;
  /** Parameters that are its own. */
  readonly taken: ReadonlySet<string>;
}

const VERB = "(?:last)?(?:updated|modified|changed)";
const SINCE_PARAM = new RegExp(
  `^(?:since|${VERB}(?:at|on|date|time|datetime)?(?:since|after|from|min|gte?|start)|(?:min|from|start|since|after)${VERB}(?:at|on|date|time)?|(?:update|modif)(?:y|ied|ication)?(?:date|time)?(?:since|after|from|min|gte?)|if_?modified_?since)$`,
);
const CHANGED_FIELD = new RegExp(
  `^(?:${VERB}(?:at|on|date|time|datetime|timestamp|atutc)?|(?:date|time)${VERB}|(?:updated?|modified|modification|lastupdate|lastchange)(?:at|on|date|time|timestamp)?)$`,
);

/**
 * The parameter that asks for what changed since, with the column that says when: a time. A reason where there is such a
 * parameter, and no such column.
 */
export function readChanges(
  operation: Operation,
  item: SchemaView,
  schemas: Schemas,
): Changes | { readonly reason: string } | undefined {
  const query = operation.parameters.filter(({ place }) => place === "query");
  const param = query.find((one) => SINCE_PARAM.test(sinceName(one.name)) && isOfChanges(one));
  if (param === undefined) return undefined;
  for (const [name, schema] of item.properties) {
    if (!CHANGED_FIELD.test(plainName(name))) continue;
    const format = formatOf(param, schemas.view(schema));
    if (format === undefined) continue;
    return {
      updateKey: name,
      incremental: {
        start_param: param.name,
        ...(param.isRequired ? { initial_value: FIRST[format] } : {}),
        ...(format === "datetime" ? {} : { format }),
      },
      taken: new Set([param.name]),
    };
  }
  return {
    reason:
      `${param.name} may ask for what changed, and no column that is a time shows when that was: mode full`,
  };
}

/** `filter[updated_since]` and `updated[gte]` as `updatedsince` and `updatedgte`. */
const sinceName = (name: string): string =>
  plainName(name).replace(/^(?:filter|query|where|q)\[/, "").replace(/[[\]._]/g, "");

/** A plain `since` may as well be an id, or of when something was made: another word has to say that it is of changes. */
function isOfChanges({ name, schema, description }: Parameter): boolean {
  if (sinceName(name) !== "since") return true;
  if (/\bcreat/i.test(description) && !/updat|modif|chang/i.test(description)) return false;
  if (/\bids?\b/i.test(description)) return false;
  return /^date/.test(schema.format ?? "") ||
    /\b(?:time|date|timestamp|updated|modified|changed)/i.test(description);
}

type Format = "date" | "datetime" | "unix" | "unix_ms" | "text";

/** Sent by the first run where the API wants a value. */
const FIRST: Readonly<Record<Format, string | number>> = {
  date: "1970-01-01",
  datetime: "1970-01-01T00:00:00Z",
  unix: 0,
  unix_ms: 0,
  text: 0,
};

/** How the parameter is written; undefined where the column is none of its kind. */
function formatOf(param: Parameter, field: SchemaView): Format | undefined {
  const isTime = mayBe(field, "string") && (/^(?:date-?time|date)$/i.test(field.format ?? "") ||
    /^\d{4}-\d\d-\d\d[T ]\d\d:/.test(String(field.example ?? "")));
  const isCount = field.types.has("integer") || field.types.has("number");
  const asCount = param.schema.types.has("integer") || param.schema.types.has("number");
  if (isCount) return asCount ? "text" : undefined;
  if (!isTime) return undefined;
  const format = textOf(param.schema.format)?.toLowerCase();
  if (asCount) return /milli/i.test(`${format} ${param.description}`) ? "unix_ms" : "unix";
  return format === "date" ? "date" : "datetime";
}
