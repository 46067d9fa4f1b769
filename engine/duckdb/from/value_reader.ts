import duckdb from "@duckdb/node-bindings";
import { AppError } from "../../../contract/errors.ts";
import { decimalBytes, type DuckType, enumBytes, type ScalarType, type StructType } from "../duck_type.ts";
import { stringReader, validityOf } from "../vector_bytes.ts";

/** A cell of a vector as DuckDB's own value; undefined is NULL. */
type Value = duckdb.Value | undefined;

/**
 * The first `size` cells of a flat vector as DuckDB values, from which DuckDB makes its own text.
 * One call a value: for small results only.
 */
export function readValues(
  vector: duckdb.Vector,
  type: DuckType,
  logical: duckdb.LogicalType,
  size: number,
): Value[] {
  const isValid = validityOf(vector, size);
  const at = valueReader(vector, type, logical, size);
  return Array.from({ length: size }, (_, row) => isValid(row) ? at(row) : undefined);
}

function valueReader(
  vector: duckdb.Vector,
  type: DuckType,
  logical: duckdb.LogicalType,
  size: number,
): (row: number) => Value {
  switch (type.kind) {
    case "scalar":
      return scalarReader(vector, type, size);
    case "decimal": {
      const integers = integerReader(vector, decimalBytes(type.width), size);
      const { width, scale } = type;
      return (row) => duckdb.create_decimal({ width, scale, value: integers(row) });
    }
    case "enum": {
      const codes = unsignedReader(vector, enumBytes(type.values.length), size);
      return (row) => duckdb.create_varchar(type.values[codes(row)] ?? "");
    }
    case "list": {
      const childType = duckdb.list_type_child_type(logical);
      const slots = entryReader(vector, type.child, childType, size);
      return (row) => duckdb.create_list_value(childType, slots(row));
    }
    case "array": {
      const childType = duckdb.array_type_child_type(logical);
      const child = readValues(
        duckdb.array_vector_get_child(vector),
        type.child,
        childType,
        size * type.size,
      );
      return (row) =>
        duckdb.create_array_value(childType, filled(child.slice(row * type.size, (row + 1) * type.size)));
    }
    case "map":
      return mapReader(vector, logical, type.key, type.value, size);
    case "struct":
      return type.id === duckdb.Type.UNION
        ? unionReader(vector, type, logical, size)
        : structReader(vector, type, logical, size);
  }
}

function mapReader(
  vector: duckdb.Vector,
  logical: duckdb.LogicalType,
  key: DuckType,
  value: DuckType,
  size: number,
): (row: number) => Value {
  const child = duckdb.list_vector_get_child(vector);
  const count = duckdb.list_vector_get_size(vector);
  const keys = readValues(
    duckdb.struct_vector_get_child(child, 0),
    key,
    duckdb.map_type_key_type(logical),
    count,
  );
  const values = readValues(
    duckdb.struct_vector_get_child(child, 1),
    value,
    duckdb.map_type_value_type(logical),
    count,
  );
  const entries = entryBounds(vector, size);
  return (row) => {
    const [start, end] = entries(row);
    return duckdb.create_map_value(logical, filled(keys.slice(start, end)), filled(values.slice(start, end)));
  };
}

function structReader(vector: duckdb.Vector, type: StructType, logical: duckdb.LogicalType, size: number) {
  const fields = type.fields.map((field, i) =>
    readValues(
      duckdb.struct_vector_get_child(vector, i),
      field.type,
      duckdb.struct_type_child_type(logical, i),
      size,
    )
  );
  return (row: number) => duckdb.create_struct_value(logical, filled(fields.map((field) => field[row])));
}

/** A union's vector is a struct: the member's number, then one child a member. */
function unionReader(vector: duckdb.Vector, type: StructType, logical: duckdb.LogicalType, size: number) {
  const tags = unsignedReader(duckdb.struct_vector_get_child(vector, 0), 1, size);
  const members = type.fields.map((field, i) =>
    readValues(
      duckdb.struct_vector_get_child(vector, i + 1),
      field.type,
      duckdb.union_type_member_type(logical, i),
      size,
    )
  );
  return (row: number) => {
    const tag = tags(row);
    return duckdb.create_union_value(logical, tag, members[tag]?.[row] ?? duckdb.create_null_value());
  };
}

function entryReader(vector: duckdb.Vector, type: DuckType, logical: duckdb.LogicalType, size: number) {
  const child = readValues(
    duckdb.list_vector_get_child(vector),
    type,
    logical,
    duckdb.list_vector_get_size(vector),
  );
  const entries = entryBounds(vector, size);
  return (row: number) => filled(child.slice(...entries(row)));
}

function entryBounds(vector: duckdb.Vector, size: number): (row: number) => [number, number] {
  const integers = integerReader(vector, 8, size * 2);
  return (row) => {
    const start = Number(integers(row * 2));
    return [start, start + Number(integers(row * 2 + 1))];
  };
}

function filled(values: readonly Value[]): duckdb.Value[] {
  return values.map((value) => value ?? duckdb.create_null_value());
}

