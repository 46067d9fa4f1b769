import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { connectors } from "../../../../../connectors/registry.ts";
import { loadTargets } from "../../../../../contract/pipeline/load.ts";
import { loadProject } from "../../../../../engine/definitions/load.ts";
import { ProjectFixture } from "../project_fixture.ts";

const CONNECTORS = `
shop: {type: postgres, url: "postgres://ann:a@db.test/shop"}
lake: {type: postgres, url: "postgres://ann:a@db.test/lake"}
same_lake: {type: postgres, url: "postgres://bob:b@db.test/lake"}
dev_lake: {type: postgres, url: "postgres://ann:a@db.test/dev_lake"}
files: {type: file, root: data}
crm: {type: http, base_url: "https://crm.test"}
`;

const ORDERS = `
schedule: {cron: "0 2 * * *"}
after: [other]
params: {region: {type: string, default: eu}, days: {type: integer, required: true}}
late_after: 2h
extract:
  orders: {connector: shop, stream: public.orders}
  changes: {connector: shop, stream: public.changes, mode: cdc, primary_key: [id]}
  posted: {webhook: hook}
webhooks: {hook: {secret: "\${secret:HOOK}"}}
load:
  daily:
    - {connector: lake, table: analytics.daily}
    - {connector: files, path: out/daily.csv}
  weekly: {connector: lake, table: analytics.weekly, pre_sql: TRUNCATE analytics.weekly}
`;

const SQL = "SELECT getvariable('vat') AS vat, count(*) AS n FROM raw.orders";

async function project(environments: string, pipelines: Readonly<Record<string, string>> = {}) {
  return await ProjectFixture.create({
    "connectors.yaml": CONNECTORS,
    "project.yaml": `variables: {vat: {type: number, default: 0.2}}\nenvironments:\n${environments}`,
    "pipelines/orders.yaml": ORDERS,
    "pipelines/other.yaml": "{}",
    "transforms/orders/daily.sql": SQL,
    "transforms/orders/weekly.sql": "SELECT * FROM daily",
    ...Object.fromEntries(
      Object.entries(pipelines).map(([name, text]) => [`pipelines/${name}.yaml`, text]),
    ),
  });
}

const load = (dir: string, environment?: string) =>
  loadProject(dir, { connectorTypes: connectors, environment });

async function ordersIn(dir: string, environment: string) {
  const { pipelines } = await load(dir, environment);
  const found = pipelines.find(({ name }) => name === `orders@${environment}`);
  ok(found);
  const errors = found.faults.filter(({ severity }) => severity === "error");
  return { ...found, errors: errors.map(({ file, line, message }) => `${file}:${line}: ${message}`) };
}

Deno.test("a pipeline in an environment starts by nothing, tells nobody, and writes apart from production", async () => {
  await using fixture = await project(`
  dev:
    connectors: {lake: dev_lake}
    params: {region: test, days: 3}
    variables: {vat: 0.5}
    extract: {shop: off}
`);
  const { definition, errors, connectors: named } = await ordersIn(fixture.dir, "dev");
  deepEqual(errors, []);
  ok(definition);
  for (const key of ["schedule", "after", "sensors", "notify", "late_after", "freshness"]) {
    equal(Object.hasOwn(definition, key), false, key);
  }
  deepEqual(definition.params["region"]?.default, "test");
  deepEqual(definition.params["days"], { type: "integer", default: 3 });
  equal(definition.params["vat"]?.default, 0.5);
  equal(definition.extract["orders"]?.enabled, false);
  equal(definition.extract["changes"]?.enabled, false);
  equal(definition.extract["posted"]?.enabled, undefined);
  deepEqual(
    Object.values(definition.load).flatMap(loadTargets).map((
      { connector, table, path },
    ) => [connector, table ?? path]),
    [["dev_lake", "analytics.daily"], ["files", "dev/out/daily.csv"], ["dev_lake", "analytics.weekly"]],
  );
  deepEqual(Object.keys(named), ["dev_lake", "files", "shop", "webhook"]);
  const { pipelines } = await load(fixture.dir);
  const production = pipelines.find(({ name }) => name === "orders")?.definition;
  equal(production?.params["region"]?.default, "eu");
  ok(production?.schedule !== undefined);
});

