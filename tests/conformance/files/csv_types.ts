/** CSV says nothing of types: they come back as what the values look like. */
export const CSV_TYPES: Readonly<Record<string, string>> = {
  "TINYINT": "BIGINT",
  "SMALLINT": "BIGINT",
  "INTEGER": "BIGINT",
  "UTINYINT": "BIGINT",
  "USMALLINT": "BIGINT",
  "UINTEGER": "BIGINT",
  "UBIGINT": "HUGEINT",
  "FLOAT": "DOUBLE",
  "DECIMAL(9,2)": "DOUBLE",
  "DECIMAL(18,3)": "VARCHAR",
  "DECIMAL(38,10)": "VARCHAR",
  "JSON": "VARCHAR",
  "BLOB": "VARCHAR",
  "UUID": "VARCHAR",
  "INTEGER[]": "VARCHAR",
  "STRUCT(a INTEGER, b VARCHAR)": "VARCHAR",
};
