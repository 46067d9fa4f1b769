import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { MANIFEST } from "../../../connectors/locations/remote/manifest.ts";
import { S3Bench, storeError } from "./s3_bench.ts";

const OLD = "(1, 'a'), (2, 'b')";
const NEW = "(2, 'B'), (3, 'C')";
const SORTED = "SELECT * FROM t ORDER BY id";

/** A folder as its manifest has it, and the rows that its files hold. */
async function rowsOf({ files }: S3Bench, path: string): Promise<unknown[]> {
  return (await files.read(path, {}, SORTED)).rows;
}

async function ourKeys({ bucket }: S3Bench): Promise<string[]> {
  return (await bucket.keys()).map((key) =>
    key.replace(/\.sx[a-z]{8}\./, ".").replace(/[0-9a-f-]{36}/, "<id>")
  );
}

Deno.test("s3: a folder holds its files and the manifest, and nothing of the load before", async () => {
  await using bench = await S3Bench.start({ prefix: "out" });
  await bench.files.load("t/", OLD, { loadId: "a" });
  deepStrictEqual(await ourKeys(bench), ["out/t/.sluice", "out/t/part-a.parquet"]);
  await bench.files.load("t/", NEW, { loadId: "b" });
  deepStrictEqual(await ourKeys(bench), ["out/t/.sluice", "out/t/part-b.parquet"]);
  await bench.files.load("t/", "(9, 'z')", { loadId: "c", mode: "append" });
  deepStrictEqual(await ourKeys(bench), ["out/t/.sluice", "out/t/part-b.parquet", "out/t/part-c.parquet"]);
  const manifest = JSON.parse(await bench.bucket.text("out/t/.sluice"));
  deepStrictEqual(
    manifest.files.map((file: string) => `out/t/${file}`).toSorted(),
    (await bench.bucket.keys()).filter((key) => !key.endsWith(MANIFEST)),
  );
  deepStrictEqual(await rowsOf(bench, "t/*.parquet"), [[2, "B"], [3, "C"], [9, "z"]]);
});

Deno.test("s3: a file stands alone with its note", async () => {
  await using bench = await S3Bench.start();
  for (const loadId of ["a", "b"]) {
    await bench.files.load("out/t.csv", loadId === "a" ? OLD : NEW, { loadId });
  }
  deepStrictEqual(await ourKeys(bench), ["out/.t.csv.sluice/<id>", "out/t.csv"]);
  strictEqual(await bench.bucket.text("out/t.csv"), "id,name\n2,B\n3,C\n");
  strictEqual((await bench.files.load("out/t.csv", OLD, { loadId: "b" })).repeated, true);
  // Somebody else's file has no note of ours.
  await bench.bucket.put("out/t.csv", "id,name\n7,x\n");
  strictEqual((await bench.files.load("out/t.csv", OLD, { loadId: "b" })).repeated, false);
});

Deno.test("s3: parts that no manifest names are not there, whether it is asked by a folder or from above", async () => {
  await using bench = await S3Bench.start();
  const options = { partition_by: ["name"], format: "parquet" };
  await bench.files.load("t/", OLD, { loadId: "a", options });
  const [part = ""] = await bench.bucket.keys("t/name=a/");
  const orphan = part.replace(/\.sx[a-z]{8}\./, ".sxabcdefgh.");
  const bytes = await bench.bucket.bytes(part);
  for (const key of [orphan, "t/name=a/theirs.parquet"]) await bench.bucket.put(key, bytes);
  for (const pattern of ["t/**/*.parquet", "**/*.parquet", "t/name=a/*.parquet", "t/name=a/part*.parquet"]) {
    const { rows } = await bench.files.read(pattern, { filename: true }, "SELECT filename FROM t");
    ok(!rows.flat().includes(orphan), pattern);
    ok(rows.flat().includes(part), pattern);
  }
  // A file of others is one of the folder.
  strictEqual((await bench.files.read("t/**/*.parquet")).rows.length, 3);
  // One that a load has written and that is gone is missed.
  await bench.bucket.remove(part);
  match(
    await bench.files.failure("unavailable", bench.files.read("t/**/*.parquet")),
    /is missing, which the last load wrote/,
  );
});

