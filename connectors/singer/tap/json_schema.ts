/** What a stream's JSON Schema says of its values, as far as columns go by it. */

type Schema = Readonly<Record<string, unknown>>;

/** Schemas may refer to themselves. */
const MAX_DEPTH = 30;
/** DuckDB's DECIMAL has so many digits. */
const MAX_DIGITS = 38;
/** A column of more decimals has no room for what is before the point. */
const MAX_SCALE = 18;

export const isSchema = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A column as its schema shows it. */
export interface ShownColumn {
  readonly name: string;
  /**
   * JSON texts of values that it may have, which together are of the type that all of its values are of: none where
   * nothing is said that a value itself would not say.
   */
  readonly samples: readonly string[];
  /** Its dates or times may be written in other ways than the samples are. */
  readonly isTime: boolean;
  /** A type of DuckDB's that its values are to be of, whatever they look like. */
  readonly type: string | undefined;
  /** Of `multipleOf`: digits behind the point. */
  readonly scale: number | undefined;
}

/** Columns of the stream; none where the schema has no properties. */
export function shownColumns(schema: unknown): ShownColumn[] {
  const root = isSchema(schema) ? schema : {};
  const { properties } = root;
  if (!isSchema(properties)) return [];
  return Object.entries(properties).map(([name, property]) => {
    const variants = variantsOf(property, root, 0);
    return {
      name,
      samples: samplesOf(variants, root, 0),
      isTime: variants.length > 0 && variants.every((variant) => timeSample(variant) !== undefined),
      type: givenType(variants),
      scale: scaleOf(variants),
    };
  });
}

/**
 * What DuckDB calls the type of such values where there is no value to go by. Times may be texts, since how a tap writes
 * them is seen by its values alone.
 */
export function declaredTypes(schema: unknown, times: "typed" | "texts"): Record<string, string> {
  const root = isSchema(schema) ? schema : {};
  const { properties } = root;
  if (!isSchema(properties)) return {};
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [name, declaredType(property, root, times)]),
  );
}

function declaredType(property: unknown, root: Schema, times: "typed" | "texts"): string {
  const variants = variantsOf(property, root, 0);
  const given = givenType(variants);
  const scale = scaleOf(variants);
  if (given !== undefined) return given;
  if (scale !== undefined) return `DECIMAL(${MAX_DIGITS},${scale})`;
  const kinds = new Set(variants.map(({ type }) => type));
  const [kind] = kinds;
  const isOf = (...types: string[]) => [...kinds].every((type) => types.includes(String(type)));
  if (variants.length === 0) return "JSON";
  if (isOf("integer")) return "BIGINT";
  if (isOf("integer", "number")) return "DOUBLE";
  if (isOf("boolean")) return "BOOLEAN";
  const formats = new Set(variants.map((variant) => timeSample(variant) && String(variant["format"])));
  const [format] = formats;
  if (times === "typed" && formats.size === 1 && format !== undefined) return TIME_TYPES[format] ?? "VARCHAR";
  return isOf("string") && kind !== undefined ? "VARCHAR" : "JSON";
}

/** The schemas that a value may be of, each with one type or none, without that of null. */
function variantsOf(schema: unknown, root: Schema, depth: number): Schema[] {
  if (!isSchema(schema) || depth > MAX_DEPTH) return [{}];
  const { $ref: ref, anyOf, oneOf, type, ...rest } = schema;
  if (typeof ref === "string") return variantsOf(referred(ref, root), root, depth + 1);
  const choices = [anyOf, oneOf].find(Array.isArray);
  if (choices !== undefined) {
    return choices.flatMap((choice) =>
      variantsOf(isSchema(choice) ? { ...rest, ...choice } : choice, root, depth + 1)
    );
  }
  const types = Array.isArray(type) ? type : [type];
  return types.filter((one) => one !== "null").map((one) => ({ ...rest, type: one }));
}

