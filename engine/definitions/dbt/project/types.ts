/** Types as other databases write them. */
const TYPES: Readonly<Record<string, string>> = {
  array: "JSON",
  bignumeric: "DECIMAL(38,9)",
  bool: "BOOLEAN",
  bytes: "BLOB",
  byteint: "BIGINT",
  "character varying": "VARCHAR",
  datetime: "TIMESTAMP",
  float64: "DOUBLE",
  int64: "BIGINT",
  number: "DECIMAL(38,0)",
  object: "JSON",
  string: "VARCHAR",
  super: "JSON",
  timestamp_ltz: "TIMESTAMPTZ",
  timestamp_ntz: "TIMESTAMP",
  timestamp_tz: "TIMESTAMPTZ",
  "timestamp with time zone": "TIMESTAMPTZ",
  "timestamp without time zone": "TIMESTAMP",
  variant: "JSON",
};

/** The same type in DuckDB; a name that is no other database's alone is kept as it is. */
export function duckType(type: string): string {
  const plain = type.trim().replace(/\s+/g, " ");
  const known = TYPES[plain.toLowerCase()];
  if (known !== undefined) return known;
  const [, name = "", rest = ""] = /^([\w ]+?)\s*(\(.*\))$/.exec(plain) ?? [];
  if (/^(?:number|numeric|bignumeric)$/i.test(name)) return `DECIMAL${rest.replace(/\s/g, "")}`;
  // Neither lengths of texts nor digits of seconds are types of their own.
  const bare = TYPES[name.toLowerCase()];
  return bare ?? (/^(?:timestamp|time)$/i.test(name) ? name : plain);
}
