import { type RecordBatch, Schema } from "apache-arrow";
import type { Cursor, ReadMessage, ReadRequest, Source, StreamRequest } from "../../../contract/connector.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { BatchDecoder, UnfitValueError } from "./decode/batch_decoder.ts";
import { toPostgresError } from "../errors.ts";
import { missingTable } from "./missing_table.ts";
import { arrowField, AS_TEXT, type DecodeKind, isBuiltIn, planType, type TypePlan } from "./types.ts";
import type { SessionPool } from "../session_pool.ts";
import { parseTableName, quoteTable } from "../table_name.ts";
import type { ResultColumn } from "../session/commands.ts";
import { ServerError } from "../session/server_error.ts";
import type { Session } from "../session/session.ts";
import type { PostgresStream } from "../options.ts";
import { cursorCondition } from "../../cursor.ts";
import { onlyStream } from "../../one_stream.ts";

/** One snapshot for the columns and the rows; text forms that do not depend on the server's settings. */
const BEGIN_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; " +
  "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; SET LOCAL IntervalStyle = 'postgres'; " +
  "SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL standard_conforming_strings = on";

export interface ReadContext {
  /** The connector's name in connectors.yaml. */
  readonly name: string;
  readonly defaultSchema: string;
}

interface TypeInfo {
  /** Quoted, with its schema. */
  readonly name: string;
  readonly isArray: boolean;
}

interface PlannedColumn extends TypePlan {
  readonly column: ResultColumn;
  readonly type: TypeInfo | undefined;
}

interface ReadPlan {
  readonly columns: readonly PlannedColumn[];
  readonly schema: Schema;
  /** What follows FROM. */
  readonly relation: string;
}

export function createSource(pool: SessionPool, context: ReadContext): Source<PostgresStream> {
  return {
    pushdown: { columns: false, where: false },
    describe: (stream, signal) =>
      pool.use(actionOf(stream, context), signal, async (session) => {
        const plan = await planRead(session, stream, context);
        await session.query("ROLLBACK");
        return { schema: plan.schema };
      }),
    read: (request, signal) => readBatches(pool, request, context, signal),
  };
}

async function* readBatches(
  pool: SessionPool,
  request: ReadRequest<PostgresStream>,
  context: ReadContext,
  signal: AbortSignal,
): AsyncGenerator<ReadMessage, void, undefined> {
  const stream = onlyStream(request.streams);
  const rows = (batch: RecordBatch): ReadMessage => ({ type: "rows", stream: stream.name, batch });
  const action = actionOf(stream, context);
  await using lease = await pool.lease(signal);
  const { session } = lease;
  try {
    const plan = await planRead(session, stream, context);
    const select = selectOf(plan, stream.cursor, action);
    const decoder = new BatchDecoder(plan.schema, plan.columns.map((column) => column.decode), {
      validateUtf8: session.serverEncoding === "SQL_ASCII",
    });
    for await (const region of session.copyOut(`COPY (${select}) TO STDOUT (FORMAT binary)`)) {
      for (const batch of decoder.push(region)) yield rows(batch);
    }
    if (!decoder.isComplete) {
      throw new AppError("unavailable", `${action}: the server's rows ended without their end mark`);
    }
    const last = decoder.flush();
    if (last !== undefined) yield rows(last);
    else if (decoder.rowsDecoded === 0) yield rows(decoder.emptyBatch());
    await session.query("COMMIT");
  } catch (error) {
    if (signal.aborted) throw toAppError(signal.reason);
    if (error instanceof UnfitValueError) throw unfit(action, error);
    throw toPostgresError(action, error);
  }
}

function unfit(action: string, error: UnfitValueError): AppError {
  const advice = `; add ${
    JSON.stringify(error.column)
  } to the stream's option text_columns to read it as text`;
  const isAdvised = error.message.includes("text_columns");
  return new AppError(
    "invalid",
    `${action} row ${error.row}: column ${JSON.stringify(error.column)} ${error.message}${
      isAdvised ? "" : advice
    }`,
    { cause: error },
  );
}

function actionOf(stream: StreamRequest<PostgresStream>, context: ReadContext): string {
  if (stream.address.stream === undefined) {
    return `Cannot read the query of stream "${stream.name}" from ${context.name}`;
  }
  return `Cannot read ${stream.address.stream} from ${context.name}`;
}

/** Opens the transaction and leaves it open for the rows. */
async function planRead(
  session: Session,
  stream: StreamRequest<PostgresStream>,
  context: ReadContext,
): Promise<ReadPlan> {
  const { options } = stream.address;
  const { relation, probe } = relationOf(stream, context);
  await session.query(BEGIN_READ);
  const described = await describeProbe(session, probe, stream, context);
  checkColumns(described, options.text_columns, actionOf(stream, context));
  const types = await typeInfos(session, described.map((column) => column.typeOid));
  const columns = described.map((column): PlannedColumn => {
    const type = types.get(column.typeOid);
    const isText = options.text_columns.includes(column.name);
    const plan = isText ? AS_TEXT : planType(column.typeOid, column.typeModifier, type?.isArray ?? false);
    return { ...plan, column, type };
  });
  const schema = new Schema(columns.map(({ column, decode }) => arrowField(column.name, decode)));
  return { columns, schema, relation };
}

