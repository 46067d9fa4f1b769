import { deepEqual, equal, match, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { AppError } from "../../../../../contract/errors.ts";
import {
  type ApiDefinition,
  parseApiDefinition,
} from "../../../../../engine/definitions/apis/api_definition.ts";
import {
  type InstallRequest,
  planInstallation,
  writeInstallation,
} from "../../../../../engine/definitions/apis/install_api.ts";

const SOURCE = `
title: Shop
description: Orders of {values.shop}.
values:
  shop: { description: Which., example: acme, pattern: "[a-z]+" }
  host: { description: Where., example: "https://a.example", default: "https://shop.example/" }
  tables: { description: The tables., example: "Orders,Items", list: true }
secrets: { SHOP_TOKEN: { description: A token. } }
connector:
  type: http
  base_url: "{values.host}/{values.shop}"
  auth: { type: bearer, token: "\${secret:SHOP_TOKEN}" }
streams:
  orders: { description: Orders., endpoint: orders, primary_key: [id] }
  lines:
    description: Lines of orders.
    endpoint: { path: "orders/{resources.orders.id}/lines", params: { shop: "{values.shop}" } }
    primary_key: [id]
  each:
    description: Rows of a table.
    for_each: tables
    endpoint: "tables/{values.tables}"
    primary_key: [id]
`;
const API: ApiDefinition = parseApiDefinition(SOURCE, "shop.yaml");
const VALUES = { shop: "acme", tables: "Orders, Line items,orders" };

async function inProject<T>(
  files: Readonly<Record<string, string>>,
  use: (projectDir: string) => Promise<T>,
): Promise<T> {
  const projectDir = await Deno.makeTempDir({ prefix: "sluice-install-" });
  try {
    await Deno.mkdir(join(projectDir, "pipelines"));
    for (const [path, text] of Object.entries(files)) await Deno.writeTextFile(join(projectDir, path), text);
    return await use(projectDir);
  } finally {
    await Deno.remove(projectDir, { recursive: true });
  }
}

const planned = (request: Partial<InstallRequest>, files: Readonly<Record<string, string>> = {}) =>
  inProject(
    files,
    (dir) => planInstallation(dir, API, { name: "shop", values: VALUES, streams: undefined, ...request }),
  );

async function failure(request: Partial<InstallRequest>, files: Readonly<Record<string, string>> = {}) {
  let caught: unknown;
  await planned(request, files).catch((error) => caught = error);
  if (caught instanceof AppError) return caught;
  throw new Error(`expected an AppError, got ${caught}`);
}

Deno.test("planInstallation() fills in the values, and makes a stream for each item of a list", async () => {
  const { files, streams, secrets } = await planned({});
  deepEqual(files.map(({ path, before }) => [path, before]), [
    ["connectors.yaml", undefined],
    ["pipelines/shop.yaml", undefined],
  ]);
  const [connectors, pipeline] = files.map(({ content }) => parse(content));
  equal(connectors.shop.base_url, "https://shop.example/acme");
  equal(pipeline.description, "Shop: Orders of acme.");
  deepEqual(streams, ["orders", "lines", "each_Orders", "Line_items", "each_1"]);
  deepEqual(Object.keys(pipeline.extract), streams);
  equal(pipeline.extract.Line_items.endpoint, "tables/Line%20items");
  deepEqual(pipeline.extract.lines.endpoint, {
    path: "orders/{resources.orders.id}/lines",
    params: { shop: "acme" },
  });
  deepEqual(secrets, { SHOP_TOKEN: "A token." });
});

Deno.test("planInstallation() takes the parents of the streams that are chosen, and needs only their values", async () => {
  const { streams } = await planned({ streams: ["lines"], values: { shop: "acme" } });
  deepEqual(streams, ["orders", "lines"]);
  match((await failure({ streams: ["line"] })).message, /no stream "line" \(did you mean lines\?\)/);
});

Deno.test("planInstallation() says what is missing, unknown or wrong", async () => {
  const missing = await failure({ values: {} });
  match(missing.message, /Shop needs shop and tables: --set shop=acme --set tables=Orders,Items/);
  match(missing.detail ?? "", /shop: Which\./);
  match((await failure({ values: { ...VALUES, shp: "x" } })).message, /no value "shp".*did you mean shop/);
  match((await failure({ values: { ...VALUES, shop: "A B" } })).message, /--set shop: "A B" cannot be used/);
  match((await failure({ values: { ...VALUES, tables: " , " } })).message, /--set tables/);
  match((await failure({ name: "../x" })).message, /cannot be the name of a connector/);
});

Deno.test("planInstallation() leaves a connector and a pipeline of that name alone", async () => {
  equal((await failure({}, { "connectors.yaml": "shop: { type: file }\n" })).code, "conflict");
  equal((await failure({}, { "pipelines/shop.yml": "extract: {}\n" })).code, "conflict");
});

Deno.test("writeInstallation() writes both files or none", async () => {
  const before = "# mine\nfiles: { type: file }\n";
  await inProject({ "connectors.yaml": before }, async (dir) => {
    await Deno.chmod(join(dir, "connectors.yaml"), 0o640);
    const plan = await planInstallation(dir, API, { name: "shop", values: VALUES, streams: ["orders"] });
    // Someone else makes the pipeline meanwhile.
    await Deno.writeTextFile(join(dir, "pipelines/shop.yaml"), "extract: {}\n");
    await rejects(writeInstallation(dir, plan), /There is a file/);
    equal(await Deno.readTextFile(join(dir, "connectors.yaml")), before);
    await Deno.remove(join(dir, "pipelines/shop.yaml"));
    await writeInstallation(dir, plan);
    match(await Deno.readTextFile(join(dir, "connectors.yaml")), /^# mine\nfiles: \{ type: file \}\nshop:\n/);
    equal(((await Deno.stat(join(dir, "connectors.yaml"))).mode ?? 0) & 0o777, 0o640);
    deepEqual(Object.keys(parse(await Deno.readTextFile(join(dir, "pipelines/shop.yaml"))).extract), [
      "orders",
    ]);
    const left: string[] = [];
    for await (const { name } of Deno.readDir(dir)) left.push(name);
    deepEqual(left.toSorted(), ["connectors.yaml", "pipelines"]);
    await rejects(writeInstallation(dir, plan), /was changed meanwhile|already/);
  });
});

Deno.test("parseApiDefinition() refuses values and secrets that are not described, or not used", () => {
  const faultsOf = (source: string) => {
    let messages: string[] = [];
    throws(() => parseApiDefinition(source, "shop.yaml"), (error) => {
      messages = error instanceof AppError ? error.faults.map(({ message }) => message) : [String(error)];
      return true;
    });
    return messages.join("\n");
  };
  match(faultsOf(SOURCE.replace("{values.shop}", "{values.shap}")), /value shap is used, and not described/);
  match(
    faultsOf(SOURCE.replace("SHOP_TOKEN: {", "OTHER: {")),
    /secret SHOP_TOKEN is used, and not described/,
  );
  match(faultsOf(SOURCE.replace("SHOP_TOKEN: {", "OTHER: {")), /secret OTHER is described, and not used/);
  match(faultsOf(SOURCE.replace("list: true", "list: false")), /for_each needs a value with list: true/);
  match(faultsOf(SOURCE.replace("title: Shop", "titel: Shop")), /unknown key \(did you mean title\?\)/);
});
