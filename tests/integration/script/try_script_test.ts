import { deepEqual, equal, match } from "node:assert/strict";
import { TestProject } from "../../support/test_project.ts";

/** `sluice script run`, as users type it. */

const ORDERS = `import { twice } from "./lib/twice.ts";

export default async function* (ctx) {
  ctx.log.warn("page", ctx.state?.page ?? 1);
  yield { id: twice(1), region: ctx.params.region, big: 1n << 80n, at: new Date(0) };
  await ctx.checkpoint({ page: (ctx.state?.page ?? 1) + 1 });
  for (let i = 0; i < 50; i++) yield { id: i, bytes: new Uint8Array([1, 255]), half: 0.5, list: [i] };
}
`;

Deno.test("sluice script run shows what a script gives, and stores nothing", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/shop.yaml": "params: { region: { default: eu } }\n" +
      "extract:\n  orders: { script: scripts/orders.ts }\n",
    "scripts/orders.ts": ORDERS,
    "scripts/lib/twice.ts": "export const twice = (n: number): number => 2 * n;\n",
    "scripts/alone.ts": `import { createHash } from "node:crypto";
import Emitter from "emitter";
const hash = createHash("md5").update("a").digest("hex").slice(0, 4);
export default (ctx) => [{ token: ctx.secret("TOKEN").length, params: ctx.params, hash, on: new Emitter().size }];
`,
    "node_modules/emitter/package.json": '{ "name": "emitter", "version": "1.0.0" }',
    "node_modules/emitter/index.js":
      'module.exports = class extends require("events") { size = this.listenerCount("x"); };\n',
    "deno.lock": '{ "version": "5", "npm": { "emitter@1.0.0": {} } }',
    "scripts/wrong.ts": "export default function* () {\n  yield* null;\n}\n",
  });
  const run = (script: string, ...args: string[]) =>
    project.sluice("script", ["run", script, ...args], { SLUICE_SECRET_TOKEN: "secret" });

  const whole = await run("scripts/orders.ts", "--json", "--limit", "100", "--state", '{"page":6}');
  equal(whole.code, 0, whole.stderr);
  match(whole.stderr, /^warn: page 6$/m);
  const { duration_ms: _, rows, ...found } = JSON.parse(whole.stdout);
  deepEqual(found, {
    columns: [
      ["id", "BIGINT"],
      ["region", "VARCHAR"],
      ["big", "HUGEINT"],
      ["at", "TIMESTAMP WITH TIME ZONE"],
      ["bytes", "BLOB"],
      ["half", "DOUBLE"],
      ["list", "JSON"],
    ].map(([name, type]) => ({ name, type })),
    row_count: 51,
    is_whole: true,
    state: { page: 7 },
    stream: { pipeline: "shop", name: "orders" },
  });
  deepEqual([rows.length, rows[0], rows[50]], [
    51,
    ["2", "eu", "1208925819614629174706176", "1970-01-01 00:00:00+00", null, null, null],
    ["49", null, null, null, "0x01ff", "0.5", "[49]"],
  ]);

  const some = await run("scripts/orders.ts", "--limit", "3", "--param", "region=us");
  equal(some.code, 0, some.stderr);
  match(some.stdout, /^id BIGINT +region VARCHAR .*\n2 +us .*\n(?:.*\n){2}state \{"page":2\}\n$/);
  match(some.stderr, /stopped after 3 rows .*as the stream orders of shop; nothing was stored/);

  const alone = await run("scripts/alone.ts", "--secret", "TOKEN", "--param", "a=1");
  equal(alone.code, 0, alone.stderr);
  match(alone.stdout, /^token BIGINT +params JSON +hash VARCHAR +on BIGINT\n6 +\{"a":"1"\} +0cc1 +0\n$/);
  match(alone.stderr, /^1 row in .*which no pipeline names/m);

  const refusals: readonly (readonly [readonly string[], RegExp])[] = [
    [["scripts/alone.ts"], /ctx\.secret: "TOKEN" is not among the secrets/],
    [["scripts/wrong.ts"], /scripts\/wrong\.ts:2:\d+: TypeError/],
    [["scripts/none.ts"], /scripts\/none\.ts:1:1: is not there/],
    [["connectors.yaml"], /no script of the project/],
  ];
  for (const [args, message] of refusals) {
    const { code, stdout, stderr } = await run(args[0] ?? "");
    deepEqual([code, stdout], [2, ""]);
    match(stderr, message);
  }
  deepEqual(await Array.fromAsync(Deno.readDir(project.folder), ({ name }) => name), ["project"]);
});

Deno.test("sluice script run gives a script the rows of files, and shows which of them it rejects", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/shop.yaml": `extract:
  orders: { connector: files, path: data/all.csv }
  people: { connector: files, path: data/all.csv }
  joined: { script: scripts/joined.ts, input: [orders, people], batch: 2 }
load:
  orders: { script: scripts/push.ts, batch: 2 }
`,
    "data/all.csv": "id\n1\n",
    "data/orders.csv": "id,amount\n1,0.5\n2,\n9007199254740993,2.5\n",
    "data/people.ndjson": '{"id":1,"name":"Ann"}\n',
    "scripts/joined.ts": `export default async function* (ctx) {
  for await (const batch of ctx.input) yield { from: batch.stream, rows: batch.length, ids: batch.map(({ id }) => id) };
}
`,
    "scripts/push.ts": `export async function write(batches) {
  let n = 0;
  for await (const batch of batches) {
    n += batch.length;
    for (const row of batch) if (row.amount === null) batch.reject(row, "no amount of " + row.id);
  }
  if (n !== 3) throw new Error("rows are missing");
}
`,
  });
  const file = (name: string) => `${project.projectDir}/data/${name}`;
  const run = (script: string, ...args: string[]) =>
    project.sluice("script", ["run", script, "--json", ...args]);
  const [joined, pushed, lacking, outside] = await Promise.all([
    run(
      "scripts/joined.ts",
      "--input",
      `people=${file("people.ndjson")}`,
      "--input",
      `orders=${file("orders.csv")}`,
    ),
    run("scripts/push.ts", "--input", file("orders.csv")),
    run("scripts/joined.ts", "--input", file("orders.csv")),
    run("scripts/push.ts", "--input", "/etc/passwd"),
  ]);
  equal(joined.code, 0, joined.stderr);
  deepEqual(JSON.parse(joined.stdout).rows, [
    ["people", "1", "[1]"],
    ["orders", "2", "[1,2]"],
    ["orders", "1", "[9007199254740993]"],
  ]);
  equal(pushed.code, 0, pushed.stderr);
  const { duration_ms: _, ...taken } = JSON.parse(pushed.stdout);
  deepEqual(taken, {
    row_count: 3,
    reject_count: 1,
    rejects: [{ row: 2, reason: "no amount of 2" }],
    load: { pipeline: "shop", name: "orders" },
  });
  equal(lacking.code, 2);
  match(lacking.stderr, /scripts\/joined\.ts takes rows of people too: add --input people=FILE/);
  equal(outside.code, 2);
  match(outside.stderr, /may not read \/etc\/passwd: it is outside of .*file_roots/);
});