Deno.test("what nothing keeps apart is refused at its place, with what to write; check warns of it", async () => {
  await using fixture = await project(`
  none: {}
  suffix: {schema_suffix: _x, extract: {shop: off}}
  off: {loads: off, extract: off}
`);
  const none = await ordersIn(fixture.dir, "none");
  equal(none.errors.length, 3, none.errors.join("\n"));
  match(none.errors[0] ?? "", /^pipelines\/orders\.yaml:8: extract\.changes\.mode: .*extract: \{shop: off\}/);
  match(
    none.errors[1] ?? "",
    /:13: load\.daily\[0\]\.connector: .*schema_suffix: _none, connectors: \{lake: none_lake\}/,
  );
  match(none.errors[2] ?? "", /:15: load\.weekly\.connector/);
  const suffix = await ordersIn(fixture.dir, "suffix");
  equal(suffix.errors.length, 1);
  match(suffix.errors[0] ?? "", /load\.weekly\.pre_sql: runs in production's database/);
  const off = await ordersIn(fixture.dir, "off");
  deepEqual(off.errors, []);
  deepEqual(off.definition?.load, {});
  const { faults, placeFaults } = await load(fixture.dir);
  deepEqual(faults, []);
  deepEqual([...new Set(placeFaults.map(({ severity }) => severity))], ["warning"]);
  equal(placeFaults.length, 4);
});

Deno.test("two that would write the same table of one database are found, whoever signs in", async () => {
  await using fixture = await project(
    `
  dev: {connectors: {lake: same_lake}, extract: {shop: off}}
  a: {schema_suffix: _t, extract: {shop: off}, loads: {files: off}}
  b: {schema_suffix: _T, extract: {shop: off}}
`,
    {
      plain:
        "load: {raw_x: {connector: lake, table: mart.x}}\nextract: {raw_x: {connector: files, path: x.csv}}",
    },
  );
  const dev = await ordersIn(fixture.dir, "dev");
  match(
    dev.errors.join("\n"),
    /in the environment dev it would write analytics\.daily, which orders writes too/,
  );
  const { placeFaults } = await load(fixture.dir);
  const clashes = placeFaults.filter(({ severity }) => severity === "error").map(({ message }) => message);
  ok(clashes.some((message) => /plain/.test(message) === false && /dev it would write/.test(message)));
  ok(
    clashes.some((message) =>
      /environment a it would write mart_t\.x, which plain@b writes too/.test(message)
    ),
  );
  const { pipelines } = await load(fixture.dir, "a");
  const plain = pipelines.find(({ name }) => name === "plain@a");
  match(plain?.faults.map(({ message }) => message).join() ?? "", /plain@b writes too/);
});

Deno.test("an environment that is wrong or not there is told with its place or what there is", async () => {
  await using fixture = await project(`
  dev: {connectors: {lake: lke}, variables: {vatt: 1, vat: much}, loads: {crmm: off}}
  still: {connectors: {lake: off}}
  broken: {extract: maybe}
  prod: {}
`);
  const { faults } = await load(fixture.dir);
  const told = faults.map(({ file, line, message }) => `${file}:${line}: ${message}`).join("\n");
  match(told, /project\.yaml:4: environments\.dev\.connectors\.lake: there is no connector "lke".*lake/);
  match(told, /environments\.still\.connectors\.lake: .*no other one than off: loads and extract switch off/);
  match(told, /environments\.dev\.variables\.vatt: there is no variable "vatt".*vat/);
  match(told, /environments\.dev\.variables\.vat: /);
  match(told, /environments\.dev\.loads\.crmm: there is no connector "crmm".*crm/);
  match(told, /project\.yaml:6: environments\.broken\.extract/);
  match(told, /environments.*prod.*runs in no environment/);
  await rejects(load(fixture.dir, "deev"), /There is no environment "deev".*dev/);
  await rejects(load(fixture.dir, "broken"), /has faults in project\.yaml/);
  await rejects(load(fixture.dir, "../x"), /cannot be the name of an environment/);
});