function scalarReader(vector: duckdb.Vector, type: ScalarType, size: number): (row: number) => duckdb.Value {
  const integer = (bytes: number) => integerReader(vector, bytes, size);
  const unsigned = (bytes: number) => unsignedReader(vector, bytes, size);
  const wrap = <T>(read: (row: number) => T, create: (value: T) => duckdb.Value) => (row: number) =>
    create(read(row));
  const { Type } = duckdb;
  switch (type.id) {
    case Type.BOOLEAN:
      return wrap(unsigned(1), (v) => duckdb.create_bool(v !== 0));
    case Type.TINYINT:
      return wrap(integer(1), (v) => duckdb.create_int8(Number(v)));
    case Type.SMALLINT:
      return wrap(integer(2), (v) => duckdb.create_int16(Number(v)));
    case Type.INTEGER:
      return wrap(integer(4), (v) => duckdb.create_int32(Number(v)));
    case Type.BIGINT:
      return wrap(integer(8), duckdb.create_int64);
    case Type.UTINYINT:
      return wrap(unsigned(1), duckdb.create_uint8);
    case Type.USMALLINT:
      return wrap(unsigned(2), duckdb.create_uint16);
    case Type.UINTEGER:
      return wrap(unsigned(4), duckdb.create_uint32);
    case Type.UBIGINT:
      return wrap(integer(8), (v) => duckdb.create_uint64(BigInt.asUintN(64, v)));
    case Type.HUGEINT:
      return wrap(integer(16), duckdb.create_hugeint);
    case Type.UHUGEINT:
      return wrap(integer(16), (v) => duckdb.create_uhugeint(BigInt.asUintN(128, v)));
    case Type.UUID:
      // DuckDB keeps a UUID as a HUGEINT with the first bit flipped, so that it sorts as text does.
      return wrap(integer(16), (v) => duckdb.create_uuid(BigInt.asUintN(128, v) ^ (1n << 127n)));
    case Type.FLOAT:
    case Type.DOUBLE:
      return floatReader(vector, type.id === Type.FLOAT, size);
    case Type.VARCHAR:
      return wrap(
        stringReader(vector, size),
        (v) => duckdb.create_varchar(new TextDecoder("utf-8", { ignoreBOM: true }).decode(v)),
      );
    case Type.BLOB:
      return wrap(stringReader(vector, size), duckdb.create_blob);
    case Type.BIT:
      return wrap(stringReader(vector, size), duckdb.create_bit);
    case Type.BIGNUM:
      return wrap(stringReader(vector, size), (v) => duckdb.create_bignum(readBignum(v)));
    default:
      return timeReader(vector, type, size);
  }
}

function timeReader(vector: duckdb.Vector, type: ScalarType, size: number): (row: number) => duckdb.Value {
  const { Type } = duckdb;
  const integers = integerReader(vector, type.id === Type.DATE ? 4 : 8, size);
  switch (type.id) {
    case Type.DATE:
      return (row) => duckdb.create_date({ days: Number(integers(row)) });
    case Type.TIME:
      return (row) => duckdb.create_time({ micros: integers(row) });
    case Type.TIME_NS:
      return (row) => duckdb.create_time_ns({ nanos: integers(row) });
    case Type.TIME_TZ:
      return (row) => duckdb.create_time_tz_value({ bits: BigInt.asUintN(64, integers(row)) });
    case Type.TIMESTAMP:
      return (row) => duckdb.create_timestamp({ micros: integers(row) });
    case Type.TIMESTAMP_TZ:
      return (row) => duckdb.create_timestamp_tz({ micros: integers(row) });
    case Type.TIMESTAMP_S:
      return (row) => duckdb.create_timestamp_s({ seconds: integers(row) });
    case Type.TIMESTAMP_MS:
      return (row) => duckdb.create_timestamp_ms({ millis: integers(row) });
    case Type.TIMESTAMP_NS:
      return (row) => duckdb.create_timestamp_ns({ nanos: integers(row) });
    case Type.INTERVAL:
      return intervalReader(vector, size);
    case Type.SQLNULL:
      return () => duckdb.create_null_value();
    default:
      throw new AppError(
        "invalid",
        "Cannot read a VARIANT or GEOMETRY value: cast it to VARCHAR or JSON in the query",
      );
  }
}

function intervalReader(vector: duckdb.Vector, size: number): (row: number) => duckdb.Value {
  const data = duckdb.vector_get_data(vector, size * 16);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return (row) =>
    duckdb.create_interval({
      months: view.getInt32(row * 16, true),
      days: view.getInt32(row * 16 + 4, true),
      micros: view.getBigInt64(row * 16 + 8, true),
    });
}

function floatReader(vector: duckdb.Vector, isSingle: boolean, size: number): (row: number) => duckdb.Value {
  const data = duckdb.vector_get_data(vector, size * (isSingle ? 4 : 8));
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return isSingle
    ? (row) => duckdb.create_float(view.getFloat32(row * 4, true))
    : (row) => duckdb.create_double(view.getFloat64(row * 8, true));
}

/** Signed little-endian integers of 1, 2, 4, 8 or 16 bytes. */
function integerReader(vector: duckdb.Vector, bytes: number, size: number): (row: number) => bigint {
  const data = duckdb.vector_get_data(vector, size * bytes);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  switch (bytes) {
    case 1:
      return (row) => BigInt(view.getInt8(row));
    case 2:
      return (row) => BigInt(view.getInt16(row * 2, true));
    case 4:
      return (row) => BigInt(view.getInt32(row * 4, true));
    case 8:
      return (row) => view.getBigInt64(row * 8, true);
    default:
      return (row) => (view.getBigInt64(row * 16 + 8, true) << 64n) | view.getBigUint64(row * 16, true);
  }
}

function unsignedReader(vector: duckdb.Vector, bytes: number, size: number): (row: number) => number {
  const integers = integerReader(vector, bytes, size);
  return (row) => Number(BigInt.asUintN(bytes * 8, integers(row)));
}

/** Three bytes of sign and length, then the magnitude, big-endian; all flipped where it is negative. */
function readBignum(bytes: Uint8Array): bigint {
  const isPositive = ((bytes[0] ?? 0) & 0x80) !== 0;
  let value = 0n;
  for (const byte of bytes.subarray(3)) value = (value << 8n) | BigInt(isPositive ? byte : ~byte & 0xff);
  return isPositive ? value : -value;
}
