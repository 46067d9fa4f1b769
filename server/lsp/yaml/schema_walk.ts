import type { JsonSchema } from "@valibot/to-json-schema";

/** A key that a map may have. */
export interface SchemaKey {
  readonly name: string;
  readonly description: string | undefined;
  /** What stands behind it: a text on the same line, or more below. */
  readonly isNested: boolean;
  readonly isRequired: boolean;
}

/** A value that is one of a few. */
export interface SchemaValue {
  readonly text: string;
  readonly description: string | undefined;
}

const isSchema = (value: unknown): value is JsonSchema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** All that may be said of a schema: itself and its alternatives. Rules of `if` and `not` say nothing of keys. */
function alternatives(schema: JsonSchema, root: JsonSchema): JsonSchema[] {
  const target = schema.$ref === undefined ? schema : resolved(schema.$ref, root);
  if (target === undefined) return [];
  const inner = [...target.anyOf ?? [], ...target.oneOf ?? [], ...target.allOf ?? []].filter(isSchema);
  return [target, ...inner.flatMap((one) => alternatives(one, root))];
}

function resolved(reference: string, root: JsonSchema): JsonSchema | undefined {
  let at: unknown = root;
  for (const part of reference.replace(/^#\/?/, "").split("/").filter((one) => one !== "")) {
    at = isSchema(at) ? Reflect.get(at, part) : undefined;
  }
  return isSchema(at) ? at : undefined;
}

/** The schemas that say what stands at a path. */
export function schemasAt(root: JsonSchema, path: readonly (string | number)[]): JsonSchema[] {
  let found = alternatives(root, root);
  for (const segment of path) {
    found = found.flatMap((schema) => {
      const next = typeof segment === "number" ? itemOf(schema, segment) : propertyOf(schema, segment);
      return next.flatMap((one) => alternatives(one, root));
    });
  }
  return found;
}

function itemOf({ items }: JsonSchema, index: number): JsonSchema[] {
  const item = Array.isArray(items) ? items[index] : items;
  return isSchema(item) ? [item] : [];
}

function propertyOf(
  { properties, patternProperties, additionalProperties }: JsonSchema,
  name: string,
): JsonSchema[] {
  const own = properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (isSchema(own)) return [own];
  const byPattern = Object.entries(patternProperties ?? {}).filter(([pattern]) =>
    new RegExp(pattern, "u").test(name)
  );
  const others = [...byPattern.map(([, schema]) => schema), additionalProperties].filter(isSchema);
  return others.slice(0, 1);
}

/** The keys that a map at the path may have. */
export function keysAt(root: JsonSchema, path: readonly (string | number)[]): SchemaKey[] {
  const keys = new Map<string, SchemaKey>();
  for (const { properties = {}, required = [] } of schemasAt(root, path)) {
    for (const [name, schema] of Object.entries(properties)) {
      if (!isSchema(schema) || keys.has(name)) continue;
      const inner = alternatives(schema, root);
      keys.set(name, {
        name,
        description: inner.find(({ description }) => description !== undefined)?.description,
        isNested: inner.some(({ type }) => type === "object") && !inner.some(({ type }) => type === "string"),
        isRequired: required.includes(name),
      });
    }
  }
  return [...keys.values()];
}

/** The values that can be at the path, where they are counted. */
export function valuesAt(root: JsonSchema, path: readonly (string | number)[]): SchemaValue[] {
  const values = new Map<string, SchemaValue>();
  for (const { enum: list, const: only, type, default: usual, description } of schemasAt(root, path)) {
    const all = [
      ...list ?? [],
      ...(only === undefined ? [] : [only]),
      ...(type === "boolean" ? [true, false] : []),
      ...(["string", "number", "boolean"].includes(typeof usual) ? [usual] : []),
    ];
    for (const value of all) values.set(String(value), { text: String(value), description });
  }
  return [...values.values()];
}

/** What is said of the entry at the path. */
export function descriptionAt(root: JsonSchema, path: readonly (string | number)[]): string | undefined {
  return schemasAt(root, path).find(({ description }) => description !== undefined)?.description;
}
