import duckdb from "@duckdb/node-bindings";
import type { Data, Field } from "apache-arrow";
import { AppError, toAppError } from "../../contract/errors.ts";
import { StringKernel } from "../../kernels/strings.ts";
import { VectorKernel } from "../../kernels/vectors.ts";
import { readDuckType } from "./duck_type.ts";
import { columnBuilder } from "./from/builder.ts";
import { vectorWriter } from "./into/writer.ts";
import type { DuckSession } from "./session.ts";
import { chooseStringWay } from "./string_cell.ts";
import { arrowFieldOf, exportableType } from "./types.ts";

/** What a function of SQL is made of. */
export interface ScalarFunction {
  readonly name: string;
  /** Types in SQL, which are not quoted: they are none of a user's own writing. */
  readonly parameters: readonly string[];
  readonly returns: string;
  /** Whether it is called for each row, with the same arguments too. */
  readonly isVolatile: boolean;
  /** Its work, for the fields that its arguments and its result have in Arrow. */
  readonly implement: (parameters: readonly Field[], returns: Field) => CallRows;
}

/**
 * Returns the results of `rows` calls at once, at most VECTOR_ROWS; NULL among the arguments is a matter of its own. It
 * blocks the thread, and every thread of DuckDB that wants to call. What it throws ends the query.
 */
export type CallRows = (given: readonly Data[], rows: number) => Data;

/**
 * Makes SQL of all sessions of the database know the function. Throws `invalid` where DuckDB has one of its name,
 * or cannot call one of it.
 */
export async function registerFunction(session: DuckSession, made: ScalarFunction): Promise<void> {
  const { name, parameters, returns, isVolatile, implement } = made;
  await refuseTakenName(session, name);
  const sql = `SELECT ${[returns, ...parameters].map((type) => `CAST(NULL AS ${type})`).join(", ")}`;
  await session.withConnection(sql, async (connection) => {
    const statement = await duckdb.prepare(connection, sql);
    const made = duckdb.create_scalar_function();
    try {
      const types = Array.from({ length: 1 + parameters.length }, (_, i) => {
        const logical = duckdb.prepared_statement_column_logical_type(statement, i);
        return { logical, type: exportableType(readDuckType(logical)) };
      });
      const fields = types.map(({ type }, i) => arrowFieldOf(i === 0 ? "result" : `argument ${i}`, type));
      const [result, ...given] = types.map(({ logical, type }, i) => ({ logical, type, field: fields[i] }));
      const [returned, ...taken] = fields;
      if (result === undefined || returned === undefined) {
        throw new AppError("internal", "No type is returned");
      }
      duckdb.scalar_function_set_name(made, name);
      for (const { logical } of given) duckdb.scalar_function_add_parameter(made, logical);
      duckdb.scalar_function_set_return_type(made, result.logical);
      // Else a NULL would be the result of what is called with one, where it is a constant.
      duckdb.scalar_function_set_special_handling(made);
      if (isVolatile) duckdb.scalar_function_set_volatile(made);
      const way = chooseStringWay();
      const strings = way === "bulk" ? new StringKernel() : undefined;
      const builders = given.map(({ type, field }) =>
        columnBuilder(type, field?.type ?? returned.type, strings)
      );
      const writer = vectorWriter(returned, { way, kernel: new VectorKernel() });
      const call = implement(taken, returned);
      duckdb.scalar_function_set_function(made, (info, chunk, output) => {
        try {
          const rows = duckdb.data_chunk_get_size(chunk);
          const data = builders.map((builder, i) => {
            builder.append(duckdb.data_chunk_get_vector(chunk, i), 0, rows);
            return builder.take();
          });
          writer.write(output, call(data, rows), 0, rows, undefined);
        } catch (error) {
          // Half of a column stays for the next call otherwise.
          for (const builder of builders) builder.take();
          duckdb.scalar_function_set_error(info, toAppError(error).message);
        }
      });
      duckdb.register_scalar_function(connection, made);
    } finally {
      duckdb.destroy_scalar_function_sync(made);
      duckdb.destroy_prepare_sync(statement);
    }
  });
}

async function refuseTakenName(session: DuckSession, name: string): Promise<void> {
  const [taken] = await session.rows(
    `SELECT 'has a function ' || $1 || ' of its own' AS why FROM duckdb_functions()
      WHERE lower(function_name) = lower($1)
     UNION ALL
     SELECT 'takes ' || $1 || ' for a word of SQL' FROM duckdb_keywords()
      WHERE keyword_name = lower($1) AND keyword_category IN ('reserved', 'column_name')
     LIMIT 1`,
    [name],
  );
  if (taken !== undefined) throw new AppError("invalid", `DuckDB ${taken["why"]}: choose another name`);
}
