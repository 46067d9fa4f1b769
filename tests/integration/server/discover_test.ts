import { deepEqual, equal, match, ok } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import type { SourceStream } from "../../../contract/discovery.ts";
import { acquirePostgres } from "../../support/postgres.ts";
import { sluiceArgs, SluiceServer } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

const postgres = await acquirePostgres();
Deno.test.afterAll(() => postgres[Symbol.asyncDispose]());

async function sluice(project: TestProject, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: sluiceArgs(...args, "--project", project.projectDir, "--data", project.dataDir),
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

async function createProject(url: string): Promise<TestProject> {
  const project = await TestProject.create({
    "connectors.yaml": `files: { type: file }
lite: { type: sqlite, path: data/lite.db }
shop: { type: postgres, url: "${url}", ssl: disable }
away: { type: postgres, url: "postgres://u:s3cr3t-word@127.0.0.1:1/x", ssl: disable }
`,
    "data/orders.csv": "id,amount\n1,2\n",
  });
  using database = new DatabaseSync(join(project.projectDir, "data/lite.db"));
  database.exec(
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); CREATE VIEW named AS SELECT name FROM items",
  );
  return project;
}

Deno.test("sluice connectors lists them, and discover finds the streams of each", async () => {
  await using database = await postgres.createDatabase();
  await database.sql.unsafe("CREATE TABLE orders (id bigint PRIMARY KEY, note text)");
  await using project = await createProject(database.url);
  match((await sluice(project, "connectors")).out, /^lite +sqlite +SQLite/m);

  const found = async (name: string): Promise<SourceStream[]> => {
    const { code, out, err } = await sluice(project, "connectors", "discover", name, "--json");
    equal(code, 0, err);
    return JSON.parse(out);
  };
  deepEqual(
    (await found("shop")).map(({ name, kind, address, primary_key, columns }) => [
      name,
      kind,
      address,
      primary_key,
      columns,
    ]),
    [["public.orders", "table", { stream: "public.orders" }, ["id"], [
      { name: "id", type: "bigint", nullable: false },
      { name: "note", type: "text", nullable: true },
    ]]],
  );
  deepEqual((await found("lite")).map(({ name, kind }) => [name, kind]), [["items", "table"], [
    "named",
    "view",
  ]]);
  const files = await found("files");
  const { columns } =
    files.find(({ kind, address }) => kind === "file" && address["path"] === "data/orders.csv") ?? {};
  deepEqual(columns, [{ name: "id", type: "BIGINT", nullable: true }, {
    name: "amount",
    type: "BIGINT",
    nullable: true,
  }]);
  ok(!JSON.stringify(files).includes("connectors.yaml"), "a project's definitions are no data");
});

Deno.test("discover says what is wrong, and no secret", async () => {
  await using database = await postgres.createDatabase();
  await using project = await createProject(database.url);
  const away = await sluice(project, "connectors", "discover", "away");
  equal(away.code, 2);
  match(away.err, /127\.0\.0\.1:1.*refused/);
  ok(!`${away.out}${away.err}`.includes("s3cr3t-word"));
  const unknown = await sluice(project, "connectors", "discover", "shp");
  equal(unknown.code, 2);
  match(unknown.err, /There is no connector "shp" \(did you mean shop\?\)/);
  match((await sluice(project, "connectors", "find")).err, /takes nothing, discover NAME or test NAME/);
});

Deno.test("GET /api/connectors/:name/streams asks for those who may write pipelines", async () => {
  await using database = await postgres.createDatabase();
  await database.sql.unsafe("CREATE TABLE orders (id bigint PRIMARY KEY)");
  await using project = await createProject(database.url);
  await using server = await SluiceServer.start(project.projectDir, project.dataDir);
  const streams = await server.call<SourceStream[]>("GET", "/api/connectors/shop/streams");
  deepEqual(streams.map(({ name }) => name), ["public.orders"]);
  await server.call("GET", "/api/connectors/nope/streams", undefined, [404]);
  // The command asks the server that holds the folder.
  match((await sluice(project, "connectors", "discover", "lite")).out, /^items +table/m);
});
