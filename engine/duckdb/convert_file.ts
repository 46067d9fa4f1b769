import { AppError } from "../../contract/errors.ts";
import type { WarehouseKey } from "../../contract/keys/warehouse_key.ts";
import { quoteIdentifier, quoteLiteral } from "../../contract/sql.ts";
import { type RunSql, withAttachedFiles } from "./attach/attached_files.ts";
import { STORAGE_VERSION } from "./database.ts";
import { attachText, catalogueOf } from "./attach/encrypted.ts";
import { hashedValues } from "./hashed_values.ts";
import { toOpenError } from "./open_error.ts";
import { readReport } from "./sql_error.ts";

export interface ConvertOptions {
  /** Absolute, both, and of one folder. */
  readonly path: string;
  readonly copyPath: string;
  readonly action: "encrypt" | "decrypt";
  /** Of the one of the two that is encrypted. */
  readonly key: WarehouseKey;
  readonly tempDirectory: string;
}

/** What was found to be the same in both files. */
export interface Converted {
  readonly tables: number;
  readonly rows: number;
}

const COPY = "_sluice_copy";

/**
 * Copies a database file into a new one with another encryption, and compares the two: every definition, and of every
 * table the rows, in whatever order. `swap` puts the copy into its place: nobody can open the file for writing until it has
 * returned. Throws `unavailable` where somebody uses the file or changes it meanwhile, `invalid` where the copy is not the
 * same.
 */
export async function convertFile(options: ConvertOptions, swap: () => Promise<void>): Promise<Converted> {
  const { tempDirectory, key: { module } } = options;
  return await withAttachedFiles({ tempDirectory, module }, (run) => convert(run, options, swap));
}

async function convert(
  run: RunSql,
  { path, copyPath, action, key }: ConvertOptions,
  swap: () => Promise<void>,
): Promise<Converted> {
  const source = catalogueOf(path);
  const name = quoteIdentifier(source);
  const [before, after] = action === "encrypt" ? [undefined, key.key] : [key.key, undefined];
  const attach = async (attachedPath: string, sql: string) => {
    try {
      await run(sql);
    } catch (error) {
      throw toOpenError(error, attachedPath);
    }
  };
  // What its log holds goes into the file first; then it is held so that others read it at most.
  await attach(path, attachText(path, source, [], before));
  await run(`CHECKPOINT ${name}; DETACH ${name}`);
  await attach(path, attachText(path, source, ["READ_ONLY"], before));
  await requireNoLog(path);
  await attach(
    copyPath,
    attachText(copyPath, COPY, [`STORAGE_VERSION ${quoteLiteral(STORAGE_VERSION)}`], after),
  );
  await run("SET enable_external_access = false");
  let converted: Converted;
  try {
    await run(`COPY FROM DATABASE ${name} TO ${COPY}`);
    await run(`CHECKPOINT ${COPY}`);
    converted = await compare(run, source);
    await run(`DETACH ${COPY}`);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("invalid", `Cannot copy ${path}: ${readReport(error).message}`, { cause: error });
  }
  await requireNoLog(copyPath);
  await swap();
  await run(`DETACH ${name}`);
  return converted;
}

/** A log that is left behind would be taken for that of the other file. */
async function requireNoLog(path: string): Promise<void> {
  const { size } = await Deno.stat(`${path}.wal`).catch(() => ({ size: 0 }));
  if (size === 0) return;
  throw new AppError("unavailable", `Something wrote to ${path} meanwhile: try again`);
}

async function compare(run: RunSql, source: string): Promise<Converted> {
  const [was, is] = [await definitions(run, source), await definitions(run, COPY)];
  const missing = was.find((definition) => !is.includes(definition));
  if (missing !== undefined || was.length !== is.length) {
    throw new AppError("invalid", "The copy of the warehouse has other definitions than the warehouse", {
      ...missing === undefined ? {} : { detail: missing },
    });
  }
  let rows = 0;
  // Both have the same definitions by now.
  const columns = await run(
    `SELECT schema_name AS schema, table_name AS name, column_name AS column, data_type AS type FROM duckdb_columns()
     SEMI JOIN duckdb_tables() USING (database_name, schema_name, table_name)
     WHERE database_name = ${quoteLiteral(source)} ORDER BY schema_name, table_name, column_index`,
  );
  const tables = Map.groupBy(
    columns,
    ({ schema, name }) => `${quoteIdentifier(String(schema))}.${quoteIdentifier(String(name))}`,
  );
  for (const [table, its] of tables) {
    const values = its.flatMap(({ column, type }) =>
      hashedValues(`t.${quoteIdentifier(String(column))}`, String(type))
    );
    const [one, other] = [await rowsOf(run, source, table, values), await rowsOf(run, COPY, table, values)];
    if (one.text !== other.text) {
      throw new AppError(
        "invalid",
        `The copy of the warehouse has other rows in ${table} than the warehouse`,
      );
    }
    rows += one.count;
  }
  return { tables: tables.size, rows };
}

async function rowsOf(
  run: RunSql,
  catalogue: string,
  table: string,
  values: readonly string[],
): Promise<{ count: number; text: string }> {
  const [row] = await run(
    `SELECT count(*) AS count, bit_xor(h) AS parity, sum(h::HUGEINT) AS total
     FROM (SELECT hash(${values.join(", ")}) AS h FROM ${quoteIdentifier(catalogue)}.${table} AS t)`,
  );
  return { count: Number(row?.["count"] ?? 0), text: JSON.stringify(row) };
}

async function definitions(run: RunSql, catalogue: string): Promise<string[]> {
  const mine = `database_name = ${quoteLiteral(catalogue)}`;
  const rows = await run(
    `SELECT 'schema ' || schema_name AS definition FROM duckdb_schemas() WHERE ${mine} AND NOT internal
     UNION ALL SELECT 'table ' || schema_name || ' ' || sql || coalesce(comment, '') FROM duckdb_tables() WHERE ${mine}
     UNION ALL SELECT 'view ' || schema_name || ' ' || view_name || coalesce(comment, '') FROM duckdb_views() WHERE ${mine} AND NOT internal
     UNION ALL SELECT 'index ' || schema_name || ' ' || index_name || ' ' || table_name FROM duckdb_indexes() WHERE ${mine}
     UNION ALL SELECT 'sequence ' || schema_name || ' ' || sequence_name || ' ' || coalesce(last_value, 0) FROM duckdb_sequences() WHERE ${mine}
     UNION ALL SELECT 'macro ' || schema_name || ' ' || function_name FROM duckdb_functions() WHERE ${mine} AND NOT internal
     UNION ALL SELECT 'type ' || schema_name || ' ' || type_name FROM duckdb_types() WHERE ${mine} AND NOT internal
     ORDER BY ALL`,
  );
  return rows.map(({ definition }) => String(definition));
}