function relationOf(
  stream: StreamRequest<PostgresStream>,
  context: ReadContext,
): { relation: string; probe: string } {
  if (stream.address.stream !== undefined) {
    const table = quoteTable(parseTableName(stream.address.stream, context.defaultSchema));
    return { relation: table, probe: `SELECT * FROM ${table}` };
  }
  if (stream.address.query === undefined) {
    throw new AppError("invalid", `Stream "${stream.name}" of ${context.name} needs stream: or query:`);
  }
  const query = stream.address.query.trim().replace(/[;\s]+$/, "");
  // The line break ends a comment at the query's end; PostgreSQL 15 wants a name for the subquery.
  return { relation: `(${query}\n) AS "query"`, probe: query };
}

async function describeProbe(
  session: Session,
  probe: string,
  stream: StreamRequest<PostgresStream>,
  context: ReadContext,
): Promise<readonly ResultColumn[]> {
  try {
    return await session.describe(probe);
  } catch (error) {
    if (
      stream.address.stream !== undefined && error instanceof ServerError && error.fields.code === "42P01"
    ) {
      await session.query("ROLLBACK");
      const table = parseTableName(stream.address.stream, context.defaultSchema);
      throw await missingTable(session, `${actionOf(stream, context)}`, table);
    }
    throw error;
  }
}

function checkColumns(
  columns: readonly ResultColumn[],
  textColumns: readonly string[],
  action: string,
): void {
  if (columns.length === 0) throw new AppError("invalid", `${action}: it has no columns`);
  const names = columns.map((column) => column.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new AppError(
      "invalid",
      `${action}: two columns are named ${JSON.stringify(twice)}; give one an alias`,
    );
  }
  const unknown = textColumns.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new AppError(
      "invalid",
      `${action}: text_columns names ${JSON.stringify(unknown)}, which is no column of it`,
    );
  }
}

async function typeInfos(session: Session, oids: readonly number[]): Promise<Map<number, TypeInfo>> {
  const { rows } = await session.query(
    `SELECT t.oid, n.nspname, t.typname,
            EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid)
       FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
      WHERE t.oid IN (${[...new Set(oids)].join(", ")})`,
  );
  return new Map(rows.map(([oid, schema, name, isArray]) => [
    Number(oid),
    { name: `${quoteIdentifier(schema ?? "")}.${quoteIdentifier(name ?? "")}`, isArray: isArray === "t" },
  ]));
}

function selectOf(plan: ReadPlan, cursor: Cursor | undefined, action: string): string {
  const columns = plan.columns.map(({ column, castTo }) => {
    const name = quoteIdentifier(column.name);
    return castTo === undefined ? name : `${name}::pg_catalog.${castTo}`;
  });
  const where = cursor === undefined ? "" : ` WHERE ${cursorFilter(plan, cursor, action)}`;
  return `SELECT ${columns.join(", ")} FROM ${plan.relation}${where}`;
}

/** Kinds whose order is DuckDB's too, and whose text of DuckDB PostgreSQL reads back exactly. */
const CURSOR_KINDS: readonly DecodeKind["kind"][] = [
  "bool",
  "int2",
  "int4",
  "int8",
  "oid",
  "float4",
  "float8",
  "numeric",
  "text",
  "date",
  "time",
  "timestamp",
  "timestamptz",
  "uuid",
];

function cursorFilter(plan: ReadPlan, cursor: Cursor, action: string): string {
  const shown = JSON.stringify(cursor.column);
  const found = plan.columns.find(({ column }) => column.name === cursor.column);
  if (found?.type === undefined) {
    throw new AppError("invalid", `${action}: update_key ${shown} is no column of it`);
  }
  const { decode, castTo, column, type } = found;
  if (castTo !== undefined || !CURSOR_KINDS.includes(decode.kind) || !isBuiltIn(column.typeOid)) {
    throw new AppError(
      "invalid",
      `${action}: update_key ${shown} is ${type.name}, whose order its text does not keep; ` +
        `cast it in a query, as numeric(38, 9), timestamptz or text`,
    );
  }
  const name = quoteIdentifier(cursor.column);
  // DuckDB orders text by its bytes; the database's own collation may not.
  const collated = decode.kind === "text" ? `${name} COLLATE "C"` : name;
  return cursorCondition(collated, `${quoteLiteral(cursorText(cursor.value))}::${type.name}`);
}

/** DuckDB writes `0044-03-15 (BC) 12:00:00`, PostgreSQL `0044-03-15 12:00:00 BC`. */
function cursorText(value: string): string {
  return value.includes(" (BC)") ? `${value.replace(" (BC)", "")} BC` : value;
}
