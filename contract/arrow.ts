/**
 * How every value travels between connectors and the engine: Arrow record batches, with these
 * conventions for what Arrow has no type of its own for.
 *
 * | DuckDB | Arrow | extension name |
 * | --- | --- | --- |
 * | BOOLEAN | Bool | |
 * | TINYINT … BIGINT, UTINYINT … UBIGINT | Int8 … Int64, Uint8 … Uint64 | |
 * | HUGEINT, UHUGEINT | FixedSizeBinary(16), little-endian two's complement | `arrow.opaque`, type_name `hugeint` or `uhugeint` |
 * | FLOAT, DOUBLE | Float32, Float64 | |
 * | DECIMAL(p,s), p ≤ 38 | Decimal128(p,s) | |
 * | VARCHAR | Utf8 | |
 * | JSON | Utf8 | `arrow.json` |
 * | BLOB | Binary | |
 * | UUID | FixedSizeBinary(16), big-endian as RFC 9562 writes it | `arrow.uuid` |
 * | DATE | Date32 | |
 * | TIME | Time64(us) | |
 * | TIME_NS | Time64(ns) | |
 * | TIMESTAMP_S, _MS, TIMESTAMP, _NS | Timestamp(s, ms, us, ns), no zone | |
 * | TIMESTAMPTZ | Timestamp(us, "UTC") | |
 * | INTERVAL | Interval(MonthDayNano) | |
 * | ENUM | Dictionary(Utf8) out; any Dictionary in | |
 * | LIST, ARRAY(n), STRUCT, MAP | List, FixedSizeList(n), Struct, Map | |
 * | BIT, TIMETZ, UNION and others | Utf8 of DuckDB's own text | |
 *
 * What else comes in: Null and Utf8View, LargeUtf8 → VARCHAR; BinaryView, LargeBinary and other
 * FixedSizeBinary → BLOB; Float16 → FLOAT; Date64 of whole days → DATE; Time32 → TIME; a Timestamp of
 * any unit with any zone → TIMESTAMPTZ; Duration and other Intervals → INTERVAL; LargeList → LIST;
 * Decimal256 of up to 38 digits → DECIMAL. A value that does not fit is an error, as are nanoseconds that
 * are no whole microseconds in TIMESTAMPTZ and INTERVAL.
 *
 * Infinite dates and timestamps are the extreme values that DuckDB uses: the greatest 32- or
 * 64-bit integer is `infinity`, its negation `-infinity`.
 */

export const EXTENSION_NAME_KEY = "ARROW:extension:name";
export const EXTENSION_METADATA_KEY = "ARROW:extension:metadata";

export const UUID_EXTENSION = "arrow.uuid";
export const JSON_EXTENSION = "arrow.json";
export const OPAQUE_EXTENSION = "arrow.opaque";

/** The most rows that a connector puts into one batch. */
export const MAX_BATCH_ROWS = 65_536;

/** DuckDB's vector size: batches of a multiple of it move without being cut. */
export const VECTOR_ROWS = 2_048;
