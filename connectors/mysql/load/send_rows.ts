import type { RecordBatch } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import { columnList } from "../../destination/plan.ts";
import type { Cell, LoadColumn, SentRows } from "../../destination/system.ts";
import { toMysqlError } from "../errors.ts";
import { ServerError } from "../session/server_error.ts";
import type { Session } from "../session/session.ts";
import { columnsOf, type MysqlColumn, uniqueKeysOf } from "./catalogue.ts";
import { encoderOf } from "./encode/column_encoder.ts";
import { type RowColumn, RowEncoder, UnfitRowError } from "./encode/row_encoder.ts";

export interface TakesFiles {
  /** Whether the server takes files of its clients, by LOAD DATA LOCAL. */
  readonly isAllowed: boolean;
  readonly maxPacketBytes: number;
}

export interface SendContext {
  readonly session: Session;
  readonly action: string;
  readonly takesFiles: TakesFiles;
}

export interface SendRequest {
  /** As SQL. */
  readonly relation: string;
  readonly columns: readonly LoadColumn<MysqlColumn>[];
  readonly batches: AsyncIterable<RecordBatch>;
}

/** An INSERT of this size costs little for each of its rows. */
const INSERT_BYTES = 1024 * 1024;
/** What an INSERT has beside its rows. */
const INSERT_HEAD_BYTES = 65_536;
const DUPLICATE_KEY = 1062;

/**
 * Sends all rows into the columns of a table. Throws `invalid` for a value that does not fit, with row and
 * column: what is not refused here, the server refuses, or it warns, and a warning is a refusal too.
 */
export async function sendRows(context: SendContext, request: SendRequest): Promise<SentRows> {
  const { action } = context;
  const encoder = new RowEncoder(await rowColumns(context, request));
  try {
    const taken = context.takesFiles.isAllowed
      ? await loadLines(context, request, encoder)
      : await insertValues(context, request, encoder);
    return { sent: encoder.rows, taken, sizeBytes: encoder.sizeBytes };
  } catch (error) {
    if (error instanceof UnfitRowError) throw unfitValue(action, request, error);
    throw toMysqlError(action, error);
  }
}

/** How the values are written: as the columns take them that are really there. */
async function rowColumns(
  { session, action }: SendContext,
  { relation, columns }: SendRequest,
): Promise<RowColumn[]> {
  const there = await columnsOf(textRows(session), relation);
  return columns.map(({ field, name, target }) => {
    const column = there.find((each) => each.name.toLowerCase() === name.toLowerCase());
    if (column === undefined) throw new AppError("internal", `${action}: the table has no column ${name}`);
    const encoder = encoderOf(field, column.type);
    if (encoder === undefined) {
      throw new AppError(
        "invalid",
        `${action}: column ${JSON.stringify(name)} is ${
          shortType(column.sql)
        } in the table, into which no ${field.type} goes; ` +
          `cast it in the model, or leave it out`,
      );
    }
    // NULL in a numbered column would become a number.
    const takesNull = (target ?? column).isNullable && !(target ?? column).numbersNulls;
    return { encoder, takesNull };
  });
}

const textRows = (session: Session) => ({
  rows: async (sql: string): Promise<readonly (readonly Cell[])[]> => (await session.query(sql)).rows,
});

/** The type as people write it. */
const shortType = (sql: string): string => sql.replace(/ (?:CHARACTER SET|NULL$).*/, "");

async function loadLines(
  context: SendContext,
  { relation, columns, batches }: SendRequest,
  encoder: RowEncoder,
): Promise<number> {
  const { session } = context;
  const lines = unbroken(encoder.lines(batches));
  const { affectedRows, warnings, info } = await session.load(
    `LOAD DATA LOCAL INFILE 'rows' INTO TABLE ${relation} CHARACTER SET utf8mb4
     FIELDS TERMINATED BY '\t' ENCLOSED BY '' ESCAPED BY '\\' LINES TERMINATED BY '\n' (${
      columnList(columns)
    })`,
    lines.chunks,
  );
  lines.throwFailure();
  const skipped = Number(/Skipped: (\d+)/.exec(info)?.[1] ?? 0);
  if (warnings > 0 || skipped > 0) throw await refusal(context, relation);
  return affectedRows;
}

/**
 * The chunks, which end where they fail: the server takes what it got, the transaction is rolled back, and the
 * session can be used on. Who reads them has to ask for the failure then.
 */
function unbroken(
  source: AsyncIterable<Uint8Array>,
): { readonly chunks: AsyncIterable<Uint8Array>; throwFailure(): void } {
  let failure: { readonly error: unknown } | undefined;
  return {
    chunks: (async function* () {
      try {
        yield* source;
      } catch (error) {
        failure = { error };
      }
    })(),
    throwFailure() {
      if (failure !== undefined) throw failure.error;
    },
  };
}

