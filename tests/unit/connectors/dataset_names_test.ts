import { deepEqual, equal, ok } from "node:assert/strict";
import type { LoadDefinition } from "../../../contract/pipeline/load.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import * as v from "valibot";
import { loadSchema } from "../../../contract/pipeline/load.ts";
import { streamSchema } from "../../../contract/pipeline/stream.ts";
import { connectors } from "../../../connectors/registry.ts";
import { createDatasetNames } from "../../../engine/runs/telemetry/lineage/dataset_names.ts";
import type { StepAddress } from "../../../engine/runs/telemetry/step_address.ts";

/** What data is called where lineage is told: by the rules of https://openlineage.io/docs/spec/naming */

let entries: Readonly<Record<string, Entry>> = {};
const names = createDatasetNames({
  connectors,
  store: { revisions: { connectors: () => Promise.resolve(entries) } },
  references: { env: () => undefined, secrets: { get: (name) => Promise.resolve(SECRETS[name]) } },
  projectDir: "/srv/shop",
  dataDir: "/srv/data",
  namespace: "sluice",
});
const SECRETS: Readonly<Record<string, string>> = {
  PG: "postgres://ada:p%40ss-4711@DB.example.com:6543/shop?application_name=x",
};

type Entry = { readonly type: string; readonly [key: string]: unknown };

async function nameOf(
  entry: Entry | undefined,
  part: StepAddress["part"],
  type = entry?.type ?? "",
): Promise<string> {
  entries = entry === undefined ? {} : { it: entry };
  const found = await names.of({ id: "r1", pipeline: "shop" }, { connector: "it", type, part });
  ok(!JSON.stringify(found ?? {}).includes("4711"));
  return found === undefined ? "none" : `${found.namespace} ${found.name}`;
}

const stream = (keys: Record<string, unknown>): StepAddress["part"] => {
  const parsed: StreamDefinition = v.parse(streamSchema, { connector: "it", ...keys });
  return { kind: "stream", name: "orders", stream: parsed };
};
const load = (keys: Record<string, unknown>): StepAddress["part"] => {
  const target: LoadDefinition = v.parse(loadSchema, { connector: "it", ...keys });
  return { kind: "load", table: "daily", target };
};

Deno.test("each system's data is called as the naming of OpenLineage has it", async () => {
  const pg = { type: "postgres", url: "${secret:PG}" };
  const mysql = { type: "mysql", host: "db", database: "shop", user: "ada", password: "4711" };
  const s3 = { type: "s3", bucket: "lake", prefix: "raw", region: "eu-west-1", credentials: "anonymous" };
  const sftp = {
    type: "sftp",
    host: "files.example.com",
    user: "ada",
    password: "4711",
    root: "/in",
    host_key: "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
  };
  const api = {
    type: "http",
    base_url: "https://api.example.com/v1/",
    auth: { type: "bearer", token: "4711" },
  };
  const cases: readonly (readonly [Entry, StepAddress["part"], string])[] = [
    [pg, stream({ stream: "orders" }), "postgres://DB.example.com:6543 shop.public.orders"],
    [pg, stream({ stream: '"my.schema".orders' }), "postgres://DB.example.com:6543 shop.my.schema.orders"],
    [pg, stream({ query: "select 1" }), "none"],
    [pg, stream({ stream: "sales.*" }), "postgres://DB.example.com:6543 shop.sales.orders"],
    [pg, load({ table: "mart.daily" }), "postgres://DB.example.com:6543 shop.mart.daily"],
    [mysql, stream({ stream: "orders" }), "mysql://db:3306 shop.orders"],
    [mysql, load({ table: "mart.daily" }), "mysql://db:3306 mart.daily"],
    [s3, stream({ path: "orders/*.parquet" }), "s3://lake raw/orders/*.parquet"],
    [s3, load({ path: "out/daily.parquet" }), "s3://lake raw/out/daily.parquet"],
    [{ type: "file", root: "data" }, stream({ path: "orders.csv" }), "file /srv/shop/data/orders.csv"],
    [sftp, stream({ path: "orders.csv" }), "file://files.example.com /in/orders.csv"],
    [{ type: "sqlite", path: "lite.db" }, load({ table: "daily" }), "sqlite:///srv/shop/lite.db daily"],
    [
      { type: "duckdb", path: "mart.duckdb" },
      load({ table: "daily" }),
      "duckdb:///srv/shop/mart.duckdb mart.main.daily",
    ],
    [
      { type: "libsql", url: "libsql://db.example.com" },
      stream({ stream: "orders" }),
      "libsql://db.example.com:443 orders",
    ],
    [api, stream({ endpoint: "orders?key=4711" }), "https://api.example.com /v1/orders"],
    [
      api,
      load({ endpoint: "contacts/{row.id}", mode: "append" }),
      "https://api.example.com /v1/contacts/{row.id}",
    ],
  ];
  const found = [];
  for (const [entry, part] of cases) found.push(await nameOf(entry, part));
  deepEqual(found, cases.map(([, , expected]) => expected));
});

Deno.test("what has no name of its own is called by its pipeline", async () => {
  equal(
    await nameOf(undefined, stream({ connector: "script", script: "scripts/a.ts" }), "script"),
    "sluice shop.it.orders",
  );
  equal(
    await nameOf({ type: "postgres", url: "${secret:GONE}" }, stream({ stream: "a" })),
    "sluice shop.it.orders",
  );
  equal(await nameOf({ type: "s3", bucket: "-" }, load({ path: "a.csv" })), "sluice shop.it.daily");
  deepEqual(names.inWarehouse("shop", "raw.orders"), {
    namespace: "duckdb:///srv/data/warehouse/shop.duckdb",
    name: "shop.raw.orders",
  });
});
