import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { failureOf } from "../../support/api_bench.ts";
import { runUnderPolicy } from "../../support/api_project.ts";
import { recordOf, says, schemaOf, stateOf, TapBench } from "../../support/singer_bench.ts";
import { TestProject } from "../../support/test_project.ts";

/** Taps that change their mind, send what does not fit, or have several streams. */

const bench = await TapBench.create();
Deno.test.afterAll(() => bench[Symbol.asyncDispose]());

const ofType = (type: unknown, more: Readonly<Record<string, unknown>> = {}) => ({
  properties: { id: { type: "integer" }, v: { type, ...more } },
});

Deno.test("a schema that changes in the middle holds for all records", async () => {
  const tap = await bench.tap(
    says(
      schemaOf(ofType("integer")),
      recordOf({ id: 1, v: 1 }),
      schemaOf({ properties: { ...ofType("number").properties, added: { type: "boolean" } } }),
      recordOf({ id: 2, v: 1.5, added: true, unknown: "x" }),
    ),
    ofType("integer"),
  );
  const { rows, types } = await bench.read(tap, { asTexts: true });
  deepEqual(types, { id: "BIGINT", v: "DOUBLE", added: "BOOLEAN", unknown: "VARCHAR" });
  deepEqual(rows, [
    { id: "1", v: "1.0", added: null, unknown: null },
    { id: "2", v: "1.5", added: "true", unknown: "x" },
  ]);
});

Deno.test("a STATE before the schema is kept where nothing else comes", async () => {
  const { rows, state } = await bench.read(await bench.tap(says(stateOf({ n: 1 }), schemaOf())));
  deepEqual([rows, state], [[], { state: { n: 1 } }]);
  // A tap that has nothing new need not say anything of its stream, once there is a state.
  const quiet = await bench.tap(says(stateOf({ n: 2 })));
  deepEqual((await bench.read(quiet, { state: { state: { n: 1 } } })).state, { state: { n: 2 } });
  match((await failureOf(bench.read(quiet))).message, /sent no SCHEMA/);
});

Deno.test("values of another kind than the schema says are kept exactly", async () => {
  const tap = await bench.tap(
    says(schemaOf(ofType("integer")), recordOf({ id: 1, v: "x" }), recordOf({ id: 2, v: 2 })),
  );
  const { rows, types } = await bench.read(tap, { asTexts: true });
  deepEqual([types["v"], rows.map(({ v }) => v)], ["JSON", ['"x"', "2"]]);
});

Deno.test("with max_rejects the schema's types hold, and records that do not fit are set aside", async () => {
  const tap = await bench.tap(
    says(schemaOf(ofType("integer")), recordOf({ id: 1, v: "x" }), recordOf({ id: 2, v: 2 })),
    ofType("integer"),
  );
  const { rows, types, rejects } = await bench.read(tap, { setsAside: true, asTexts: true });
  deepEqual(types, { id: "BIGINT", v: "BIGINT" });
  deepEqual(rows, [{ id: "2", v: "2" }]);
  equal(rejects.length, 1);
  match(String(rejects[0]?.["reason"]), /column "v" is "x", expected BIGINT/);
});

Deno.test("a decimal with more digits than multipleOf says is an error with its value", async () => {
  const schema = ofType("number", { multipleOf: 0.01 });
  const { code, message } = await failureOf(
    bench.read(await bench.tap(says(schemaOf(schema), recordOf({ id: 1, v: 1.005 })))),
  );
  equal(code, "invalid");
  match(message, /line 1.*"v".*1\.005.*DECIMAL\(38,2\)/s);
});

Deno.test("deep nesting is JSON", async () => {
  const deep = `${'{"a":'.repeat(3_000)}1${"}".repeat(3_000)}`;
  const tap = await bench.tap(says(
    schemaOf(ofType("object")),
    `{"type":"RECORD","stream":"orders","record":{"id":1,"v":${deep}}}`,
  ));
  const outcome = await bench.read(tap, { asTexts: true }).then(
    ({ types }) => types["v"],
    (error) => String(error),
  );
  match(String(outcome), /^JSON$|nested/);
});

Deno.test("a user's type stands above the schema's", async () => {
  const tap = await bench.tap(says(schemaOf(ofType("string")), recordOf({ id: 1, v: "1.50" })));
  const { types } = await bench.read(tap, { options: { columns: { v: "DECIMAL(10,2)" } } });
  equal(types["v"], "DECIMAL(10,2)");
});

Deno.test("a stream that the tap does not have is named with those that it has", async () => {
  const tap = await bench.tap("", undefined, ["orders", "lines"]);
  const { code, message } = await failureOf(bench.read(tap, { stream: "order" }));
  equal(code, "not_found");
  match(message, /has no stream "order" \(it has orders, lines\)$/);
});

Deno.test("a catalog may be a file, inline, or none", async () => {
  const body = `${says(schemaOf(), recordOf({ id: 1 }))}\necho "$*" >&2`;
  const tap = await bench.tap(body);
  const catalog = { streams: [{ tap_stream_id: "orders", schema: { properties: {} } }] };
  await Deno.writeTextFile(join(bench.folder, "catalog.json"), JSON.stringify(catalog));
  for (
    const [config, shown] of [
      [{ catalog: "catalog.json" }, /--catalog \S+catalog\.json/],
      [{ catalog, catalog_flag: "--properties" }, /--properties \S+catalog\.json/],
      [{ catalog: false }, /--config \S+config\.json$/],
    ] as const
  ) {
    bench.logged.length = 0;
    equal((await bench.read(tap, { config })).rows.length, 1);
    match(bench.logged[0] ?? "", shown);
  }
  const broken = await failureOf(bench.read(tap, { config: { catalog: { streams: [{}] } } }));
  match(broken.message, /a stream has no tap_stream_id/);
});

Deno.test("a wildcard reads all streams, each by itself; records of others are left out", async () => {
  const catalog = (stream: string) => ({
    tap_stream_id: stream,
    schema: { properties: { id: { type: "integer" } } },
  });
  await using project = await TestProject.create({
    "pipelines/p.yaml": `extract:
  all: { connector: shop, stream: "*" }
load:
  all: { connector: files, path: "out/{stream}.csv" }
`,
  });
  const tap = join(project.folder, "tap-shop");
  await Deno.writeTextFile(
    tap,
    `#!/bin/sh
case "$*" in *--discover*) echo '${
      JSON.stringify({ streams: ["orders", "lines"].map(catalog) })
    }'; exit 0;; esac
${
      says(
        schemaOf(catalog("").schema),
        schemaOf(catalog("").schema, "lines"),
        recordOf({ id: 1 }),
        { ...recordOf({ id: 2 }), stream: "lines" },
      )
    }
`,
    { mode: 0o755 },
  );
  await project.write({
    "policy.yaml": `commands_allow: ["${tap}"]\n`,
    "connectors.yaml": `files: { type: file }\nshop: { type: singer, command: ["${tap}"] }\n`,
  });
  const { code, stdout, stderr } = await runUnderPolicy(project);
  equal(code, 0, stdout + stderr);
  const [orders, lines] = await Promise.all(
    ["orders", "lines"].map((name) => Deno.readTextFile(`${project.projectDir}/out/${name}.csv`)),
  );
  deepEqual([orders, lines], ["id\n1\n", "id\n2\n"]);
});
