import assert from "node:assert/strict";
import { join } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import { formatFault } from "../../../../text/fault.ts";
import { loadProject } from "../../../../engine/definitions/load.ts";
import { CONNECTOR_TYPES, ProjectFixture } from "./project_fixture.ts";

const CONNECTORS = 'files: { type: folder }\nshop: { type: database, url: "${secret:SHOP_URL}" }\n';
const ORDERS = `extract:
  orders: { connector: shop, stream: public.orders }
load:
  daily:
    - { connector: files, path: out/daily }
`;

async function load(project: ProjectFixture) {
  const loaded = await loadProject(project.dir, { connectorTypes: CONNECTOR_TYPES });
  const faultsOf = (name: string) =>
    loaded.pipelines.find((pipeline) => pipeline.name === name)?.faults.map(formatFault);
  return { ...loaded, projectFaults: loaded.faults.map(formatFault), faultsOf };
}

Deno.test("loadProject() reads connectors, pipelines and models", async () => {
  await using project = await ProjectFixture.create({
    "connectors.yaml": CONNECTORS,
    "pipelines/orders.yaml": ORDERS,
    "pipelines/notes.txt": "not a pipeline",
    "transforms/orders/daily.sql": "SELECT 1 AS day\n",
    "transforms/orders/.hidden.sql": "not a model",
    "transforms/other/notes.md": "no model either",
  });
  const { pipelines, projectFaults, connectors } = await load(project);
  assert.deepEqual(projectFaults, []);
  assert.deepEqual(Object.keys(connectors), ["files", "shop"]);
  assert.equal(pipelines.length, 1);
  const [orders] = pipelines;
  assert(orders);
  assert.deepEqual(orders.faults, []);
  assert.equal(orders.name, "orders");
  assert.equal(orders.path, "pipelines/orders.yaml");
  assert.deepEqual(orders.files, [{ path: "transforms/orders/daily.sql", content: "SELECT 1 AS day\n" }]);
  assert.deepEqual(Object.keys(orders.connectors), ["files", "shop"]);
  assert.equal(orders.connectors["shop"]?.["url"], "${secret:SHOP_URL}");
  assert.equal(orders.definition?.extract["orders"]?.mode, "full");
  assert.deepEqual(orders.place(["extract", "orders"]), {
    file: "pipelines/orders.yaml",
    line: 2,
    column: 3,
  });
  assert.equal(orders.place(["load", "daily", 0, "path"]).line, 5);
  assert.equal(orders.place(["load", "daily", 0, "mode"]).line, 5, "a default stands where its entry stands");
});

Deno.test("loadProject() keeps the good pipelines beside a bad one", async () => {
  await using project = await ProjectFixture.create({
    "connectors.yaml": CONNECTORS,
    "pipelines/good.yaml": "extract:\n  a: { connector: shop, stream: a }\n",
    "pipelines/bad.yaml": "extract:\n  a: { connector: shop, stream: a\n",
    "pipelines/empty.yml": "",
    "pipelines/tabs.yaml": "extract:\n\ta: 1\n",
    "pipelines/twice.yaml": "timeout: 1m\ntimeout: 2m\n",
    "pipelines/two.yaml": "timeout: 1m\n---\ntimeout: 2m\n",
  });
  const { pipelines, faultsOf } = await load(project);
  assert.equal(pipelines.length, 6);
  assert.deepEqual(faultsOf("good"), []);
  assert.match(faultsOf("bad")?.[0] ?? "", /^pipelines\/bad\.yaml:3:1: not valid YAML: /);
  assert.deepEqual(faultsOf("empty"), ["pipelines/empty.yml:1:1: the file is empty"]);
  assert.match(faultsOf("tabs")?.[0] ?? "", /^pipelines\/tabs\.yaml:2:1: .*spaces/);
  assert.deepEqual(faultsOf("twice"), ["pipelines/twice.yaml:2:1: this key stands here twice"]);
  assert.match(faultsOf("two")?.[0] ?? "", /^pipelines\/two\.yaml:2:1: one document a file/);
  assert.equal(pipelines.find((pipeline) => pipeline.name === "bad")?.definition, undefined);
});

Deno.test("loadProject() refuses texts that are not UTF-8, too large or binary", async () => {
  await using project = await ProjectFixture.create({
    "connectors.yaml": CONNECTORS,
    "pipelines/latin.yaml": new Uint8Array([
      ...new TextEncoder().encode("description: x\ntags: [caf"),
      0xe9,
      0x5d,
    ]),
    "pipelines/huge.yaml": `# ${"x".repeat(5 * 1024 * 1024)}\n`,
    "pipelines/zero.yaml": 'description: "a\0b"\n',
    "pipelines/models.yaml": "extract: { a: { connector: shop, stream: a } }\n",
    "transforms/models/bad.sql": new Uint8Array([0x53, 0xff]),
  });
  const { faultsOf } = await load(project);
  assert.deepEqual(faultsOf("latin"), ["pipelines/latin.yaml:2:1: is not UTF-8 text: save it as UTF-8"]);
  assert.match(faultsOf("huge")?.[0] ?? "", /is 5\.0 MB large: the limit is 5 MB/);
  assert.match(faultsOf("zero")?.[0] ?? "", /zero byte/);
  assert.deepEqual(faultsOf("models"), [
    "transforms/models/bad.sql:1:1: is not UTF-8 text: save it as UTF-8",
  ]);
});

