import { DataType, DateUnit, type Field, IntervalUnit, Precision, TimeUnit } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import { DictionaryWriter } from "./dictionary_writer.ts";
import { decimalBytes } from "../duck_type.ts";
import {
  checkTimestamps,
  encodeDays,
  encodeDayTimes,
  encodeDecimals,
  encodeDurations,
  encodeHalves,
  encodeMicros,
  encodeMillisAsDays,
  encodeMonthDayNanos,
  encodeTimes,
  encodeYearMonths,
  TIME_UNITS_PER_DAY,
} from "../fixed_codec.ts";
import { BoolWriter, FixedWriter, NullWriter } from "./fixed_writer.ts";
import { ArrayWriter, ListWriter, StructWriter } from "./nested_writer.ts";
import { StringWriter } from "./string_writer.ts";
import { fieldLike, isBinary128, isUuid } from "../types.ts";
import type { VectorWriter, WriterTools } from "./vector_writer.ts";

/** The writer of the field's arrays into vectors of the type that `duckTypeOf` gives it. */
export function vectorWriter(field: Field, tools: WriterTools): VectorWriter {
  const type: DataType = field.type;
  if (DataType.isNull(type)) return new NullWriter();
  if (DataType.isBool(type)) return new BoolWriter(tools.kernel);
  if (DataType.isInt(type)) return new FixedWriter(type.bitWidth / 8);
  if (DataType.isFloat(type)) return floatWriter(type.precision);
  if (DataType.isDecimal(type)) {
    const words = type.bitWidth / 32;
    const bytes = decimalBytes(type.precision);
    return new FixedWriter(words * 4, encodeDecimals(tools.kernel, words, bytes, type.precision));
  }
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isUtf8View(type)) {
    return new StringWriter(true, tools);
  }
  if (DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isBinaryView(type)) {
    return new StringWriter(false, tools);
  }
  if (DataType.isFixedSizeBinary(type)) {
    if (isUuid(field)) return new FixedWriter(16, (values, count) => tools.kernel.uuids(values, count));
    return isBinary128(field) ? new FixedWriter(16) : new StringWriter(false, tools);
  }
  if (DataType.isDictionary(type)) {
    return new DictionaryWriter(vectorWriter(fieldLike(field, type.dictionary), tools));
  }
  return timeWriter(type) ?? nestedWriter(field, type, tools);
}

function floatWriter(precision: Precision): VectorWriter {
  switch (precision) {
    case Precision.HALF:
      return new FixedWriter(2, encodeHalves);
    case Precision.SINGLE:
      return new FixedWriter(4);
    case Precision.DOUBLE:
      return new FixedWriter(8);
  }
}

function timeWriter(type: DataType): VectorWriter | undefined {
  if (DataType.isDate(type)) {
    return type.unit === DateUnit.DAY
      ? new FixedWriter(4, encodeDays)
      : new FixedWriter(8, encodeMillisAsDays);
  }
  if (DataType.isTime(type)) return timeOfDayWriter(type.unit);
  if (DataType.isTimestamp(type)) {
    const [multiply, divide] = microsPer(type.unit);
    return type.timezone
      ? new FixedWriter(8, encodeMicros(multiply, divide, true))
      : new FixedWriter(8, checkTimestamps({ multiply, divide }));
  }
  if (DataType.isDuration(type)) return new FixedWriter(8, encodeDurations(...microsPer(type.unit)));
  if (!DataType.isInterval(type)) return undefined;
  switch (type.unit) {
    case IntervalUnit.YEAR_MONTH:
      return new FixedWriter(4, encodeYearMonths);
    case IntervalUnit.DAY_TIME:
      return new FixedWriter(8, encodeDayTimes);
    case IntervalUnit.MONTH_DAY_NANO:
      return new FixedWriter(16, encodeMonthDayNanos);
  }
}

function timeOfDayWriter(unit: TimeUnit): VectorWriter {
  switch (unit) {
    case TimeUnit.SECOND:
      return new FixedWriter(4, encodeTimes(32, 1_000_000n, TIME_UNITS_PER_DAY.seconds));
    case TimeUnit.MILLISECOND:
      return new FixedWriter(4, encodeTimes(32, 1_000n, TIME_UNITS_PER_DAY.millis));
    case TimeUnit.MICROSECOND:
      return new FixedWriter(8, encodeTimes(64, 1n, TIME_UNITS_PER_DAY.micros));
    case TimeUnit.NANOSECOND:
      return new FixedWriter(8, encodeTimes(64, 1n, TIME_UNITS_PER_DAY.nanos));
  }
}

/** Microseconds in a unit: a factor and a divisor. */
function microsPer(unit: TimeUnit): [multiply: bigint, divide: bigint] {
  switch (unit) {
    case TimeUnit.SECOND:
      return [1_000_000n, 1n];
    case TimeUnit.MILLISECOND:
      return [1_000n, 1n];
    case TimeUnit.MICROSECOND:
      return [1n, 1n];
    case TimeUnit.NANOSECOND:
      return [1n, 1_000n];
  }
}

function nestedWriter(field: Field, type: DataType, tools: WriterTools): VectorWriter {
  const children: VectorWriter[] = (type.children ?? []).map((child: Field) => vectorWriter(child, tools));
  if (DataType.isStruct(type)) return new StructWriter(children);
  const [child] = children;
  if (child !== undefined && (DataType.isList(type) || DataType.isLargeList(type))) {
    return new ListWriter(child, false);
  }
  if (child !== undefined && DataType.isMap(type)) return new ListWriter(child, true);
  if (child !== undefined && DataType.isFixedSizeList(type)) return new ArrayWriter(child, type.listSize);
  throw new AppError("invalid", `Column "${field.name}" has Arrow type ${type}, which cannot be stored`);
}