for (const mode of ["append", "replace"] as const) {
  Deno.test(`s3: what the first ${mode} of a folder sent before it died is not there, and is sent again`, async () => {
    await using bench = await S3Bench.start();
    const reach = (point: string) => {
      if (point === "before commit") bench.proxy.rule = () => storeError(403, "AccessDenied");
    };
    await bench.files.failure("forbidden", bench.files.load("t/", OLD, { loadId: "a", mode, reach }));
    bench.proxy.rule = () => undefined;
    const [, sent = "none"] = await bench.bucket.keys();
    match(sent, /^t\/part-a\.sx[a-z]{8}\.parquet$/);
    await bench.files.failure("not_found", bench.files.read("t/*.parquet"));
    const receipt = await bench.files.load("t/", OLD, { loadId: "a", mode });
    deepStrictEqual([receipt.rows, receipt.repeated], [2, false]);
    deepStrictEqual(await rowsOf(bench, "t/*.parquet"), [[1, "a"], [2, "b"]]);
    // The folder is a load's own: one may replace it.
    await bench.files.load("t/", NEW, { loadId: "b" });
    deepStrictEqual(await rowsOf(bench, "t/*.parquet"), [[2, "B"], [3, "C"]]);
  });
}

Deno.test("s3: parts that were copied to a folder without a manifest stay there while the next one is added", async () => {
  await using bench = await S3Bench.start();
  await bench.files.load("t/", OLD, { loadId: "a" });
  const [, part = ""] = await bench.bucket.keys();
  await bench.bucket.put(part.replace("t/", "u/"), await bench.bucket.bytes(part));
  const reach = (point: string) => {
    if (point === "before commit") bench.proxy.rule = () => storeError(403, "AccessDenied");
  };
  const load = { loadId: "b", mode: "append" } as const;
  await bench.files.failure("forbidden", bench.files.load("u/", "(9, 'z')", { ...load, reach }));
  bench.proxy.rule = () => undefined;
  deepStrictEqual(await rowsOf(bench, "u/*.parquet"), [[1, "a"], [2, "b"]]);
  await bench.files.load("u/", "(9, 'z')", load);
  deepStrictEqual(await rowsOf(bench, "u/*.parquet"), [[1, "a"], [2, "b"], [9, "z"]]);
});

Deno.test("s3: a folder that somebody else wrote is not replaced, and can be added to", async () => {
  await using bench = await S3Bench.start();
  await bench.files.load("other/", OLD, { loadId: "a" });
  const [, part = ""] = await bench.bucket.keys();
  await bench.bucket.put("t/part-00000-aa.snappy.parquet", await bench.bucket.bytes(part));
  match(
    await bench.files.failure("conflict", bench.files.load("t/", NEW, { loadId: "b" })),
    /was not written by Sluice; choose another folder/,
  );
  await bench.files.load("t/", "(9, 'z')", { loadId: "c", mode: "append" });
  deepStrictEqual(await rowsOf(bench, "t/*.parquet"), [[1, "a"], [2, "b"], [9, "z"]]);
});

Deno.test("s3: a large file goes in parts, which leave nothing behind", async () => {
  await using bench = await S3Bench.start({ part_size: "5MiB" });
  const rows = Array.from({ length: 60 }, (_, id) => `(${id}, repeat(md5('${id}'), 8000))`).join(", ");
  await bench.files.load("big.csv", rows, { loadId: "a" });
  ok(bench.proxy.asked.filter(({ url }) => url.includes("partNumber=")).length >= 3);
  strictEqual(
    (await bench.files.read("big.csv", {}, "SELECT count(*), sum(length(name)) FROM t")).rows[0]?.join(),
    `60,${60 * 32 * 8000}`,
  );
  deepStrictEqual(await bench.bucket.uploads(), []);
  bench.proxy.rule = ({ url }) => url.includes("partNumber=2") ? storeError(403, "AccessDenied") : undefined;
  await bench.files.failure("forbidden", bench.files.load("big.csv", rows, { loadId: "b" }));
  bench.proxy.rule = () => undefined;
  deepStrictEqual(await bench.bucket.uploads(), []);
  strictEqual((await bench.files.load("big.csv", rows, { loadId: "a" })).repeated, true);
});

