import assert from "node:assert/strict";
import { toPostgresError } from "../../../../connectors/postgres/errors.ts";
import { ServerError } from "../../../../connectors/postgres/session/server_error.ts";
import { IS_RETRYABLE } from "../../../../contract/errors.ts";

function errorOf(code: string, message: string) {
  const none = { detail: undefined, hint: undefined, position: undefined, where: undefined };
  const nowhere = { table: undefined, column: undefined, constraint: undefined };
  const fields = { severity: "ERROR", code, message, ...none, ...nowhere };
  return toPostgresError("Cannot load into t of shop", new ServerError(fields));
}

Deno.test("only what may pass by itself is tried again, of all that the server says", () => {
  const passing = [
    "08006",
    "40001",
    "40P01",
    "53300",
    "55P03",
    "57P01",
    "57P03",
    "58030",
    "57014",
    "25P03",
  ];
  const lasting = [
    ...[
      "22003",
      "22P02",
      "23505",
      "23514",
      "25006",
      "42501",
      "42703",
      "0A000",
      "21000",
      "2201B",
      "0P000",
      "3F000",
    ],
    // A trigger's RAISE, limits, what is not in the state for it, damaged data, a foreign server, another language.
    ...[
      "P0001",
      "54000",
      "54011",
      "55000",
      "55006",
      "58P01",
      "HV000",
      "38000",
      "3B001",
      "2F005",
      "P0004",
      "57P04",
      "XX001",
    ],
  ];
  for (const code of passing) assert.equal(IS_RETRYABLE[errorOf(code, "no").code], true, code);
  for (const code of lasting) assert.equal(IS_RETRYABLE[errorOf(code, "no").code], false, code);
});

Deno.test("what can be done about it is said", () => {
  const advised: readonly (readonly [string, string, RegExp])[] = [
    [
      "25006",
      "cannot execute nextval() in a read-only transaction",
      /a stream is read in a transaction that may not write/,
    ],
    ["0A000", "cannot execute INSERT during recovery", /the server is a standby; load into its primary/],
    [
      "42501",
      'query would be affected by row-level security policy for table "t"',
      /own the table, or have BYPASSRLS/,
    ],
    ["23503", 'update or delete on table "t" violates foreign key constraint', /load with mode: merge/],
    ["28P01", "password authentication failed", /check user and password/],
  ];
  for (const [code, message, advice] of advised) assert.match(errorOf(code, message).message, advice);
});
