import { AppError } from "../../../../contract/errors.ts";
import { detailOf } from "../../errors.ts";
import { ServerError } from "../../session/server_error.ts";
import type { Session } from "../../session/session.ts";
import type { Place } from "./place.ts";

/** What a server says of its log, and what stands in the way of following it. */
export interface LogSettings {
  /** Which server's log it is. */
  readonly server: string;
  /** Whether names of tables are compared without case. */
  readonly ignoresCase: boolean;
  /** What is not as it has to be, with what to do; none where tables can be followed. */
  readonly faults: readonly string[];
}

/** Looks at the settings by which a server logs. */
export async function logSettings(session: Session): Promise<LogSettings> {
  const { isMariadb } = session.server;
  const names = [
    "log_bin",
    "binlog_format",
    "binlog_row_image",
    "binlog_row_value_options",
    "binlog_transaction_compression",
    "lower_case_table_names",
    "server_id",
    "server_uuid",
  ];
  const { rows } = await session.query(
    `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names.map((name) => `'${name}'`).join(", ")})`,
  );
  const values = new Map(rows.map(([name, value]) => [name ?? "", value ?? ""]));
  const is = (name: string, value: string) => (values.get(name) ?? value).toUpperCase() === value;
  const persist = isMariadb ? "SET GLOBAL" : "SET PERSIST";
  const faults: string[] = [];
  if (!is("log_bin", "ON")) {
    faults.push(
      "the server writes no binary log; set log_bin and server_id in its configuration and restart it",
    );
  }
  if (!is("binlog_format", "ROW")) {
    faults.push(
      `the server's binlog_format is ${
        values.get("binlog_format")
      }, which logs statements in place of rows; run ` +
        `${persist} binlog_format = 'ROW', and let sessions connect anew`,
    );
  }
  if (!is("binlog_row_image", "FULL")) {
    faults.push(
      `the server's binlog_row_image is ${
        values.get("binlog_row_image")
      }, which leaves columns out; run ${persist} ` +
        "binlog_row_image = 'FULL', and let sessions connect anew",
    );
  }
  if (!is("binlog_row_value_options", "")) {
    faults.push(
      `the server logs parts of JSON documents; run ${persist} binlog_row_value_options = '', and let sessions ` +
        "connect anew",
    );
  }
  if (!is("binlog_transaction_compression", "OFF")) {
    faults.push(
      `the server compresses transactions in its log, which cannot be read here; run ${persist} ` +
        "binlog_transaction_compression = OFF, and let sessions connect anew",
    );
  }
  const uuid = values.get("server_uuid") ?? "";
  return {
    server: isMariadb || uuid === "" ? `id ${values.get("server_id")}` : `uuid ${uuid}`,
    ignoresCase: values.get("lower_case_table_names") !== "0",
    faults,
  };
}

const DENIED = 1227;

/** A log as it is now. */
export interface LogStatus {
  readonly end: Place;
  /** What MySQL has committed up to there; MariaDB does not say, and MySQL without GTIDs has none. */
  readonly gtids: string | undefined;
  readonly logged: (database: string) => boolean;
}

/** Where the log ends now, and which databases are not in it. */
export async function logStatus(session: Session, action: string): Promise<LogStatus> {
  const { isMariadb, version: [major, minor] } = session.server;
  const isRenamed = !isMariadb && (major > 8 || major === 8 && minor >= 2);
  const sql = isRenamed ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS";
  try {
    const { rows: [row] } = await session.query(sql);
    const [file, offset, only, ignored, gtids] = row ?? [];
    if (file === undefined || file === null) {
      throw new AppError(
        "invalid",
        `${action}: the server writes no binary log; set log_bin, and restart it`,
      );
    }
    const list = (text: string | null | undefined) => (text ?? "").split(",").filter((name) => name !== "");
    const [included, excluded] = [list(only), list(ignored)];
    return {
      end: { file, offset: Number(offset) },
      gtids: isMariadb || gtids === null || gtids === "" ? undefined : gtids,
      logged: (database) =>
        (included.length === 0 || included.includes(database)) && !excluded.includes(database),
    };
  } catch (error) {
    if (!(error instanceof ServerError) || error.errno !== DENIED) throw error;
    throw missingGrant(action, session, "where its log is", error);
  }
}

/** The grants that reading the log takes, in the server's words. */
export function grantsFor({ server: { isMariadb, version: [major, minor] } }: Session): readonly string[] {
  const monitors = isMariadb && (major > 10 || major === 10 && minor >= 5);
  return ["REPLICATION SLAVE", monitors ? "BINLOG MONITOR" : "REPLICATION CLIENT"];
}

export function missingGrant(action: string, session: Session, what: string, error: ServerError): AppError {
  return new AppError(
    "forbidden",
    `${action}: its user may not see ${what}: ${error.message}; run GRANT ${
      grantsFor(session).join(", ")
    } ON *.* TO ` +
      "the user",
    { detail: detailOf(error), cause: error },
  );
}

/** The error of a log that cannot be gone on with. */
export function lost(action: string, what: string): AppError {
  return new AppError("invalid", `${action}: ${what}; run once with --full-refresh to read the tables anew`);
}

/** The error of another server whose log does not lead on from where the one before was left. */
export function notThere(action: string, gtids: string, why: string): AppError {
  return new AppError(
    "invalid",
    `${action}: this is another server than the one that was followed before, up to GTID ${gtids}, and its log does ` +
      `not go on from there: ${why}; where it is a replica that has not caught up, run again when it has; else run ` +
      "once with --full-refresh to read the tables anew",
  );
}
