import { BytesBuilder } from "./bytes_builder.ts";
import type { ColumnBuilder } from "./column_builder.ts";
import type { ColumnType } from "./column_type.ts";
import {
  BooleanBuilder,
  DateBuilder,
  DecimalBuilder,
  HugeintBuilder,
  IntegerBuilder,
  RealBuilder,
  TimeBuilder,
  UuidBuilder,
} from "./fixed_builders.ts";
import type { TextEncoding } from "./text_bytes.ts";

/** The builder of a column's type, for batches of up to `capacity` rows of a database with that encoding. */
export function builderOf(type: ColumnType, capacity: number, encoding: TextEncoding): ColumnBuilder {
  switch (type.kind) {
    case "text":
    case "json":
      return new BytesBuilder(type, capacity, encoding);
    case "blob":
      return new BytesBuilder(type, capacity, undefined);
    case "integer":
      return new IntegerBuilder(type, capacity);
    case "real":
      return new RealBuilder(type, capacity);
    case "boolean":
      return new BooleanBuilder(type, capacity);
    case "date":
      return new DateBuilder(type, capacity);
    case "time":
    case "timestamp":
    case "timestamptz":
      return new TimeBuilder(type, capacity);
    case "decimal":
      return new DecimalBuilder(type, capacity);
    case "hugeint":
      return new HugeintBuilder(type, capacity);
    case "uuid":
      return new UuidBuilder(type, capacity);
  }
}
