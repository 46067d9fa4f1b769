import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { CONNECTORS } from "../../support/served_project.ts";
import { TestProject } from "../../support/test_project.ts";

const CANARY = "canary-of-a-row";
const ENCRYPTED = { SLUICE_ENCRYPT_WAREHOUSES: "1" };
const PIPELINE = `extract:
  orders:
    connector: files
    path: data/orders.csv
    mode: incremental
    primary_key: [id]
    update_key: id
    contract: { types: discard_row }
transform: shop
publish: [sorted]
keep_inputs: 1
load:
  sorted: [{ connector: files, path: out/sorted.csv }]
`;

const project = (): Promise<TestProject> =>
  TestProject.create({
    "connectors.yaml": CONNECTORS,
    "data/orders.csv": `id,name,amount\n1,${CANARY} 1,1\n2,${CANARY} 2,2\n`,
    "pipelines/shop.yaml": PIPELINE,
    "transforms/shop/sorted.sql": "SELECT * FROM raw.orders ORDER BY name DESC\n",
    "transforms/shop/seen.sql": "/* @sluice\nmaterialized: view\n*/\nSELECT name FROM raw.orders\n",
  });

Deno.test("no row of an encrypted pipeline is in a byte of the data folder, and all else goes on as it does", async () => {
  await using shop = await project();
  const first = await shop.sluice("run", ["shop"], ENCRYPTED);
  equal(first.code, 0, first.stderr);
  const reject =
    `id,name,amount\n1,${CANARY} 1,1\n2,${CANARY} 2,2\n3,${CANARY} bad,${CANARY}\n4,${CANARY} 4,4\n`;
  await shop.write({ "data/orders.csv": reject });
  // Whether new ones are encrypted is nothing to one that is there.
  const second = await shop.sluice("run", ["shop"]);
  equal(second.code, 0, second.stderr);
  match(second.stdout + second.stderr, /1 row is kept aside/);
  deepEqual(await filesWith(shop.dataDir, CANARY), []);
  deepEqual(await listed(shop), [["shop", true]]);
  ok(await Deno.stat(join(shop.dataDir, "previews/shop/sorted.json")));
  const verified = await shop.sluice("verify", ["shop"]);
  equal(verified.code, 0, verified.stdout + verified.stderr);
  deepEqual(await snapshotHeads(shop), ["PARE", "PARE"]);
  const [newest] = JSON.parse((await shop.sluice("runs", ["--json"])).stdout);
  const replayed = await shop.sluice("replay", [newest.id]);
  equal(replayed.code, 0, "what is kept of an encrypted one is encrypted, and opened: " + replayed.stderr);
  const read = await shop.sluice("data", ["shop.sorted", "--columns", "name", "--where", "id.eq.2"]);
  equal(read.stdout, `name\n${CANARY} 2\n`, read.stderr);
  const dropped = await shop.sluice("rejects", ["list", "shop", "orders"]);
  match(dropped.stdout, new RegExp(CANARY), "who may look at it sees it");

  const plain = await shop.sluice("warehouse", ["decrypt", "shop"]);
  match(plain.stdout, /is plain now .*tables with \d+ rows were compared/, plain.stderr);
  const open = await filesWith(shop.dataDir, CANARY);
  for (const path of ["previews/shop/sorted.json", "rejects/shop/orders.json", "warehouse/shop.duckdb"]) {
    ok(open.includes(join(shop.dataDir, path)), `the search would find it in ${path}: ${open}`);
  }
  equal((await shop.sluice("run", ["shop"])).code, 0);
  deepEqual((await snapshotHeads(shop)).toSorted(), ["PAR1", "PARE"]);
  deepEqual(await listed(shop), [["shop", false]]);
  const back = await shop.sluice("warehouse", ["encrypt", "shop"]);
  match(back.stdout, /is encrypted now/, back.stderr);
  deepEqual(await filesWith(shop.dataDir, CANARY), []);
  deepEqual(await snapshotHeads(shop), ["PARE"], "a plain one does not stay");
  match((await shop.sluice("warehouse", ["encrypt", "shop"])).stdout, /is encrypted already/);
  const again = await shop.sluice("run", ["shop", "--json"]);
  equal(JSON.parse(again.stdout.trim().split("\n").at(-1) ?? "").state, "succeeded", again.stderr);
  equal((Deno.statSync(join(shop.dataDir, "warehouse/shop.duckdb")).mode ?? 0) & 0o777, 0o600);
});

