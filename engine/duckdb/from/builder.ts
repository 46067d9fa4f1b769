import duckdb from "@duckdb/node-bindings";
import { type DataType, type Field, Utf8, type Vector, vectorFromArray } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import type { ColumnBuilder } from "./column_builder.ts";
import type { DuckType, EnumType } from "../duck_type.ts";
import { BoolBuilder, FixedBuilder, layoutOf } from "./fixed_builder.ts";
import { ArrayBuilder, ListBuilder, StructBuilder } from "./nested_builder.ts";
import { StringBuilder } from "./string_builder.ts";
import type { StringKernel } from "../../../kernels/strings.ts";

/**
 * The builder that turns vectors of `type` into arrays of `arrow`, the type that `arrowFieldOf` gave. All builders of
 * a query may share the kernel; without one strings are read one by one.
 */
export function columnBuilder(
  type: DuckType,
  arrow: DataType,
  strings: StringKernel | undefined,
): ColumnBuilder {
  switch (type.kind) {
    case "decimal":
    case "scalar":
      return scalarBuilder(type, arrow, strings);
    case "enum":
      return fixedBuilder(type, arrow, enumDictionary(type));
    case "list":
      return new ListBuilder(arrow, columnBuilder(type.child, childOf(arrow, 0), strings));
    case "array":
      return new ArrayBuilder(arrow, type.size, columnBuilder(type.child, childOf(arrow, 0), strings));
    case "map": {
      const entries = childOf(arrow, 0);
      const children = [type.key, type.value].map((t, i) => columnBuilder(t, childOf(entries, i), strings));
      return new ListBuilder(arrow, new StructBuilder(entries, children));
    }
    case "struct":
      return new StructBuilder(
        arrow,
        type.fields.map((field, i) => columnBuilder(field.type, childOf(arrow, i), strings)),
      );
  }
}

function scalarBuilder(type: DuckType, arrow: DataType, strings: StringKernel | undefined): ColumnBuilder {
  if (type.id === duckdb.Type.BOOLEAN) return new BoolBuilder(arrow);
  if (type.id === duckdb.Type.VARCHAR || type.id === duckdb.Type.BLOB) {
    return new StringBuilder(arrow, strings);
  }
  return fixedBuilder(type, arrow);
}

function fixedBuilder(type: DuckType, arrow: DataType, dictionary?: Vector): ColumnBuilder {
  const layout = layoutOf(type);
  if (layout === undefined) {
    throw new AppError("internal", `DuckDB's type ${type.id} is not exported as ${arrow}`);
  }
  return new FixedBuilder(arrow, layout, dictionary);
}

function enumDictionary(type: EnumType): Vector {
  return vectorFromArray(type.values, new Utf8());
}

function childOf(type: DataType, index: number): DataType {
  const field: Field | undefined = type.children?.[index];
  if (field === undefined) throw new AppError("internal", `Arrow type ${type} has no child ${index}`);
  return field.type;
}
