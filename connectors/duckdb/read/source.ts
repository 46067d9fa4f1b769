import { makeData, RecordBatch, type Schema, Struct, vectorFromArray } from "apache-arrow";
import type {
  DiscoveredStream,
  Source,
  StreamDescription,
  StreamRequest,
  Until,
} from "../../../contract/connector/source.ts";
import type { DuckdbSession } from "../../../contract/duckdb.ts";
import { AppError } from "../../../contract/errors.ts";
import { type Column, findColumn, isSameName, quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { chooseColumns } from "../../column_choice.ts";
import { duckdbFinite, duckdbWindowCondition } from "../../cursor.ts";
import { onlyStream } from "../../one_stream.ts";
import { didYouMean } from "../../../text/suggest.ts";
import type { DuckdbFile } from "../file.ts";
import type { DuckdbStream } from "../options.ts";
import { parseTableName, quoteTable, showTable, type TableName } from "../table_name.ts";

/** The file as a source; DuckDB filters, chooses columns, and gives Arrow. Each read is one snapshot. */
export function createSource(file: DuckdbFile): Source<DuckdbStream> {
  return {
    pushdown: { columns: true, where: true },
    async *discover(signal) {
      await using lease = await file.toRead(signal);
      yield* await discover(lease.session);
    },
    async describe(stream, signal) {
      await using lease = await file.toRead(signal);
      return await describe(lease.session, stream);
    },
    async greatest(stream, column, signal) {
      await using lease = await file.toRead(signal);
      return await attempt(stream, () => greatestOf(lease.session, stream, column));
    },
    async *read({ streams }, signal) {
      const stream = onlyStream(streams);
      await using lease = await file.toRead(signal);
      const { session } = lease;
      const { schema, batches } = await attempt(
        stream,
        async () => await session.read(await selectOf(session, stream)),
      );
      let isEmpty = true;
      const iterator = batches[Symbol.asyncIterator]();
      try {
        for (;;) {
          const step = await attempt(stream, () => iterator.next());
          if (step.done) break;
          isEmpty = false;
          yield { type: "rows", stream: stream.name, batch: step.value };
        }
      } finally {
        await iterator.return?.();
      }
      // So that a stream without rows has its columns.
      if (isEmpty) yield { type: "rows", stream: stream.name, batch: emptyBatch(schema) };
    },
  };
}

type Request = StreamRequest<DuckdbStream>;

const shownOf = ({ address }: Request): string =>
  address.stream === undefined ? "the query" : `table ${JSON.stringify(address.stream)}`;

async function describe(session: DuckdbSession, stream: Request): Promise<StreamDescription> {
  const { schema } = await attempt(stream, async () => await session.read(await selectOf(session, stream)));
  const { stream: table } = stream.address;
  const primaryKey = table === undefined ? [] : await primaryKeyOf(session, parseTableName(table));
  return primaryKey.length === 0 ? { schema } : { schema, primaryKey };
}

/** The SELECT of what is asked for. */
async function selectOf(session: DuckdbSession, request: Request): Promise<string> {
  const relation = await relationOf(session, request.address);
  const columns = await session.describe(`SELECT * FROM ${relation}`);
  const chosen = chooseColumns(columns, request.columns, (name) => noColumn(request, columns, name));
  const inFile = <T extends { readonly column: string }>(bound: T): T => ({
    ...bound,
    column: cursorColumn(request, columns, bound.column),
  });
  const conditions = [
    request.where === undefined ? undefined : `(${request.where}\n)`,
    duckdbWindowCondition(
      request.cursor && inFile(request.cursor),
      request.until && inFile(request.until),
      quoteLiteral,
    ),
  ].filter((condition) => condition !== undefined);
  const where = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
  return `SELECT ${chosen.map(({ name }) => quoteIdentifier(name)).join(", ")} FROM ${relation}${where}`;
}

/** Undefined where there is no value, or no such column: the read itself says what is wrong with it. */
async function greatestOf(
  session: DuckdbSession,
  request: Request,
  name: string,
): Promise<Omit<Until, "isRange"> | undefined> {
  const relation = await relationOf(session, request.address);
  const found = findColumn(await session.describe(`SELECT * FROM ${relation}`), name);
  if (found === undefined) return undefined;
  const column = quoteIdentifier(found.name);
  const [row] = await session.rows(
    `SELECT CAST(max(${column}) FILTER (${
      duckdbFinite(column, found.type)
    }) AS VARCHAR) AS v FROM ${relation}`,
  );
  const value = row?.["v"];
  return typeof value === "string" ? { column: found.name, value, type: found.type } : undefined;
}

async function relationOf(session: DuckdbSession, address: DuckdbStream): Promise<string> {
  if (address.query !== undefined) {
    // A line break, in case the query ends in a comment.
    return `(${address.query.replace(/;\s*$/, "")}\n)`;
  }
  const { stream = "" } = address;
  const name = parseTableName(stream);
  const known = await relations(session);
  const isThere = known.some(({ schema, table }) =>
    isSameName(schema, name.schema) && isSameName(table, name.table)
  );
  if (isThere) return quoteTable(name);
  const names = known.map(showTable);
  throw new AppError(
    "not_found",
    `Cannot read table ${JSON.stringify(stream)}: it does not exist${didYouMean(stream, names)}; ${
      names.length === 0 ? "there are no tables" : `there are ${names.slice(0, 20).join(", ")}`
    }`,
  );
}

function cursorColumn(request: Request, columns: readonly Column[], name: string): string {
  const found = findColumn(columns, name);
  if (found === undefined) throw noColumn(request, columns, name);
  return found.name;
}

function noColumn(request: Request, columns: readonly Column[], name: string): AppError {
  return new AppError(
    "invalid",
    `Cannot read ${shownOf(request)}: there is no column ${JSON.stringify(name)}; the columns are ${
      columns.map((column) => column.name).join(", ")
    }`,
  );
}

async function relations(session: DuckdbSession): Promise<(TableName & { readonly type: string })[]> {
  const rows = await session.rows(
    `SELECT table_schema, table_name, table_type FROM information_schema.tables
      WHERE table_catalog = current_database() AND NOT starts_with(table_name, '_sluice_') ORDER BY ALL`,
  );
  return rows.map((row) => ({
    schema: String(row["table_schema"]),
    table: String(row["table_name"]),
    type: String(row["table_type"]),
  }));
}

async function primaryKeyOf(session: DuckdbSession, { schema, table }: TableName): Promise<string[]> {
  const rows = await session.rows(
    `SELECT unnest(constraint_column_names) AS name FROM duckdb_constraints()
      WHERE database_name = current_database() AND lower(schema_name) = lower(${quoteLiteral(schema)})
        AND lower(table_name) = lower(${quoteLiteral(table)}) AND constraint_type = 'PRIMARY KEY'`,
  );
  return rows.map((row) => String(row["name"]));
}

async function discover(session: DuckdbSession): Promise<DiscoveredStream[]> {
  const columns = await session.rows(
    `SELECT schema_name, table_name, column_name, data_type, is_nullable FROM duckdb_columns()
      WHERE database_name = current_database() ORDER BY schema_name, table_name, column_index`,
  );
  const sizes = await session.rows(
    "SELECT schema_name, table_name, estimated_size FROM duckdb_tables() WHERE database_name = current_database()",
  );
  const found: DiscoveredStream[] = [];
  for (const relation of await relations(session)) {
    const isOfIt = (row: Readonly<Record<string, unknown>>) =>
      row["schema_name"] === relation.schema && row["table_name"] === relation.table;
    const size = sizes.find(isOfIt)?.["estimated_size"];
    found.push({
      address: { stream: addressOf(relation) },
      name: showTable(relation),
      kind: relation.type === "VIEW" ? "view" : "table",
      columns: columns.filter(isOfIt).map((row) => ({
        name: String(row["column_name"]),
        type: String(row["data_type"]),
        nullable: row["is_nullable"] === true,
      })),
      primaryKey: await primaryKeyOf(session, relation),
      rows: size === undefined || size === null ? null : Number(size),
      sizeBytes: null,
    });
  }
  return found;
}

/** As `stream:` takes it. */
const addressOf = (name: TableName): string =>
  /^[^".]+$/.test(name.table) && /^[^".]+$/.test(name.schema) ? showTable(name) : quoteTable(name);

function emptyBatch(schema: Schema): RecordBatch {
  const children = schema.fields.flatMap(({ type }) => vectorFromArray([], type).data);
  const type = new Struct(schema.fields);
  return new RecordBatch(schema, makeData({ type, length: 0, nullCount: 0, children }));
}

async function attempt<T>(request: Request, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError) || error.message.startsWith("Cannot read ")) throw error;
    throw new AppError(error.code, `Cannot read ${shownOf(request)}: ${error.message}`, {
      ...(error.detail === undefined ? {} : { detail: error.detail }),
      cause: error,
    });
  }
}
