import { deepEqual, equal, match } from "node:assert/strict";
import { acquirePostgres } from "../../support/postgres.ts";
import type { ConnectorTest } from "../../../contract/discovery.ts";
import { Served } from "../../support/served_project.ts";

Deno.test("connectors test says what works and which grant is missing, and discover --yaml makes a pipeline that runs", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  const reader = `reader_${database.name}`.slice(0, 60).toLowerCase();
  await database.sql.unsafe(`CREATE SCHEMA shop;
    CREATE TABLE shop.orders (id int PRIMARY KEY, updated_at timestamp, "a b" text);
    INSERT INTO shop.orders VALUES (1, '2026-01-01', 'x');
    CREATE TABLE shop.plain (x int); CREATE TABLE shop.hidden (x int);
    CREATE ROLE "${reader}" LOGIN PASSWORD 'secret';
    GRANT USAGE ON SCHEMA shop TO "${reader}"; GRANT SELECT ON shop.orders, shop.plain TO "${reader}";
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;`);
  try {
    const url = new URL(database.url);
    url.username = reader;
    url.password = "secret";
    const wrong = new URL(url);
    wrong.password = "wrong";
    await using served = await Served.start({
      "connectors.yaml": `pg: { type: postgres, url: "${url}", ssl: disable }\n` +
        `bad: { type: postgres, url: "${wrong}", ssl: disable }\n` +
        `files: { type: file }\nto_come: { type: sqlite, path: out/none.sqlite }\nowner: { type: postgres, url: "${database.url}", ssl: disable }\n`,
      "data/a b.csv": "x\n1\n",
    });
    const { code, stdout } = await served.project.sluice("connectors", ["test", "pg", "--json"]);
    equal(code, 0, stdout);
    const test: ConnectorTest = JSON.parse(stdout);
    const state = (name: string) => test.checks.find((check) => check.name === name);
    deepEqual(["connect", "list", "read"].map((name) => state(name)?.state), ["ok", "ok", "ok"]);
    match(state("list")?.message ?? "", /2 streams can be read/);
    match(state("grants to read")?.message ?? "", /shop\.hidden.*GRANT SELECT ON .*hidden.* TO "reader_/);
    match(state("grants to write")?.message ?? "", /GRANT CREATE ON SCHEMA "public" TO "reader_/);
    const owner = await served.server.call<ConnectorTest>("POST", "/api/connectors/owner/test");
    deepEqual([owner.ok, owner.checks.every(({ state }) => state === "ok")], [true, true]);
    const files = await served.server.call<ConnectorTest>("POST", "/api/connectors/files/test");
    deepEqual(files.checks.slice(0, 3).map(({ state }) => state), ["ok", "ok", "ok"]);
    deepEqual([files.checks[0]?.name, state("connect")?.message], [
      "configuration",
      "it can be reached, and takes the sign-in",
    ]);
    match(files.checks[0]?.message ?? "", /^it is right; there is nothing to ask: its folder is looked at/);
    const toCome = await served.server.call<ConnectorTest>("POST", "/api/connectors/to_come/test");
    deepEqual([toCome.ok, toCome.checks.find(({ name }) => name === "list")?.message], [
      true,
      "it is not there yet; a load makes it",
    ]);
    const bad = await served.project.sluice("connectors", ["test", "bad"]);
    equal(bad.code, 1);
    match(bad.stdout, /connect +failed +.*password/s);
    equal(bad.stdout.includes("wrong"), false, "the password is not told");
    equal((await served.project.sluice("connectors", ["test", "nosuch"])).code, 2);

    const yaml = await served.project.sluice("connectors", ["discover", "pg", "--yaml"]);
    equal(yaml.code, 0, yaml.stderr);
    match(yaml.stdout, /orders:[\s\S]*mode: incremental[\s\S]*primary_key: \["id"\]/);
    await Deno.mkdir(`${served.project.projectDir}/pipelines`);
    await Deno.writeTextFile(`${served.project.projectDir}/pipelines/shop.yaml`, yaml.stdout);
    const found = await served.project.sluice("connectors", ["discover", "files", "--yaml"]);
    await Deno.writeTextFile(`${served.project.projectDir}/pipelines/data.yaml`, found.stdout);
    await served.server.call("POST", "/api/apply");
    const run = await served.succeed("shop");
    deepEqual(run.steps.map(({ name, rows }) => [name, rows]), [["extract:orders", 1], ["extract:plain", 0]]);
    await served.succeed("data");
  } finally {
    await database.sql.unsafe(`DROP OWNED BY "${reader}"; DROP ROLE "${reader}"`);
  }
});
