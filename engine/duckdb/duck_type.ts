import duckdb from "@duckdb/node-bindings";

/** A DuckDB type as a tree; `id` is DuckDB's own number of it. */
export type DuckType = ScalarType | DecimalType | EnumType | ListType | ArrayType | MapType | StructType;

export interface ScalarType {
  readonly kind: "scalar";
  readonly id: duckdb.Type;
  /** VARCHAR that holds JSON. */
  readonly isJson: boolean;
}
export interface DecimalType {
  readonly kind: "decimal";
  readonly id: duckdb.Type.DECIMAL;
  readonly width: number;
  readonly scale: number;
}
export interface EnumType {
  readonly kind: "enum";
  readonly id: duckdb.Type.ENUM;
  readonly values: readonly string[];
}
export interface ListType {
  readonly kind: "list";
  readonly id: duckdb.Type.LIST;
  readonly child: DuckType;
}
export interface ArrayType {
  readonly kind: "array";
  readonly id: duckdb.Type.ARRAY;
  readonly child: DuckType;
  readonly size: number;
}
export interface MapType {
  readonly kind: "map";
  readonly id: duckdb.Type.MAP;
  readonly key: DuckType;
  readonly value: DuckType;
}
export interface StructType {
  readonly kind: "struct";
  readonly id: duckdb.Type.STRUCT | duckdb.Type.UNION;
  readonly fields: readonly { readonly name: string; readonly type: DuckType }[];
}

/** The tree of a type that the driver holds. */
export function readDuckType(logical: duckdb.LogicalType): DuckType {
  const id = duckdb.get_type_id(logical);
  switch (id) {
    case duckdb.Type.DECIMAL:
      return {
        kind: "decimal",
        id,
        width: duckdb.decimal_width(logical),
        scale: duckdb.decimal_scale(logical),
      };
    case duckdb.Type.ENUM:
      return {
        kind: "enum",
        id,
        values: read(duckdb.enum_dictionary_size(logical), (i) => duckdb.enum_dictionary_value(logical, i)),
      };
    case duckdb.Type.LIST:
      return { kind: "list", id, child: readDuckType(duckdb.list_type_child_type(logical)) };
    case duckdb.Type.ARRAY:
      return {
        kind: "array",
        id,
        child: readDuckType(duckdb.array_type_child_type(logical)),
        size: duckdb.array_type_array_size(logical),
      };
    case duckdb.Type.MAP:
      return {
        kind: "map",
        id,
        key: readDuckType(duckdb.map_type_key_type(logical)),
        value: readDuckType(duckdb.map_type_value_type(logical)),
      };
    case duckdb.Type.STRUCT:
      return {
        kind: "struct",
        id,
        fields: read(duckdb.struct_type_child_count(logical), (i) => ({
          name: duckdb.struct_type_child_name(logical, i),
          type: readDuckType(duckdb.struct_type_child_type(logical, i)),
        })),
      };
    case duckdb.Type.UNION:
      return {
        kind: "struct",
        id,
        fields: read(duckdb.union_type_member_count(logical), (i) => ({
          name: duckdb.union_type_member_name(logical, i),
          type: readDuckType(duckdb.union_type_member_type(logical, i)),
        })),
      };
    default:
      return scalarType(id, duckdb.logical_type_get_alias(logical) === "JSON");
  }
}

/** A type without children. JSON is VARCHAR with an alias, which only `isJson` keeps. */
export function scalarType(id: duckdb.Type, isJson = false): ScalarType {
  return { kind: "scalar", id, isJson };
}

