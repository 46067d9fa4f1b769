import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { Served } from "../../support/served_project.ts";

/** The rows of an encrypted pipeline go on to those who may have them, and lie nowhere as they are. */

const CANARY = "canary-of-a-row";

Deno.test("what an encrypted pipeline publishes is read by another pipeline, over HTTP and by queries, and by no byte of the disk", async () => {
  await using served = await Served.start({
    "data/orders.csv": `id,name\n1,${CANARY} 1\n2,${CANARY} 2\n3,${CANARY} 3\n`,
    "pipelines/shop.yaml":
      "extract: { orders: { connector: files, path: data/orders.csv } }\npublish: [sorted]\n",
    "transforms/shop/sorted.sql": "SELECT id, name FROM raw.orders\n",
    "pipelines/report.yaml":
      "extract: { sorted: { connector: sluice, stream: shop.sorted } }\npublish: [last]\n",
    "transforms/report/last.sql": "SELECT name FROM raw.sorted WHERE id = 3\n",
  }, { SLUICE_ENCRYPT_WAREHOUSES: "1" });
  const { server, project: { dataDir } } = served;
  await served.succeed("shop");
  await served.succeed("report");
  const names = [1, 2, 3].map((id) => ({ name: `${CANARY} ${id}` }));

  for (const [model, expected] of [["shop/sorted", names], ["report/last", names.slice(2)]] as const) {
    deepEqual(await server.call("GET", `/api/data/${model}?columns=name`), expected);
  }
  const csv = await server.request("GET", "/api/data/shop/sorted?format=csv&where=id.eq.2");
  equal(await csv.text(), `id,name\n2,${CANARY} 2\n`);
  // The file itself leaves without its key, so it is another one.
  const parquet = new Uint8Array(
    await (await server.request("GET", "/api/data/shop/sorted?format=parquet")).arrayBuffer(),
  );
  equal(new TextDecoder().decode(parquet.slice(0, 4)), "PAR1", new TextDecoder().decode(parquet));
  const asked = await server.call<{ readonly rows: unknown[][] }>("POST", "/api/query", {
    sql: "SELECT s.name FROM shop.sorted AS s JOIN report.last USING (name)",
  });
  deepEqual(asked.rows, [[`${CANARY} 3`]]);

  // What was given out went through files of a process, which are gone with it.
  await server.stop();
  deepEqual(await filesWith(dataDir, CANARY), []);
});

async function filesWith(folder: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) found.push(...await filesWith(path, text));
    else if (new TextDecoder("latin1").decode(await Deno.readFile(path)).includes(text)) found.push(path);
  }
  return found;
}
