import type { ConnectorContext } from "../../contract/connector/connector.ts";
import type { Scan, Source, StreamRequest } from "../../contract/connector/source.ts";
import { AppError, toAppError } from "../../contract/errors.ts";
import { parquetRelation, readType } from "../../contract/snapshots/parquet.ts";
import type { SnapshotFile } from "../../contract/snapshots/source.ts";
import { type Column, quoteIdentifier } from "../../contract/sql.ts";
import type { JsonValue } from "../../contract/json.ts";
import { isRecord } from "../../text/is_record.ts";
import { formatPlural } from "../../text/format.ts";
import type { SluiceStream } from "./options.ts";

type Request = StreamRequest<SluiceStream>;

/** The rows of the snapshots that the job has: DuckDB reads them by itself, in the types that the model has. */
export const publishedSource = (context: ConnectorContext): Source<SluiceStream> => ({
  pushdown: { columns: false, where: false },
  describe: ({ address }) => Promise.reject(onlyScanned(address)),
  // deno-lint-ignore require-yield -- DuckDB reads what there is.
  async *read({ streams }) {
    await Promise.reject(onlyScanned(streams[0]?.address));
  },
  scan: async (request) => await Promise.resolve(scanSnapshot(context, request)),
});

function scanSnapshot(context: ConnectorContext, request: Request): Scan {
  const { address: { stream: name } } = request;
  const input = context.snapshot?.(name);
  if (input === undefined) {
    throw new AppError(
      "invalid",
      `Cannot read ${name}: only runs and checks of its pipeline have its snapshot`,
    );
  }
  if ("error" in input) {
    const { code, message, reason } = input.error;
    throw new AppError(code, message, reason === undefined ? {} : { reason });
  }
  const { columns, file } = input;
  if (file === undefined) {
    return { ...NOTHING, relation: emptyRelation(columns), explain: (error) => explained(name, error) };
  }
  const { id, path, key, rows, sizeBytes, publishedAt } = file;
  // A stream that adds rows takes those of a snapshot once.
  const isTaken = request.addsOnly === true && snapshotOf(request.state) === id;
  const isUnchanged = snapshotOf(request.validators) === id;
  const message = isTaken || isUnchanged
    ? `${name}: the snapshot ${id} of ${publishedAt} has been read already`
    : `${name}: reading the snapshot ${id} of ${publishedAt}, ${formatPlural(rows, "row")}`;
  const whole = `(SELECT ${columns.map(typed).join(", ")} FROM ${parquetRelation(path, key)})`;
  return {
    ...NOTHING,
    relation: isTaken ? emptyRelation(columns) : whole,
    files: [path],
    sizeBytes,
    validators: { snapshot: id },
    ...(isUnchanged ? { isUnchanged } : {}),
    ...(request.addsOnly === true ? { state: { snapshot: id } } : {}),
    messages: [{ level: "info", message }],
    explain: (error) => explained(name, error, file),
  };
}

const NOTHING = { files: [], sizeBytes: 0, verify: () => Promise.resolve() };

const typed = ({ name, type }: Column): string =>
  `CAST(${quoteIdentifier(name)} AS ${readType(type)}) AS ${quoteIdentifier(name)}`;

const emptyRelation = (columns: readonly Column[]): string =>
  `(SELECT ${
    columns.map(({ name, type }) => `CAST(NULL AS ${readType(type)}) AS ${quoteIdentifier(name)}`).join(", ")
  } WHERE false)`;

/** As a state or validators have it. */
const snapshotOf = (value: JsonValue | undefined): string | undefined =>
  isRecord(value) && typeof value["snapshot"] === "string" ? value["snapshot"] : undefined;

/** DuckDB quotes SQL, and a key may be in it. */
function explained(name: string, error: unknown, file?: SnapshotFile): Promise<AppError> {
  const { code, message, reason } = toAppError(error);
  const hidden = file?.key === undefined ? message : message.replaceAll(file.key, "[redacted]");
  const text = `Cannot read ${name}: ${hidden}`;
  return Promise.resolve(new AppError(code, text, reason === undefined ? {} : { reason }));
}

const onlyScanned = (address: SluiceStream | undefined): AppError =>
  new AppError("internal", `${address?.stream ?? "A snapshot"} is read by DuckDB alone`);
