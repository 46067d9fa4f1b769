import { AppError, type ErrorCode, toAppError } from "../../contract/errors.ts";
import { ConnectionLostError, HandshakeError } from "../network/failures.ts";
import { ServerError } from "./session/server_error.ts";

/**
 * What the numbers of the servers' errors mean. Of what may pass by itself only is `unavailable`, so that
 * it is tried again; what the server says of data and statements it will say again.
 * Source: https://mariadb.com/kb/en/mariadb-error-code-reference/ and
 * https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
 */
const CODES: Readonly<Record<number, ErrorCode>> = {
  // Who may do what.
  1044: "forbidden",
  1045: "unauthorized",
  1130: "unauthorized",
  1142: "forbidden",
  1143: "forbidden",
  1227: "forbidden",
  1251: "unauthorized",
  1290: "forbidden",
  1370: "forbidden",
  1396: "forbidden",
  1410: "forbidden",
  1524: "unauthorized",
  1698: "unauthorized",
  1792: "forbidden",
  1820: "unauthorized",
  1836: "forbidden",
  1862: "unauthorized",
  3118: "unauthorized",
  3159: "unauthorized",
  4151: "unauthorized",
  // What is not there.
  1049: "not_found",
  1051: "not_found",
  1146: "not_found",
  1305: "not_found",
  // Limits and other transactions, which may be gone the next time.
  1020: "unavailable",
  1021: "unavailable",
  1037: "unavailable",
  1038: "unavailable",
  1040: "unavailable",
  1041: "unavailable",
  1053: "unavailable",
  1079: "unavailable",
  1114: "unavailable",
  1129: "unavailable",
  1135: "unavailable",
  1152: "unavailable",
  1184: "unavailable",
  1203: "unavailable",
  1205: "unavailable",
  1206: "unavailable",
  1213: "unavailable",
  1226: "unavailable",
  1317: "unavailable",
  1412: "unavailable",
  1613: "unavailable",
  1614: "unavailable",
  1637: "unavailable",
  1927: "unavailable",
  3101: "unavailable",
  3572: "unavailable",
  4031: "unavailable",
  // Time that somebody set.
  1907: "timeout",
  1969: "timeout",
  3024: "timeout",
};

const CLASSES: Readonly<Record<string, ErrorCode>> = {
  "08": "unavailable",
  "28": "unauthorized",
  "40": "unavailable",
};

const codeOf = ({ errno, sqlState }: ServerError): ErrorCode =>
  CODES[errno] ?? CLASSES[sqlState.slice(0, 2)] ?? "invalid";

/** `action` is what was tried, as `Cannot load "shop.orders"`; the rest of the message is what it met. */
export function toMysqlError(action: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof ServerError) {
    const advice = adviceFor(error);
    const sentence = advice === undefined ? error.message : `${error.message} (${advice})`;
    return new AppError(codeOf(error), `${action}: ${sentence}`, { detail: detailOf(error), cause: error });
  }
  if (error instanceof ConnectionLostError) {
    return new AppError("unavailable", `${action}: ${error.message}`, { cause: error });
  }
  if (error instanceof HandshakeError) {
    const code = error.kind === "authentication" ? "unauthorized" : "unavailable";
    return new AppError(code, `${action}: ${error.message}`, { cause: error });
  }
  return toAppError(error);
}

/** The server's number of the error, and its SQLSTATE. */
export function detailOf({ errno, sqlState }: ServerError): string {
  return `error ${errno}${sqlState === "" ? "" : `, SQLSTATE ${sqlState}`}`;
}

/** `SELECT command denied to user 'etl'@'10.%' for table `shop`.`orders``, of both servers and with names without quotes too. */
const DENIED = /^(.+?) command denied to user (\S+) for (?:table|column|routine) (.+)$/;

function adviceFor({ errno, message }: ServerError): string | undefined {
  const [, right, user, object] = DENIED.exec(message) ?? [];
  if (errno === 1142 && right !== undefined) return `GRANT ${right} ON ${grantable(object)} TO ${user}`;
  switch (errno) {
    case 1044:
      return "let the user have rights on the database: GRANT SELECT ON database.* TO user";
    case 1045:
    case 1698:
      return "check user and password, and from which hosts the user may connect";
    case 1130:
      return "the server knows no user who may connect from this host";
    case 1129:
      return "after too many failed connections; FLUSH HOSTS lifts it";
    case 1143:
      return "grant the columns, or leave them out with exclude";
    case 1040:
    case 1203:
      return "set max_connections of the connector lower, or the server's higher";
    case 1205:
      return "another transaction holds the rows, or a statement the table";
    case 1792:
      return "a stream is read in a transaction that may not write; take that out of the query";
    case 1290:
    case 1836:
      return "the server takes no writes";
    case 1820:
    case 1862:
      return "the user's password has expired";
    default:
      return undefined;
  }
}

/** The table as GRANT takes it. */
const grantable = (object = ""): string => object.replace(/^'(.*)'$/, "$1");
