import assert from "node:assert/strict";
import { AppError } from "../../../contract/errors.ts";
import { rowsOf } from "../../support/arrow_rows.ts";
import {
  column,
  COLUMNS,
  EOF,
  error,
  greeting,
  type HostilePlan,
  OK,
  packet,
  result,
  startHostileMysql,
  text,
  value,
} from "../../support/hostile_mysql.ts";
import { openMysql, readAll } from "../../support/mysql_connector.ts";

const ROWS = [value("1"), value("2"), value("3")];

async function rejectsRead(plan: HostilePlan, code: string, message: RegExp): Promise<void> {
  await using server = startHostileMysql(plan);
  await using shop = await openMysql(server.url);
  await rejects(() => readAll(shop, { stream: "t" }), code, message);
}

async function rejects(work: () => Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await assert.rejects(work, (met) => {
    assert(met instanceof AppError, String(met));
    assert.equal(met.code, code, met.message);
    assert.match(met.message, message);
    assert(!`${met.message} ${met.detail}`.includes("p4ssw0rd"));
    return true;
  });
}

Deno.test("an honest server is read", async () => {
  await using server = startHostileMysql({ rows: () => result(COLUMNS, ROWS) });
  await using shop = await openMysql(server.url);
  assert.deepEqual(rowsOf(await readAll(shop, { stream: "t" })), [[1], [2], [3]]);
});

Deno.test("rows that end at any byte without their end mark are an error, never the end", async () => {
  const whole = result(COLUMNS, ROWS);
  const bytes = Uint8Array.from(whole.flatMap((each) => [...each]));
  const header = Uint8Array.from(result(COLUMNS, []).flatMap((each) => [...each])).length;
  for (let length = header - 9; length < bytes.length; length += 3) {
    await rejectsRead(
      { rows: () => [bytes.subarray(0, length)], hangsUp: true },
      "unavailable",
      /Cannot read t from shop: the (?:server closed the connection|connection was (?:closed|reset))/,
    );
  }
});

Deno.test("an error in the middle of the rows is thrown with the server's words", async () => {
  await rejectsRead(
    { rows: () => result(COLUMNS, ROWS, error(1317, "Query execution was interrupted")) },
    "unavailable",
    /Cannot read t from shop: Query execution was interrupted/,
  );
});

Deno.test("rows that lie about lengths, numbers, columns and values are an error", async (t) => {
  const replaced = (row: Uint8Array) => [...result(COLUMNS, []).slice(0, 3), row, packet(5, EOF)];
  const not = /not MySQL's protocol/;
  const lies: readonly (readonly [string, () => Iterable<Uint8Array>, string, RegExp])[] = [
    ["a value longer than its packet", () => replaced(packet(4, [200, 49])), "unavailable", not],
    [
      "a value with a length of 2^64",
      () => replaced(packet(4, [0xfe, ...new Uint8Array(8).fill(255), 49])),
      "unavailable",
      not,
    ],
    ["bytes behind the last value", () => replaced(packet(4, [...value("1"), 0])), "unavailable", not],
    ["a row of two values", () => replaced(packet(4, [...value("1"), ...value("2")])), "unavailable", not],
    ["a packet twice", () => replaced(packet(3, value("1"))), "unavailable", /packet 3 where 4 is due/],
    [
      "a row that is missing",
      () => replaced(packet(5, value("1"))),
      "unavailable",
      /packet 5 where 4 is due/,
    ],
    [
      "a value that is no number",
      () => replaced(packet(4, value("one"))),
      "invalid",
      /row 1: column "id" is "one"/,
    ],
    [
      "a number beyond its type",
      () => replaced(packet(4, value("4294967296"))),
      "invalid",
      /row 1: column "id"/,
    ],
    ["another column", () => result([column("other", 3)], ROWS), "unavailable", /columns have changed/],
    ["another type", () => result([column("id", 253)], ROWS), "unavailable", /columns have changed/],
    [
      "more columns",
      () => result([column("id", 3), column("b", 3)], []),
      "unavailable",
      /columns have changed/,
    ],
    ["ten thousand columns", () => [packet(1, [0xfc, 0x10, 0x27])], "unavailable", /10000 columns/],
    ["no columns", () => [packet(1, OK)], "unavailable", /a query without columns/],
    ["a second result", () => result(COLUMNS, ROWS, [0xfe, 0, 0, 0x0a, 0]), "unavailable", /a second result/],
    [
      "a wish for a file",
      () => [packet(1, [0xfb, ...text("/etc/passwd")])],
      "unavailable",
      /asks for a file/,
    ],
    [
      "half an end mark",
      () => [...result(COLUMNS, ROWS).slice(0, -1), packet(7, [0xfe, 0])],
      "unavailable",
      not,
    ],
    ["an error without a number", () => [packet(1, [0xff])], "unavailable", not],
  ];
  for (const [name, rows, code, message] of lies) {
    await t.step(name, () => rejectsRead({ rows }, code, message));
  }
});

