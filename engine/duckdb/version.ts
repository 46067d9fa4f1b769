import duckdb from "@duckdb/node-bindings";

/** DuckDB's own version, as `v1.4.2`. */
export const duckdbVersion = (): string => duckdb.library_version();