/** LOAD DATA LOCAL leaves out or changes what it cannot take, and only warns. */
async function refusal({ session, action }: SendContext, relation: string): Promise<AppError> {
  const { rows } = await session.query("SHOW WARNINGS LIMIT 1");
  const [, code, message = "rows were left out"] = rows[0] ?? [];
  if (Number(code) === DUPLICATE_KEY) return await duplicateKey({ session, action }, relation, message ?? "");
  return new AppError("invalid", `${action}${placeOf(message ?? "")}: ${message}; nothing is changed`, {
    detail: `warning ${code}`,
  });
}

/** `… for column `db`.`t`.`c` at row 3` and `… for column 'c' at row 3`. */
const WARNING_PLACE = /for column (?:.*[.`'](?=[^`']+[`'] at row))?[`']?(.+?)[`']? at row (\d+)$/;

function placeOf(message: string): string {
  const [, column, row] = WARNING_PLACE.exec(message) ?? [];
  if (row !== undefined) return ` row ${row}, column ${JSON.stringify(column)}`;
  const [, only] = / at row (\d+)$/.exec(message) ?? [];
  return only === undefined ? "" : ` row ${only}`;
}

async function insertValues(
  context: SendContext,
  { relation, columns, batches }: SendRequest,
  encoder: RowEncoder,
): Promise<number> {
  const { session, action, takesFiles: { maxPacketBytes } } = context;
  const head = `INSERT INTO ${relation} (${columnList(columns)}) VALUES `;
  const mostBytes = maxPacketBytes - INSERT_HEAD_BYTES;
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let taken = 0;
  for await (const { bytes, first } of encoder.values(batches, Math.min(INSERT_BYTES, mostBytes))) {
    if (bytes.length > mostBytes) {
      throw new AppError(
        "invalid",
        `${action} row ${first}: it is larger than a statement may be (max_allowed_packet is ${maxPacketBytes} bytes); ` +
          `set it higher at the server, or allow files of clients there: SET GLOBAL local_infile = 1`,
      );
    }
    try {
      // Without the comma behind the last row.
      const sql = head + decoder.decode(bytes.subarray(0, bytes.length - 1));
      taken += (await session.query(sql)).affectedRows;
    } catch (error) {
      throw await insertError({ session, action }, relation, first, error);
    }
  }
  return taken;
}

async function insertError(
  context: Pick<SendContext, "session" | "action">,
  relation: string,
  first: number,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof ServerError)) return error;
  const { action } = context;
  if (error.errno === DUPLICATE_KEY) return await duplicateKey(context, relation, error.message, error);
  const [, column, row] = WARNING_PLACE.exec(error.message) ?? [];
  if (row === undefined) return error;
  const place = `${action} row ${first + Number(row) - 1}, column ${JSON.stringify(column)}`;
  return toMysqlError(place, new ServerError(error.errno, error.sqlState, withoutRow(error.message)));
}

const withoutRow = (message: string): string => message.replace(/ at row \d+$/, "");

/** Names the key's columns: the server only says what the index is called. */
export async function duplicateKey(
  { session, action }: Pick<SendContext, "session" | "action">,
  relation: string,
  message: string,
  cause?: ServerError,
): Promise<AppError> {
  const [, value, index = ""] = /^Duplicate entry '(.*)' for key '(.+)'$/s.exec(message) ?? [];
  const keys = await uniqueKeysOf(textRows(session), relation);
  const columns = keys.get(index) ?? keys.get(index.replace(/^.*\./, ""));
  const met = value === undefined || columns === undefined
    ? message
    : `the key (${columns.join(", ")}) = (${value}) comes twice in the rows, or the table has it already`;
  return new AppError("invalid", `${action}: ${met}; nothing is changed`, {
    detail: message,
    ...(cause === undefined ? {} : { cause }),
  });
}

function unfitValue(action: string, { columns }: SendRequest, error: UnfitRowError): AppError {
  const column = columns[error.column];
  const shown = JSON.stringify(column?.name ?? "");
  const type = shortType(column?.targetSql ?? "");
  if (error.shown === undefined) {
    const why = column?.target?.numbersNulls
      ? "the table would give the row a number of its own; leave the column out of the rows to have it do so"
      : "the table's column is NOT NULL, or in its key";
    return new AppError("invalid", `${action} row ${error.row}: column ${shown} is NULL, and ${why}`, {
      cause: error,
    });
  }
  return new AppError(
    "invalid",
    `${action} row ${error.row}: column ${shown} is ${error.shown}, which the table's ${type} ` +
      `cannot hold without a loss; round or cast it in the model, or change the table`,
    { cause: error },
  );
}
