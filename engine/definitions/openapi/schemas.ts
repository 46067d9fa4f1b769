import { isObject, type JsonObject, listOf, memberOf, numberOf, textOf } from "./json_value.ts";
import type { References } from "./references.ts";

/** What a JSON Schema says of a value, with what it refers to and is made of brought together. */
export interface SchemaView {
  /** Of JSON Schema, without `null`; none where the schema does not say. */
  readonly types: ReadonlySet<string>;
  readonly format: string | undefined;
  readonly description: string | undefined;
  /** Schemas as they are written. */
  readonly properties: ReadonlyMap<string, unknown>;
  readonly required: ReadonlySet<string>;
  /** The schema of an array's items. */
  readonly items: unknown;
  readonly enum: readonly unknown[];
  readonly default: unknown;
  readonly example: unknown;
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  /** Its `x-…` keys. */
  readonly extensions: ReadonlyMap<string, unknown>;
}

export const NO_SCHEMA: SchemaView = {
  types: new Set(),
  format: undefined,
  description: undefined,
  properties: new Map(),
  required: new Set(),
  items: undefined,
  enum: [],
  default: undefined,
  example: undefined,
  minimum: undefined,
  maximum: undefined,
  extensions: new Map(),
};

/** A schema that is made of schemas deeper than this is no one's. */
const MOST_DEPTH = 200;
/** Alternatives beyond these are not looked at. */
const MOST_ALTERNATIVES = 100;

/** The schemas of one document; each is looked at once. */
export class Schemas {
  readonly #references: References;
  readonly #views = new Map<JsonObject, SchemaView>();
  readonly #open = new Set<JsonObject>();

  constructor(references: References) {
    this.#references = references;
  }

  /** Nothing is known of a schema that is missing, or is made of itself. Throws `invalid` for a reference to another document. */
  view(schema: unknown): SchemaView {
    if (!isObject(schema)) return NO_SCHEMA;
    const known = this.#views.get(schema);
    if (known !== undefined) return known;
    if (this.#open.has(schema) || this.#open.size >= MOST_DEPTH) return NO_SCHEMA;
    this.#open.add(schema);
    try {
      const view = this.#look(schema);
      this.#views.set(schema, view);
      return view;
    } finally {
      this.#open.delete(schema);
    }
  }

  /** The view of a property; of none, nothing is known. */
  property(view: SchemaView, name: string): SchemaView {
    return this.view(view.properties.get(name));
  }

  #look(schema: JsonObject): SchemaView {
    const own = ownView(schema);
    const parts = listOf(memberOf(schema, "allOf")).map((part) => this.view(part));
    if (typeof memberOf(schema, "$ref") === "string") {
      parts.unshift(this.view(this.#references.resolve(schema)));
    }
    for (const key of ["oneOf", "anyOf"]) {
      const alternatives = listOf(memberOf(schema, key)).slice(0, MOST_ALTERNATIVES).map((one) =>
        this.view(one)
      );
      if (alternatives.length > 0) parts.push(commonView(alternatives));
    }
    return parts.length === 0 ? own : [...parts, own].reduce(bothViews);
  }
}

const NULL = new Set(["null"]);

function ownView(schema: JsonObject): SchemaView {
  const type = memberOf(schema, "type");
  const properties = memberOf(schema, "properties");
  const items = memberOf(schema, "items");
  const types = new Set(
    (typeof type === "string" ? [type] : listOf(type)).filter((one) => typeof one === "string"),
  );
  if (types.size === 0 && isObject(properties)) types.add("object");
  if (types.size === 0 && isObject(items)) types.add("array");
  return {
    types,
    format: textOf(memberOf(schema, "format")),
    description: textOf(memberOf(schema, "description")),
    properties: new Map(isObject(properties) ? Object.entries(properties) : []),
    required: new Set(listOf(memberOf(schema, "required")).filter((name) => typeof name === "string")),
    items,
    enum: memberOf(schema, "const") !== undefined
      ? [memberOf(schema, "const")]
      : listOf(memberOf(schema, "enum")),
    default: memberOf(schema, "default"),
    example: memberOf(schema, "example") ?? listOf(memberOf(schema, "examples"))[0],
    minimum: numberOf(memberOf(schema, "minimum")),
    maximum: numberOf(memberOf(schema, "maximum")),
    extensions: new Map(Object.entries(schema).filter(([key]) => key.startsWith("x-"))),
  };
}

/** What holds where both hold; where they differ, the second. */
function bothViews(first: SchemaView, second: SchemaView): SchemaView {
  return {
    types: second.types.size > 0 ? second.types : first.types,
    format: second.format ?? first.format,
    description: second.description ?? first.description,
    properties: second.properties.size === 0
      ? first.properties
      : new Map([...first.properties, ...second.properties]),
    required: new Set([...first.required, ...second.required]),
    items: second.items ?? first.items,
    enum: second.enum.length > 0 ? second.enum : first.enum,
    default: second.default ?? first.default,
    example: second.example ?? first.example,
    minimum: second.minimum ?? first.minimum,
    maximum: second.maximum ?? first.maximum,
    extensions: new Map([...first.extensions, ...second.extensions]),
  };
}

/** What holds of every alternative but null. */
function commonView(alternatives: readonly SchemaView[]): SchemaView {
  const real = alternatives.filter(({ types }) => !isSame(types, NULL));
  const [first = NO_SCHEMA, ...others] = real;
  if (others.length === 0) return first;
  const types = new Set(real.flatMap((one) => [...one.types]));
  const isAlways = (name: string) => others.every(({ properties }) => properties.has(name));
  const items = real.map((one) => one.items).filter((one) => one !== undefined);
  return {
    ...NO_SCHEMA,
    types,
    format: real.every(({ format }) => format === first.format) ? first.format : undefined,
    description: first.description,
    properties: new Map([...first.properties].filter(([name]) => isAlways(name))),
    required: new Set([...first.required].filter((name) => others.every((one) => one.required.has(name)))),
    items: items.length === real.length ? { anyOf: items } : undefined,
  };
}

const isSame = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((one) => b.has(one));