function referred(ref: string, root: Schema): unknown {
  if (!ref.startsWith("#/")) return undefined;
  let found: unknown = root;
  for (const step of ref.slice(2).split("/")) found = isSchema(found) ? found[step] : undefined;
  return found;
}

/** Of kinds that differ, all together: what holds them is JSON. */
const ANYTHING = ["0", '"x"', "{}"];

function samplesOf(variants: readonly Schema[], root: Schema, depth: number): string[] {
  const isString = variants.every(({ type }) => type === "string");
  if (variants.length === 0 || depth > MAX_DEPTH) return ANYTHING;
  if (isString && variants.length > 1) return ['"x"'];
  return variants.flatMap((variant) => variantSamples(variant, root, depth));
}

function variantSamples(variant: Schema, root: Schema, depth: number): string[] {
  switch (variant["type"]) {
    case "integer":
      return ["0"];
    case "number":
      return ["0.5"];
    case "boolean":
      return ["true"];
    case "string":
      return [timeSample(variant) ?? '"x"'];
    case "array": {
      const { items } = variant;
      const inner = samplesOf(items === undefined ? [] : variantsOf(items, root, depth), root, depth + 1);
      return [`[${inner.join(",")}]`];
    }
    case "object":
      return objectSamples(variant, root, depth);
    default:
      return ANYTHING;
  }
}

/** Objects without properties have keys that are data: they are JSON. */
function objectSamples({ properties }: Schema, root: Schema, depth: number): string[] {
  if (!isSchema(properties) || Object.keys(properties).length === 0) return ["{}", "0"];
  const members = Object.entries(properties).map(([key, property]) =>
    [key, samplesOf(variantsOf(property, root, depth), root, depth + 1)] as const
  );
  return sampleObjects(members);
}

/** Objects that together have all the samples of all the keys. */
export function sampleObjects(
  members: readonly (readonly [key: string, samples: readonly string[]])[],
): string[] {
  const count = Math.max(1, ...members.map(([, samples]) => samples.length));
  return Array.from({ length: count }, (_, at) => {
    const own = members.flatMap(([key, samples]) => {
      const sample = samples.length === 0 && at === 0 ? "null" : samples[at];
      return sample === undefined ? [] : [`${JSON.stringify(key)}:${sample}`];
    });
    return `{${own.join(",")}}`;
  });
}

const TIMES: Readonly<Record<string, string>> = {
  "date-time": '"2000-01-01T00:00:00Z"',
  date: '"2000-01-01"',
  time: '"00:00:00"',
};

const TIME_TYPES: Readonly<Record<string, string>> = {
  "date-time": "TIMESTAMP WITH TIME ZONE",
  date: "DATE",
  time: "TIME",
};

function timeSample({ type, format }: Schema): string | undefined {
  return type === "string" && typeof format === "string" ? TIMES[format] : undefined;
}

function givenType(variants: readonly Schema[]): string | undefined {
  const [only, other] = variants;
  if (only === undefined || other !== undefined || only["type"] !== "string") return undefined;
  if (only["format"] === "uuid") return "UUID";
  if (only["format"] !== "singer.decimal") return undefined;
  const { precision, scale } = only;
  const isDecimal = typeof precision === "number" && typeof scale === "number" &&
    precision >= 1 && precision <= MAX_DIGITS && scale >= 0 && scale <= precision;
  return isDecimal ? `DECIMAL(${precision},${scale})` : undefined;
}

/** Of numbers that are all multiples of a power of ten: 0.01 has two digits behind the point. */
function scaleOf(variants: readonly Schema[]): number | undefined {
  const scales = variants.map(({ type, multipleOf }) => {
    if (type === "integer") return 0;
    if (type !== "number" || typeof multipleOf !== "number") return undefined;
    const scale = Math.round(-Math.log10(multipleOf));
    return Number(`1e-${scale}`) === multipleOf && scale > 0 && scale <= MAX_SCALE ? scale : undefined;
  });
  if (scales.includes(undefined)) return undefined;
  const most = Math.max(0, ...scales.map((scale) => scale ?? 0));
  return most === 0 ? undefined : most;
}
