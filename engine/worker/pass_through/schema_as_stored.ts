import { DataType, type Field, Schema } from "apache-arrow";
import { EXTENSION_METADATA_KEY, EXTENSION_NAME_KEY } from "../../../contract/arrow.ts";
import { arrowFieldOf, duckTypeOf } from "../../duckdb/types.ts";

/**
 * The schema in which a table gives back rows that were stored with this one; undefined where a type
 * differs, or where a value may: then what is loaded has to come from the table. Whether a column may
 * have NULLs is of no account. Throws `invalid` for a type that DuckDB cannot hold.
 */
export function schemaAsStored(schema: Schema): Schema | undefined {
  return schema.fields.every(isStoredAsIs) ? new Schema(schema.fields.map(storedField)) : undefined;
}

/**
 * The schema in which a destination can take the rows themselves, of which there is no table; undefined where a type is
 * none of those that a table gives. A value that a destination cannot hold is an error of its own.
 */
export function schemaAsGiven(schema: Schema): Schema | undefined {
  return columnsOfOtherTypes(schema).length === 0 ? new Schema(schema.fields.map(storedField)) : undefined;
}

/** The names of the columns for which there is no such schema. */
export function columnsOfOtherTypes(schema: Schema): string[] {
  return schema.fields.filter((field) => !isSameField(field, storedField(field))).map(({ name }) => name);
}

const storedField = (field: Field): Field => arrowFieldOf(field.name, duckTypeOf(field));

const isStoredAsIs = (field: Field): boolean => keepsValues(field) && isSameField(field, storedField(field));

/** Whether two schemas have the same names and types; nullability is of no account. */
export function isSameSchema(one: Schema, other: Schema): boolean {
  return one === other || areSameFields(one.fields, other.fields);
}

function areSameFields(one: readonly Field[], other: readonly Field[]): boolean {
  return one.length === other.length && one.every((field, i) => {
    const match = other[i];
    return match !== undefined && isSameField(field, match);
  });
}

/** DuckDB's intervals have no nanoseconds. */
function keepsValues(field: Field): boolean {
  return !DataType.isInterval(field.type) && childrenOf(field).every(keepsValues);
}

function isSameField(one: Field, other: Field): boolean {
  return one.name === other.name && typeText(one) === typeText(other) &&
    [EXTENSION_NAME_KEY, EXTENSION_METADATA_KEY].every((key) =>
      (one.metadata.get(key) ?? "") === (other.metadata.get(key) ?? "")
    ) && areSameFields(childrenOf(one), childrenOf(other));
}

/** Arrow's text of a decimal does not tell its width. */
const typeText = ({ type }: Field): string =>
  DataType.isDecimal(type) ? `${String(type)} of ${type.bitWidth} bits` : String(type);

const childrenOf = ({ type }: Field): readonly Field[] => type.children ?? [];