Deno.test("an encrypted warehouse without its key fails its runs, says what is wanted, and stays as it is", async () => {
  await using shop = await project();
  equal((await shop.sluice("run", ["shop"], ENCRYPTED)).code, 0);
  const file = join(shop.dataDir, "warehouse/shop.duckdb");
  const key = join(shop.dataDir, "sluice.key");
  const before = await hashOf(file);
  const text = await Deno.readTextFile(key);
  await Deno.remove(key);
  const missing = await shop.sluice("run", ["shop"], ENCRYPTED);
  deepEqual(
    [missing.code, /The key [0-9a-f]+ is wanted and not here/.test(missing.stdout + missing.stderr)],
    [1, true],
  );
  await Deno.writeTextFile(key, `${crypto.getRandomValues(new Uint8Array(32)).toBase64()}\n`, {
    mode: 0o600,
  });
  const wrong = await shop.sluice("run", ["shop"], ENCRYPTED);
  equal(wrong.code, 1, wrong.stdout);
  await Deno.writeTextFile(key, text, { mode: 0o600 });

  const nowhere = { ...ENCRYPTED, SLUICE_DUCKDB_HTTPFS: "/nowhere/httpfs.duckdb_extension" };
  const without = await shop.sluice("run", ["shop"], nowhere);
  deepEqual([without.code, /need DuckDB's httpfs extension/.test(without.stdout + without.stderr)], [
    1,
    true,
  ]);
  const changed = join(shop.folder, "httpfs.duckdb_extension");
  const bytes = await Deno.readFile(Deno.env.get("SLUICE_DUCKDB_HTTPFS") ?? "");
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  await Deno.writeFile(changed, bytes);
  const forged = await shop.sluice("run", ["shop"], { ...ENCRYPTED, SLUICE_DUCKDB_HTTPFS: changed });
  deepEqual([forged.code, /Cannot use DuckDB's httpfs extension/.test(forged.stdout + forged.stderr)], [
    1,
    true,
  ], "its signature is looked at");
  equal(await hashOf(file), before, "nothing was mended by a new file");
  const back = await shop.sluice("run", ["shop"], ENCRYPTED);
  equal(back.code, 0, back.stdout + back.stderr);
  notEqual(await hashOf(file), before);
});

Deno.test("an encrypted warehouse goes into a backup and comes back with its key alone", async () => {
  await using shop = await project();
  equal((await shop.sluice("run", ["shop"], ENCRYPTED)).code, 0);
  const backup = join(shop.folder, "backup.zip");
  const made = await shop.sluice("backup", [backup]);
  equal(made.code, 0, made.stderr);
  match(made.stderr, /server's key/);
  const key = await Deno.readTextFile(join(shop.dataDir, "sluice.key"));
  await Deno.remove(shop.dataDir, { recursive: true });
  const restored = await shop.sluice("restore", [backup]);
  match(restored.stderr, /server's key/, restored.stdout);
  equal((await shop.sluice("run", ["shop"])).code, 1, "without the key");
  await Deno.writeTextFile(join(shop.dataDir, "sluice.key"), key, { mode: 0o600 });
  const run = await shop.sluice("run", ["shop", "--json"]);
  equal(
    JSON.parse(run.stdout.trim().split("\n").at(-1) ?? "").rows_extracted,
    1,
    "it goes on from its cursor",
  );
});

async function listed(shop: TestProject): Promise<[string, boolean][]> {
  const { stdout } = await shop.sluice("warehouse", ["--json"]);
  const found: { pipeline: string; encrypted: boolean }[] = JSON.parse(stdout);
  return found.map(({ pipeline, encrypted }) => [pipeline, encrypted]);
}

/** The files below a folder that have the text in them, as it is, in UTF-16, in base64 or in hexadecimal digits. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const bytes = new TextEncoder().encode(text);
  const forms = [
    text,
    [...text].join("\0"),
    bytes.toHex(),
    // Whatever stands before it.
    ...[0, 1, 2].map((shift) =>
      new Uint8Array([...Array(shift).fill(0x78), ...bytes]).toBase64().slice(4, -4)
    ),
  ];
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) found.push(...await filesWith(path, text));
    else {
      const content = new TextDecoder("latin1").decode(await Deno.readFile(path));
      if (forms.some((form) => content.includes(form))) found.push(path);
    }
  }
  return found.sort();
}

async function hashOf(path: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toHex();
}

/** How the files of the published snapshots begin: PARE where they are encrypted. */
async function snapshotHeads({ dataDir }: TestProject): Promise<string[]> {
  const folder = join(dataDir, "snapshots/shop/sorted");
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  return names.filter((name) => name.endsWith(".parquet")).map((name) =>
    new TextDecoder().decode(Deno.readFileSync(join(folder, name)).subarray(0, 4))
  );
}