Deno.test("loadProject() reads a file with a byte order mark", async () => {
  await using project = await ProjectFixture.create({
    "connectors.yaml": `\uFEFF${CONNECTORS}`,
    "pipelines/a.yaml": "\uFEFFextract:\r\n  a: { connector: shop, stream: a }\r\n",
  });
  const { faultsOf, projectFaults } = await load(project);
  assert.deepEqual(projectFaults, []);
  assert.deepEqual(faultsOf("a"), []);
});

Deno.test("loadProject() refuses symbolic links that lead out of the project", async () => {
  await using outside = await ProjectFixture.create({ "secret.yaml": "a: 1\n", "models/x.sql": "SELECT 1" });
  await using project = await ProjectFixture.create({
    "connectors.yaml": CONNECTORS,
    "pipelines/linked.yaml": "extract: { a: { connector: shop, stream: a } }\n",
    "shared/inside.yaml": "extract: { a: { connector: shop, stream: a } }\n",
    "transforms/.keep": "",
  });
  await Deno.symlink(join(outside.dir, "secret.yaml"), join(project.dir, "pipelines/evil.yaml"));
  await Deno.symlink("../shared/inside.yaml", join(project.dir, "pipelines/fine.yaml"));
  await Deno.symlink(join(outside.dir, "models"), join(project.dir, "transforms/linked"));
  const { faultsOf } = await load(project);
  assert.match(faultsOf("evil")?.[0] ?? "", /leads out of the project by a symbolic link/);
  assert.deepEqual(faultsOf("fine"), []);
  assert.match(faultsOf("linked")?.[0] ?? "", /transforms\/linked:1:1: leads out of the project/);
});

Deno.test("loadProject() reports names that cannot be names", async () => {
  await using project = await ProjectFixture.create({
    "connectors.yaml": CONNECTORS,
    "pipelines/a.yaml": "extract: { a: { connector: shop, stream: a } }\n",
    "pipelines/a.yml": "extract: { a: { connector: shop, stream: a } }\n",
    "pipelines/we ird; DROP.yaml": "timeout: 1m\n",
    "transforms/a/2nd.sql": "SELECT 1",
    "transforms/a/Day.sql": "SELECT 1",
    "transforms/a/day.sql": "SELECT 1",
    "transforms/a/blank.sql": " \n",
    "transforms/a/sub/deep.sql": "SELECT 1",
    "transforms/a/sub/DAY.sql": "SELECT 1",
  });
  const { faultsOf, projectFaults, pipelines } = await load(project);
  assert.match(
    projectFaults.join("\n"),
    /pipelines\/a\.yml:1:1: pipeline "a" is in pipelines\/a\.yaml already/,
  );
  assert.match(faultsOf("we ird; DROP")?.[0] ?? "", /the file's name is the pipeline's name/);
  const faults = faultsOf("a") ?? [];
  assert.match(faults.join("\n"), /2nd\.sql:1:1: the file's name is the table's name/);
  assert.match(faults.join("\n"), /day\.sql:1:1: "Day" and "day" would be the same table/);
  assert.match(faults.join("\n"), /blank\.sql:1:1: the file is empty/);
  assert.match(faults.join("\n"), /sub\/DAY\.sql:1:1: transforms\/a\/Day\.sql makes the table "Day" already/);
  assert.deepEqual(pipelines.find(({ name }) => name === "a")?.files.map(({ path }) => path), [
    "transforms/a/Day.sql",
    "transforms/a/sub/deep.sql",
  ]);
});

Deno.test("loadProject() says where a transform folder is missing, unless it is the default one", async () => {
  await using project = await ProjectFixture.create({
    "connectors.yaml": CONNECTORS,
    "pipelines/named.yaml": "transform: ordrs\nextract: { a: { connector: shop, stream: a } }\n",
    "pipelines/plain.yaml": "extract: { a: { connector: shop, stream: a } }\n",
  });
  const { faultsOf } = await load(project);
  assert.deepEqual(faultsOf("named"), [
    "pipelines/named.yaml:1:12: transform: the folder transforms/ordrs/ does not exist",
  ]);
  assert.deepEqual(faultsOf("plain"), []);
});