const SCALAR_TEXT: ReadonlyMap<duckdb.Type, string> = new Map([
  [duckdb.Type.BOOLEAN, "BOOLEAN"],
  [duckdb.Type.TINYINT, "TINYINT"],
  [duckdb.Type.SMALLINT, "SMALLINT"],
  [duckdb.Type.INTEGER, "INTEGER"],
  [duckdb.Type.BIGINT, "BIGINT"],
  [duckdb.Type.UTINYINT, "UTINYINT"],
  [duckdb.Type.USMALLINT, "USMALLINT"],
  [duckdb.Type.UINTEGER, "UINTEGER"],
  [duckdb.Type.UBIGINT, "UBIGINT"],
  [duckdb.Type.FLOAT, "FLOAT"],
  [duckdb.Type.DOUBLE, "DOUBLE"],
  [duckdb.Type.TIMESTAMP, "TIMESTAMP"],
  [duckdb.Type.DATE, "DATE"],
  [duckdb.Type.TIME, "TIME"],
  [duckdb.Type.INTERVAL, "INTERVAL"],
  [duckdb.Type.HUGEINT, "HUGEINT"],
  [duckdb.Type.UHUGEINT, "UHUGEINT"],
  [duckdb.Type.VARCHAR, "VARCHAR"],
  [duckdb.Type.BLOB, "BLOB"],
  [duckdb.Type.TIMESTAMP_S, "TIMESTAMP_S"],
  [duckdb.Type.TIMESTAMP_MS, "TIMESTAMP_MS"],
  [duckdb.Type.TIMESTAMP_NS, "TIMESTAMP_NS"],
  [duckdb.Type.UUID, "UUID"],
  [duckdb.Type.BIT, "BIT"],
  [duckdb.Type.TIME_TZ, "TIME WITH TIME ZONE"],
  [duckdb.Type.TIMESTAMP_TZ, "TIMESTAMP WITH TIME ZONE"],
  [duckdb.Type.BIGNUM, "BIGNUM"],
  [duckdb.Type.SQLNULL, '"NULL"'],
  [duckdb.Type.TIME_NS, "TIME_NS"],
  [duckdb.Type.GEOMETRY, "GEOMETRY"],
  [duckdb.Type.VARIANT, "VARIANT"],
]);

/** DuckDB's own text of a type, which is also valid in DDL. `keywords` is what DuckDB calls a keyword. */
export function typeText(type: DuckType, keywords: ReadonlySet<string>): string {
  switch (type.kind) {
    case "scalar":
      return type.isJson ? "JSON" : SCALAR_TEXT.get(type.id) ?? "UNKNOWN";
    case "decimal":
      return `DECIMAL(${type.width},${type.scale})`;
    case "enum":
      return `ENUM(${type.values.map((value) => `'${value.replaceAll("'", "''")}'`).join(", ")})`;
    case "list":
      return `${typeText(type.child, keywords)}[]`;
    case "array":
      return `${typeText(type.child, keywords)}[${type.size}]`;
    case "map":
      return `MAP(${typeText(type.key, keywords)}, ${typeText(type.value, keywords)})`;
    case "struct": {
      const fields = type.fields.map((f) => `${fieldName(f.name, keywords)} ${typeText(f.type, keywords)}`);
      return `${type.id === duckdb.Type.UNION ? "UNION" : "STRUCT"}(${fields.join(", ")})`;
    }
  }
}

/** Quoted only where DuckDB's own type text quotes it, so that texts compare equal. */
function fieldName(name: string, keywords: ReadonlySet<string>): string {
  const isPlain = /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !keywords.has(name.toLowerCase());
  return isPlain ? name : `"${name.replaceAll('"', '""')}"`;
}

function read<T>(count: number, at: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => at(index));
}

/** How many bytes DuckDB gives the integer of a DECIMAL. */
export function decimalBytes(width: number): 2 | 4 | 8 | 16 {
  if (width <= 4) return 2;
  if (width <= 9) return 4;
  return width <= 18 ? 8 : 16;
}

/** How many bytes DuckDB gives the code of an ENUM with so many values. */
export function enumBytes(size: number): 1 | 2 | 4 {
  if (size <= 0xff) return 1;
  return size <= 0xffff ? 2 : 4;
}
