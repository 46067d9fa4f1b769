import { deepEqual, equal, match, ok } from "node:assert/strict";
import * as v from "valibot";
import { singer } from "../../../connectors/singer/connector.ts";
import type { JsonValue } from "../../../contract/json.ts";
import { startApi } from "../../support/api_bench.ts";
import { never } from "../../support/connections.ts";
import { acquirePostgres } from "../../support/postgres.ts";
import { TapBench } from "../../support/singer_bench.ts";
import { TestProject } from "../../support/test_project.ts";

/** Taps and a target as they are in the registry of Python's packages: over files, a database and an API. */

const server = await acquirePostgres();
const bench = await TapBench.create();
Deno.test.afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await bench[Symbol.asyncDispose]();
});
const bin = Deno.env.get("SLUICE_TEST_SINGER_TAPS");
ok(bin !== undefined, "deno task test sets SLUICE_TEST_SINGER_TAPS");

Deno.test("tap-postgres: discovers tables, gives exact values, and goes on from its state", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TABLE orders (id bigint PRIMARY KEY, note text, paid boolean, at timestamptz NOT NULL, data jsonb);
    INSERT INTO orders VALUES (9007199254740993, 'ünï', true, '2024-01-01 10:00:00+00', '{"a": [1, 2]}'),
      (2, NULL, NULL, '2024-01-02 10:00:00.123456+00', NULL);
    CREATE TABLE other (id int);`);
  const config = v.parse(singer.configSchema, {
    command: [`${bin}/tap-postgres`],
    config: {
      sqlalchemy_url: database.url.replace(/^postgres(?:ql)?:/, "postgresql:"),
      filter_schemas: ["public"],
    },
  });
  await using connection = await singer.open(config, bench.context());
  const { source } = connection;
  ok(source?.discover !== undefined);
  const found = await Array.fromAsync(source.discover(never()));
  deepEqual(found.map(({ name, primaryKey }) => [name, primaryKey]), [["public-orders", ["id"]], [
    "public-other",
    [],
  ]]);
  deepEqual(Object.fromEntries(found[0]?.columns.map(({ name, type }) => [name, type]) ?? []), {
    id: "BIGINT",
    note: "VARCHAR",
    paid: "BOOLEAN",
    at: "TIMESTAMP WITH TIME ZONE",
    data: "JSON",
  });
  const read = async (state?: JsonValue) =>
    await bench.readFrom(connection, {
      stream: "public-orders",
      updateKey: "at",
      asTexts: true,
      ...(state === undefined ? {} : { state }),
    });
  const first = await read();
  deepEqual(first.rows, [
    { id: "9007199254740993", note: "ünï", paid: "true", at: "2024-01-01 10:00:00+00", data: '{"a":[1,2]}' },
    { id: "2", note: null, paid: null, at: "2024-01-02 10:00:00.123456+00", data: null },
  ]);
  deepEqual(first.types, {
    id: "BIGINT",
    note: "VARCHAR",
    paid: "BOOLEAN",
    at: "TIMESTAMP WITH TIME ZONE",
    data: "JSON",
  });
  await database.sql.unsafe("INSERT INTO orders VALUES (3, 'new', false, '2024-01-03 10:00:00+00', NULL)");
  const second = await read(first.state);
  deepEqual(second.rows.map(({ id }) => id), ["2", "3"]);
});

Deno.test("tap-github: reads an API that is told to it, and its parents on the way", async () => {
  const issue = {
    id: 9007199254740993,
    number: 1,
    title: "one",
    body: null,
    state: "open",
    created_at: "2024-01-02T00:00:00Z",
    updated_at: "2024-01-03T00:00:00Z",
    type: null,
    user: { login: "ann", id: 5 },
    labels: [{ id: 1, name: "bug" }],
  };
  const repository = {
    id: 7,
    name: "shop",
    full_name: "acme/shop",
    owner: { login: "acme", id: 1 },
    updated_at: "2024-01-05T00:00:00Z",
  };
  await using api = await startApi((url, _count, body) => {
    if (url.pathname === "/graphql") {
      ok(body.includes("acme"));
      return { data: { repo0: { nameWithOwner: "acme/shop", databaseId: 7 } } };
    }
    if (url.pathname === "/repos/acme/shop") return repository;
    if (url.pathname === "/repos/acme/shop/issues") {
      return JSON.stringify([issue]).replace("9007199254740992", "9007199254740993");
    }
    return new Response("[]", { status: 404 });
  });
  const { rows, types, state } = await bench.read(`${bin}/tap-github`, {
    stream: "issues",
    columns: { only: ["id", "title", "updated_at"] },
    asTexts: true,
    config: {
      config: { api_url_base: api.url, repositories: ["acme/shop"], start_date: "2020-01-01T00:00:00Z" },
    },
  });
  deepEqual(rows.map(({ id, title, body }) => [id, title, body]), [["9007199254740993", "one", null]]);
  equal(types["updated_at"], "TIMESTAMP WITH TIME ZONE");
  match(JSON.stringify(state), /"bookmarks"/);
});

Deno.test("a run from tap-jsonl to target-csv, with the permissions that a run has", async () => {
  await using project = await TestProject.create({
    "in/a.jsonl": '{"id":1,"name":"a"}\n{"id":9007199254740993,"name":null}\n',
    "policy.yaml": `commands_allow: ["${bin}/tap-jsonl", "${bin}/target-csv"]\n`,
    "pipelines/p.yaml": `
extract:
  people: { connector: tap, stream: people, exclude: [_sdc_last_modified, _sdc_filename, _sdc_stream] }
load:
  people: { connector: target, stream: people, mode: merge, primary_key: [id] }
`,
  });
  await project.write({
    "connectors.yaml": `
tap:
  type: singer
  command: ["${bin}/tap-jsonl"]
  config: { path: "${project.projectDir}/in/*.jsonl", stream_name: people, primary_keys: [id] }
target: { type: singer, command: ["${bin}/target-csv"], catalog: false, config: { output_path: "${project.projectDir}" } }
`,
  });
  const env = { SLUICE_POLICY: `${project.projectDir}/policy.yaml` };
  const test = await project.sluice("connectors", ["test", "tap"], env);
  equal(test.code, 0, test.stdout + test.stderr);
  match(test.stdout, /configuration +ok +it is right; there is nothing to ask[\s\S]*1 stream can be read/);
  const { code, stdout, stderr } = await project.sluice("run", ["p"], env);
  equal(code, 0, stdout + stderr);
  deepEqual((await Deno.readTextFile(`${project.projectDir}/people.csv`)).trim().split(/\r?\n/), [
    "id,name",
    "1,a",
    "9007199254740993,",
  ]);
});