Deno.test("loadProject() puts a broken connector at the pipelines that need it, and at no other", async () => {
  await using project = await ProjectFixture.create({
    "connectors.yaml": "shop: { type: databse }\nfiles: { type: folder }\n",
    "pipelines/a.yaml": "extract: { a: { connector: shop, stream: a } }\n",
    "pipelines/b.yaml": "extract: { a: { connector: files, path: a.csv } }\n",
  });
  const { faultsOf, projectFaults } = await load(project);
  assert.deepEqual(projectFaults, [
    'connectors.yaml:1:15: shop.type: unknown connector type "databse" (did you mean database?)',
  ]);
  assert.match(faultsOf("a")?.[0] ?? "", /see connectors\.yaml: "shop" has a fault there/);
  assert.deepEqual(faultsOf("b"), []);
});

Deno.test("loadProject() knows no connector where connectors.yaml cannot be read", async () => {
  await using project = await ProjectFixture.create({
    "connectors.yaml": "- shop\n- files\n",
    "pipelines/a.yaml": "extract: { a: { connector: shop, stream: a } }\n",
  });
  const { faultsOf, projectFaults } = await load(project);
  assert.equal(projectFaults.length, 1);
  assert.match(projectFaults[0] ?? "", /^connectors\.yaml:1:1: expected keys with values but got a list/);
  assert.match(faultsOf("a")?.[0] ?? "", /see connectors\.yaml: it has faults/);
});

Deno.test("loadProject() without any file is an empty project", async () => {
  await using project = await ProjectFixture.create();
  const { pipelines, projectFaults } = await load(project);
  assert.deepEqual({ pipelines, projectFaults }, { pipelines: [], projectFaults: [] });
});

Deno.test("loadProject() throws not_found for a folder that is not there", async () => {
  await using project = await ProjectFixture.create();
  const attempt = loadProject(join(project.dir, "nowhere"), { connectorTypes: CONNECTOR_TYPES });
  await assert.rejects(attempt, (error) => error instanceof AppError && error.code === "not_found");
});

Deno.test("loadProject() warns of files that look like models or pipelines and are not read", async () => {
  await using project = await ProjectFixture.create({
    "connectors.yaml": CONNECTORS,
    "pipelines/orders.yaml": ORDERS,
    "pipelines/late.YAML": ORDERS,
    "pipelines/other.json": "{}",
    "transforms/orders/daily.sql": "SELECT 1 AS day\n",
    "transforms/orders/weekly.SQL": "SELECT 1 AS week\n",
    "transforms/orders/schema.yml": "version: 2",
    "transforms/orders/macro.sql.j2": "",
    "transforms/orders/README.md": "about them",
    "transforms/orders/data.csv": "a",
    "transforms/orders/a/b/defaults.yml": "materialized: view",
    "transforms/order/staging/thing.sql": "SELECT 2",
    "transforms/lost.sql": "SELECT 3",
    "transforms/empty/notes.txt": "",
  });
  const { projectFaults, faultsOf, pipelines } = await load(project);
  const model = "is not read: a model's file ends in .sql, in small letters";
  const pipeline = "is not read: a pipeline's file ends in .yaml or .yml, in small letters";
  assert.deepEqual(projectFaults, [
    `pipelines/late.YAML:1:1: warning: ${pipeline}`,
    `pipelines/other.json:1:1: warning: ${pipeline}`,
    "transforms/lost.sql:1:1: warning: is not read: models are in a folder of transforms/, that of their pipeline",
    'transforms/order: warning: no pipeline uses this folder: one takes it by "transform: order" (did you mean orders?)',
  ]);
  assert.deepEqual(faultsOf("orders"), [
    "transforms/orders/a/b/defaults.yml:1:1: warning: is not read: what a folder says for its models stands in _defaults.yaml",
    "transforms/orders/data.csv:1:1: warning: is not read: a CSV that is a table of its own is a seed, seeds/<name>.csv",
    "transforms/orders/macro.sql.j2:1:1: warning: is not read: a model is one SELECT in a file that ends in .sql",
    "transforms/orders/schema.yml:1:1: warning: is not read: what is known of a model, its columns and its checks, stands in the header of its SQL file",
    `transforms/orders/weekly.SQL:1:1: warning: ${model}`,
  ]);
  assert.equal(pipelines[0]?.files.length, 1);
});

Deno.test("loadProject() reads folders in folders, and the defaults of all above a model", async () => {
  await using project = await ProjectFixture.create({
    "pipelines/orders.yaml": "{}",
    "pipelines/empty.yaml": "{}",
    "transforms/_defaults.yaml": "tags: [all]",
    "transforms/orders/_defaults.yaml": "materialized: view",
    "transforms/orders/staging/shop/stg.sql": "SELECT 1 AS one",
    "transforms/orders/mart.sql": "SELECT * FROM stg",
  });
  const { pipelines, faultsOf } = await load(project);
  assert.deepEqual(faultsOf("orders"), []);
  assert.deepEqual(pipelines.map(({ files }) => files.map(({ path }) => path)), [[], [
    "transforms/_defaults.yaml",
    "transforms/orders/_defaults.yaml",
    "transforms/orders/mart.sql",
    "transforms/orders/staging/shop/stg.sql",
  ]]);
});
