import { deepEqual, equal, match } from "node:assert/strict";
import * as v from "valibot";
import { singer } from "../../../connectors/singer/connector.ts";
import type { RecordBatch } from "apache-arrow";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import { exportRows } from "../../../engine/duckdb/from/export.ts";
import { failureOf } from "../../support/api_bench.ts";
import { never, targetOf } from "../../support/connections.ts";
import { TapBench } from "../../support/singer_bench.ts";
import type { SingerTarget } from "../../../connectors/singer/options.ts";

/** Targets as destinations: what they are sent, and when their word is taken for it. */

const bench = await TapBench.create();
Deno.test.afterAll(() => bench[Symbol.asyncDispose]());

async function batchesOf(sql: string): Promise<RecordBatch[]> {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [], threads: 1 });
  await using session = await database.session();
  const { batches } = await exportRows(session, sql, { signal: never() });
  return await Array.fromAsync(batches);
}

/** Delivers the rows to a target that is a shell script. */
async function deliver(
  script: string,
  sql: string,
  mode: "append" | "merge" = "merge",
): Promise<readonly unknown[]> {
  const program = await bench.program(`#!/bin/sh\n${script}\n`);
  const config = v.parse(singer.configSchema, { command: [program], config: { token: "t" } });
  await using connection = await singer.open(config, bench.context());
  // What its own schema returned.
  const target = targetOf(singer, { stream: "people", mode, primary_key: ["id"] }) as SingerTarget;
  const { destination } = connection;
  if (destination?.kind !== "delivering") throw new Error("expected a delivering destination");
  const run = { runId: "run", pipeline: "p", params: {}, windowStartMs: null, windowEndMs: 0 };
  const request = {
    loadId: "load",
    target,
    idempotencyKey: "load/0+2",
    mode,
    primaryKey: ["id"],
    run,
    log: () => {},
  };
  return await destination.deliver(await batchesOf(sql), request, never());
}

const ROWS = "SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS t(id, name)";
const ECHO = `grep '"STATE"' | sed 's/.*"value"://; s/}$//'`;

Deno.test("a target gets the schema, the rows and a STATE, and its word for that is taken", async () => {
  const sent = `${bench.folder}/sent`;
  deepEqual(await deliver(`tee ${sent} | ${ECHO}`, ROWS), [{ type: "ok" }, { type: "ok" }]);
  const messages = (await Deno.readTextFile(sent)).trim().split("\n").map((line) => JSON.parse(line));
  deepEqual(messages, [
    {
      type: "SCHEMA",
      stream: "people",
      schema: {
        type: "object",
        properties: { id: { type: ["integer", "null"] }, name: { type: ["string", "null"] } },
      },
      key_properties: ["id"],
    },
    { type: "RECORD", stream: "people", record: { id: 1, name: "a" } },
    { type: "RECORD", stream: "people", record: { id: 2, name: null } },
    { type: "STATE", value: { sluice: "load/0+2" } },
  ]);
  await deliver(`tee ${sent} | ${ECHO}`, ROWS, "append");
  match(await Deno.readTextFile(sent), /^.*"key_properties":\[\]}\n/);
});

Deno.test("no digit is lost on the way to a target", async () => {
  const sent = `${bench.folder}/values`;
  await deliver(
    `tee ${sent} | ${ECHO}`,
    `SELECT 1 AS id, 9223372036854775807 AS big, 170141183460469231731687303715884105727::HUGEINT AS huge,
       1.10::DECIMAL(10,2) AS price, 12345678901234567890.12::DECIMAL(38,2) AS total, 0.1 AS d,
       DATE '2024-02-29' AS day, TIMESTAMP '2024-01-01 10:00:00.123456' AS at,
       TIMESTAMPTZ '2024-01-01 10:00:00+00' AS instant, 'ab'::BLOB AS blob, [1, 2] AS list,
       {'a': 1.5::DOUBLE} AS struct, '{"x": 10000000000000000001}'::JSON AS json, NULL::DECIMAL(38,2) AS none`,
  );
  const [schema = "", record = ""] = (await Deno.readTextFile(sent)).split("\n");
  equal(
    record.replace(/^.*"record":/, ""),
    '{"id":1,"big":9223372036854775807,"huge":170141183460469231731687303715884105727,"price":1.10,' +
      '"total":"12345678901234567890.12","d":0.1,"day":"2024-02-29","at":"2024-01-01T10:00:00.123456",' +
      '"instant":"2024-01-01T10:00:00Z","blob":"YWI=","list":[1,2],"struct":{"a":1.5},' +
      '"json":{"x": 10000000000000000001},"none":null}}',
  );
  const { properties } = JSON.parse(schema).schema;
  deepEqual(properties.price, { type: ["number", "null"], multipleOf: 0.01 });
  deepEqual(properties.total, {
    type: ["string", "null"],
    format: "singer.decimal",
    precision: 38,
    scale: 2,
  });
  deepEqual(properties.at, { type: ["string", "null"], format: "date-time" });
  deepEqual(properties.struct, {
    type: ["object", "null"],
    properties: { a: { type: ["number", "null"] } },
  });
});

const BROKEN: Readonly<Record<string, readonly [script: string, message: RegExp]>> = {
  "fails": ["cat >/dev/null; echo 'no room' >&2; exit 1", /ended with code 1: no room$/],
  "says nothing": ["cat > /dev/null", /ended without the STATE .* not known which of 2 rows/],
  "says another STATE": [`cat > /dev/null; echo '{"sluice":"load/0+1"}'`, /ended without the STATE/],
  "says the STATE and fails": [`${ECHO}; exit 4`, /ended with code 4/],
};
for (const [what, [script, message]] of Object.entries(BROKEN)) {
  Deno.test(`a target that ${what} has taken nothing for sure`, async () => {
    const failure = await failureOf(deliver(script, ROWS));
    match(failure.message, message);
    equal(failure.code, "unavailable");
  });
}

Deno.test("a target that does not read to the end fails the load", async () => {
  const rows = "SELECT i AS id, repeat('x', 1000) AS name FROM range(5000) t(i)";
  const failure = await failureOf(deliver(`head -c 10; echo '{"sluice":"load/0+2"}'; exit 0`, rows));
  match(failure.message, /ended before it had read all rows/);
});
