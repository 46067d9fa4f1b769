import assert from "node:assert/strict";
import { toMysqlError } from "../../../../connectors/mysql/errors.ts";
import { ServerError } from "../../../../connectors/mysql/session/server_error.ts";
import { ConnectionLostError, HandshakeError } from "../../../../connectors/network/failures.ts";
import { AppError, IS_RETRYABLE } from "../../../../contract/errors.ts";

const met = (errno: number, sqlState: string, message: string): AppError =>
  toMysqlError("Cannot read t", new ServerError(errno, sqlState, message));

Deno.test("an error of the server has the code that decides about a retry, and what to do", () => {
  const cases = [
    [
      1045,
      "28000",
      "Access denied for user 'u'@'h' (using password: YES)",
      "unauthorized",
      /check user and password/,
    ],
    [1146, "42S02", "Table 'd.t' doesn't exist", "not_found", /doesn't exist/],
    [1205, "HY000", "Lock wait timeout exceeded", "unavailable", /another transaction holds/],
    [1213, "40001", "Deadlock found", "unavailable", /Deadlock/],
    [1040, "08004", "Too many connections", "unavailable", /max_connections/],
    [1053, "08S01", "Server shutdown in progress", "unavailable", /shutdown/],
    [1317, "70100", "Query execution was interrupted", "unavailable", /interrupted/],
    [3024, "HY000", "maximum statement execution time exceeded", "timeout", /exceeded/],
    [1064, "42000", "You have an error in your SQL syntax", "invalid", /syntax/],
    [1690, "22003", "DOUBLE value is out of range", "invalid", /out of range/],
    [1290, "HY000", "running with the --read-only option", "forbidden", /takes no writes/],
    [2999, "08S01", "something of a later server", "unavailable", /later server/],
    [60000, "", "something without a state", "invalid", /without a state/],
  ] as const;
  for (const [errno, state, message, code, advice] of cases) {
    const error = met(errno, state, message);
    assert.equal(error.code, code, message);
    assert.match(error.message, /^Cannot read t: /);
    assert.match(error.message, advice);
    assert.match(error.detail ?? "", new RegExp(`^error ${errno}`));
  }
});

Deno.test("a right that is missing is named as a GRANT, in the forms of both servers", () => {
  const forms = [
    [
      "SELECT command denied to user 'etl'@'10.%' for table `shop`.`orders`",
      "GRANT SELECT ON `shop`.`orders` TO 'etl'@'10.%'",
    ],
    ["SELECT command denied to user 'etl'@'h' for table 'orders'", "GRANT SELECT ON orders TO 'etl'@'h'"],
    [
      "SELECT, SHOW VIEW command denied to user 'etl'@'h' for table `v`",
      "GRANT SELECT, SHOW VIEW ON `v` TO 'etl'@'h'",
    ],
  ] as const;
  for (const [message, grant] of forms) {
    const error = met(1142, "42000", message);
    assert.equal(error.code, "forbidden");
    assert(error.message.includes(`(${grant})`), error.message);
  }
});

Deno.test("a lost connection is tried again, a refused sign-in is not", () => {
  const lost = toMysqlError("Cannot read t", new ConnectionLostError("the connection was reset"));
  assert.deepEqual([lost.code, IS_RETRYABLE[lost.code]], ["unavailable", true]);
  const refused = toMysqlError("Cannot connect", new HandshakeError("authentication", "no"));
  assert.deepEqual([refused.code, IS_RETRYABLE[refused.code]], ["unauthorized", false]);
  const own = new AppError("not_found", "there is none");
  assert.equal(toMysqlError("Cannot read t", own), own);
});