Deno.test("an error message of any size is an error, and a column's description of any form", async () => {
  await rejectsRead({ rows: () => [packet(1, error(1064, "x".repeat(1_000_000)))] }, "invalid", /xxx/);
  for (
    const payload of [[], [0xfb], [3, 100], [...column("id", 3).slice(0, -9)], [...value("def"), 255, 255]]
  ) {
    await rejectsRead(
      { rows: () => [packet(1, [1]), packet(2, payload), packet(3, EOF)] },
      "unavailable",
      /not MySQL's protocol/,
    );
  }
});

Deno.test("rows without end are read no faster than they are asked for, and stop with the reader", async () => {
  let sent = 0;
  function* endless() {
    yield* result(COLUMNS, []).slice(0, 3);
    const rows = Array.from({ length: 256 }, (_, i) => packet(i + 4, value("7")));
    const block = Uint8Array.from(rows.flatMap((each) => [...each]));
    for (;;) {
      sent += block.length;
      yield block;
    }
  }
  await using server = startHostileMysql({ rows: endless });
  await using shop = await openMysql(server.url);
  const signal = new AbortController().signal;
  const stream = shop.source.read(
    {
      streams: [{ name: "s", address: { stream: "t", options: { text_columns: [], zero_dates: "error" } } }],
    },
    signal,
  );
  let rows = 0;
  for await (const message of stream) {
    if (message.type === "rows") rows += message.batch.numRows;
    if (rows >= 100_000) break;
  }
  assert.equal(rows % 16_384, 0);
  // What the system's own buffers hold on both sides, and no more.
  assert(sent < 20_000_000, String(sent));
});

Deno.test("a greeting or sign-in that is none is unavailable or unauthorized, and never waits for ever", async (t) => {
  const cases: readonly (readonly [string, HostilePlan, string, RegExp])[] = [
    [
      "another protocol",
      { greeting: [text("HTTP/1.1 400 Bad Request\r\n\r\n")] },
      "unavailable",
      /Cannot connect to MySQL as u@127.0.0.1/,
    ],
    ["silence", { greeting: [] }, "unavailable", /no answer within 1 s/],
    ["half a greeting", { greeting: [greeting().subarray(0, 20)] }, "unavailable", /no answer within 1 s/],
    [
      "too many connections",
      { greeting: [packet(0, error(1040, "Too many connections"))] },
      "unavailable",
      /Too many connections.*max_connections/,
    ],
    [
      "a host that is not allowed",
      { greeting: [packet(0, [0xff, 0x6a, 0x04, ...text("Host 'x' is not allowed to connect")])] },
      "unauthorized",
      /not allowed to connect/,
    ],
    ["a sign-in in silence", { signIn: [] }, "unavailable", /no answer within 1 s/],
    [
      "a wrong password",
      { signIn: [packet(2, error(1045, "Access denied for user 'u'"))] },
      "unauthorized",
      /Access denied.*check user and password/,
    ],
    [
      "a wish for the password itself",
      { signIn: [packet(2, [0xfe, ...text("mysql_clear_password\0")])] },
      "unauthorized",
      /over TLS or a Unix socket only/,
    ],
    [
      "a key for the password",
      {
        signIn: [
          packet(2, [0xfe, ...text("sha256_password\0"), ...text("12345678901234567890\0")]),
          packet(4, [1, ...text("-----BEGIN PUBLIC KEY-----")]),
        ],
      },
      "unauthorized",
      /over TLS or a Unix socket only/,
    ],
    [
      "a key for a password that it does not know yet",
      {
        signIn: [
          packet(2, [0xfe, ...text("caching_sha2_password\0"), ...text("12345678901234567890\0")]),
          packet(4, [1, 4]),
          packet(6, [1, ...text("-----BEGIN PUBLIC KEY-----")]),
        ],
      },
      "unauthorized",
      /over TLS or a Unix socket only/,
    ],
    [
      "a way that nobody knows",
      { signIn: [packet(2, [0xfe, ...text("dialog\0")])] },
      "unauthorized",
      /unknown plugin dialog|dialog/,
    ],
    ["a hang-up", { greeting: [greeting()], signIn: [packet(2, [])] }, "unavailable", /./],
  ];
  for (const [name, plan, code, message] of cases) {
    await t.step(name, async () => {
      await using server = startHostileMysql(plan);
      await rejects(() => openMysql(server.url, { connect_timeout: 1 }), code, message);
    });
  }
});

Deno.test("ssl: require is not signed in to a server without TLS", async () => {
  await using server = startHostileMysql({});
  await rejects(() => openMysql(server.url, { ssl: "require" }), "unavailable", /does not offer TLS/);
  await using shop = await openMysql(server.url, { ssl: "prefer" });
  assert.deepEqual(shop.messages, []);
});
