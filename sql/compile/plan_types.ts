import { quoteIdentifier, quoteLiteral } from "../../contract/sql.ts";
import { isRecord } from "../../text/is_record.ts";

/** A type of a bound plan as SQL writes it. */
export interface PlanType {
  readonly text: string;
  /** SQL of a value that goes into whatever any value of the type goes into; undefined where that depends on the value. */
  readonly sample: string | undefined;
  /** The same as a part of a list, a struct or a map, where NULL may stand for a text. */
  readonly part: string;
}

const SAMPLES: Readonly<Record<string, string | undefined>> = {
  BOOLEAN: "false",
  TINYINT: "0",
  SMALLINT: "0",
  INTEGER: "0",
  BIGINT: "0",
  HUGEINT: "0",
  UTINYINT: "0",
  USMALLINT: "0",
  UINTEGER: "0",
  UBIGINT: "0",
  UHUGEINT: "0",
  FLOAT: "0",
  DOUBLE: "0",
  VARCHAR: undefined,
  DATE: "'2000-01-01'",
  TIME: "'01:00:00'",
  "TIME WITH TIME ZONE": "'01:00:00+00'",
  TIMESTAMP: "'2000-01-01 01:00:00'",
  TIMESTAMP_S: "'2000-01-01 01:00:00'",
  TIMESTAMP_MS: "'2000-01-01 01:00:00'",
  TIMESTAMP_NS: "'2000-01-01 01:00:00'",
  "TIMESTAMP WITH TIME ZONE": "'2000-01-01 01:00:00+00'",
  INTERVAL: "'1 day'",
  BLOB: "'1'",
  BIT: "'1'",
  UUID: "'00000000-0000-0000-0000-000000000001'",
};

const MAX_ENUM_VALUES = 200;

/** Reads `return_type` of an expression in a plan; undefined for a type that is not known here, as a union. */
export function planType(node: unknown): PlanType | undefined {
  if (!isRecord(node)) return undefined;
  const { id, type_info: info } = node;
  if (typeof id !== "string") return undefined;
  if (isRecord(info) && typeof info["alias"] === "string" && info["alias"] !== "") {
    // What a JSON value goes into is its content's matter.
    return id === "VARCHAR" && info["alias"] === "JSON" ? typeOf("JSON", undefined) : undefined;
  }
  if (Object.hasOwn(SAMPLES, id)) {
    if (isRecord(info)) return undefined;
    const sample = SAMPLES[id];
    return typeOf(id, sample === undefined ? undefined : `${sample}::${id}`);
  }
  if (!isRecord(info)) return undefined;
  switch (id) {
    case "DECIMAL": {
      const text = `DECIMAL(${info["width"] ?? 18}, ${info["scale"] ?? 0})`;
      return typeOf(text, `0::${text}`);
    }
    case "ENUM":
      return enumOf(info["values"]);
    case "LIST": {
      const child = planType(info["child_type"]);
      return child && typeOf(`${child.text}[]`, `[${child.part}]`);
    }
    case "ARRAY": {
      const child = planType(info["child_type"]);
      const size = Number(info["size"]);
      if (child === undefined || !(size > 0 && size < 1000)) return undefined;
      const items = Array.from({ length: size }, () => child.part).join(", ");
      return typeOf(`${child.text}[${size}]`, `array_value(${items})`);
    }
    case "MAP":
      return mapOf(info["child_type"]);
    case "STRUCT":
      return structOf(info["child_types"]);
  }
  return undefined;
}

const typeOf = (text: string, sample: string | undefined): PlanType => ({
  text,
  sample,
  part: sample ?? `NULL::${text}`,
});

/** Its values are cast as the texts that they are. */
function enumOf(values: unknown): PlanType | undefined {
  if (!Array.isArray(values) || values.length === 0 || values.length > MAX_ENUM_VALUES) return undefined;
  const texts = values.filter((value): value is string => typeof value === "string");
  return texts.length === values.length
    ? typeOf(`ENUM(${texts.map(quoteLiteral).join(", ")})`, undefined)
    : undefined;
}

/** The plan has a map as a list of structs of key and value. */
function mapOf(entry: unknown): PlanType | undefined {
  const info = isRecord(entry) ? entry["type_info"] : undefined;
  const children: unknown = isRecord(info) ? info["child_types"] : undefined;
  if (!Array.isArray(children)) return undefined;
  const [key, value] = children.map((child) => isRecord(child) ? planType(child["second"]) : undefined);
  if (key === undefined || value === undefined) return undefined;
  return typeOf(`MAP(${key.text}, ${value.text})`, `map([]::${key.text}[], []::${value.text}[])`);
}

function structOf(children: unknown): PlanType | undefined {
  if (!Array.isArray(children) || children.length === 0) return undefined;
  const fields: string[] = [];
  const values: string[] = [];
  for (const child of children) {
    if (!isRecord(child) || typeof child["first"] !== "string" || child["first"] === "") return undefined;
    const type = planType(child["second"]);
    if (type === undefined) return undefined;
    const name = quoteIdentifier(child["first"]);
    fields.push(`${name} ${type.text}`);
    values.push(`${name} := ${type.part}`);
  }
  return typeOf(`STRUCT(${fields.join(", ")})`, `struct_pack(${values.join(", ")})`);
}