Deno.test(
  "s3: a load whose target was written meanwhile changes nothing and can be run again",
  async () => {
    for (const target of ["t.csv", "t/"]) {
      await using bench = await S3Bench.start();
      await bench.files.load(target, OLD, { loadId: "a" });
      const late = bench.files.load(target, "(5, 'late')", {
        loadId: "b",
        sabotage: async () => void await bench.files.load(target, NEW, { loadId: "c" }),
      });
      match(await bench.files.failure("unavailable", late), /another load wrote it meanwhile; run it again/);
      deepStrictEqual(await rowsOf(bench, target === "t/" ? "t/*.parquet" : target), [[2, "B"], [3, "C"]]);
      strictEqual((await bench.bucket.keys()).filter((key) => key.includes("part-b")).length, 0);
      await bench.files.load(target, "(5, 'late')", { loadId: "b" });
    }
  },
);

Deno.test("s3: a store without conditional writes is looked at before, and said so once", async () => {
  await using bench = await S3Bench.start();
  bench.proxy.rule = ({ method, url }) =>
    method === "PUT" && url.endsWith("/.sluice?x-id=PutObject") && bench.logged.length === 0
      ? storeError(
        501,
        "NotImplemented",
        "A header you provided implies functionality that is not implemented",
      )
      : undefined;
  await bench.files.load("t/", OLD, { loadId: "a" });
  await bench.files.load("t/", NEW, { loadId: "b" });
  deepStrictEqual(await rowsOf(bench, "t/*.parquet"), [[2, "B"], [3, "C"]]);
  match(bench.logged.join("\n"), /knows no conditional writes/);
});

const TARGETS = [
  { target: "t/", path: "t/*.parquet", mode: "replace", expected: [[2, "B"], [3, "C"]] },
  { target: "t/", path: "t/*.parquet", mode: "append", expected: [[1, "a"], [2, "B"], [2, "b"], [3, "C"]] },
  { target: "t/", path: "t/*.parquet", mode: "merge", expected: [[1, "a"], [2, "B"], [3, "C"]] },
  { target: "t.csv", path: "t.csv", mode: "replace", expected: [[2, "B"], [3, "C"]] },
  { target: "t.csv", path: "t.csv", mode: "merge", expected: [[1, "a"], [2, "B"], [3, "C"]] },
] as const;

for (const fate of ["lose", "refuse"] as const) {
  for (const { target, path, mode, expected } of TARGETS) {
    const what = fate === "lose" ? "is lost behind the store" : "never gets there";
    Deno.test(`s3, ${mode} of ${target}: whichever request ${what}, with all after it, nothing is lost or doubled`, async () => {
      const select = "SELECT * FROM t ORDER BY id, name";
      for (let nth = 0, isOver = false; !isOver; nth++) {
        await using bench = await S3Bench.start();
        await bench.files.load(target, OLD, { loadId: "a" });
        const load = { loadId: "b", mode, primaryKey: ["id"] };
        let count = 0;
        // The one, and then nothing more: as if the process had died there.
        bench.proxy.rule = () => {
          const at = count++;
          return at < nth ? undefined : at === nth ? { type: fate } : storeError(403, "AccessDenied");
        };
        const failure = await bench.files.load(target, NEW, load).then(() => undefined, (error) => error);
        isOver = count <= nth;
        bench.proxy.rule = () => undefined;
        const between = (await bench.files.read(path, {}, select)).rows;
        const isOld = JSON.stringify(between) === JSON.stringify([[1, "a"], [2, "b"]]);
        if (!isOld || failure === undefined) deepStrictEqual(between, expected, `request ${nth}`);
        const again = await bench.files.load(target, NEW, load);
        strictEqual(again.repeated, !isOld, `request ${nth}`);
        deepStrictEqual((await bench.files.read(path, {}, select)).rows, expected, `request ${nth}, again`);
      }
    });
  }
}
