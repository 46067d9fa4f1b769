import * as v from "valibot";
import { loadSchema, streamSchema } from "../../../../connectors/files/options.ts";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { LoadMode } from "../../../../contract/connector/destination.ts";
import { AppError } from "../../../../contract/errors.ts";
import { file } from "../../../../connectors/files/connector.ts";
import { swapFolder } from "../../../../connectors/locations/disk/swap.ts";
import { FileBench } from "./file_bench.ts";

const PARTITIONED = { format: "csv", partition_by: ["name"] };

/** Stands for a kill: the copy is made, then nothing more happens. */
function killed(): Promise<never> {
  return Promise.reject(new AppError("internal", "killed"));
}

Deno.test("a file's replace is atomic, and a repeat of any load that it had changes nothing", async () => {
  await using bench = await FileBench.create();
  await bench.load("out/a.csv", "(1, 'a')", { loadId: "one" });
  await bench.load("out/a.csv", "(2, 'b')", { loadId: "two" });
  strictEqual((await bench.load("out/a.csv", "(1, 'a')", { loadId: "one" })).repeated, true);
  strictEqual((await bench.load("out/a.csv", "(2, 'b')", { loadId: "two" })).repeated, true);
  strictEqual(await Deno.readTextFile(`${bench.folder}/out/a.csv`), "id,name\n2,b\n");
  deepStrictEqual(await bench.files(), ["out/.a.csv.sluice/loads", "out/a.csv"]);
});

Deno.test("a load whose record was written, but whose file was not renamed, is done again", async () => {
  await using bench = await FileBench.create();
  await bench.load("a.csv", "(1, 'a')", { loadId: "one" });
  const before = await Deno.readFile(`${bench.folder}/a.csv`);
  await bench.load("a.csv", "(2, 'b')", { loadId: "two" });
  // The old file again, as a kill just before the rename leaves it: another inode than the record's.
  await Deno.writeFile(`${bench.folder}/old`, before);
  await Deno.rename(`${bench.folder}/old`, `${bench.folder}/a.csv`);
  strictEqual((await bench.load("a.csv", "(2, 'b')", { loadId: "two" })).repeated, false);
  strictEqual(await Deno.readTextFile(`${bench.folder}/a.csv`), "id,name\n2,b\n");
});

Deno.test("a file that somebody removed is written again", async () => {
  await using bench = await FileBench.create();
  await bench.load("a.csv", "(1, 'a')", { loadId: "one" });
  await Deno.remove(`${bench.folder}/a.csv`);
  strictEqual((await bench.load("a.csv", "(1, 'a')", { loadId: "one" })).repeated, false);
});

Deno.test("a failed load leaves the old file and nothing of its own", async () => {
  await using bench = await FileBench.create();
  await bench.load("a.csv", "(1, 'a')", { loadId: "one" });
  const before = await bench.files();
  await bench.failure("internal", bench.load("a.csv", "(2, 'b')", { loadId: "two", sabotage: killed }));
  deepStrictEqual(await bench.files(), before);
  strictEqual(await Deno.readTextFile(`${bench.folder}/a.csv`), "id,name\n1,a\n");
});

Deno.test("what a killed load left behind is removed by the next one", async () => {
  await using bench = await FileBench.create();
  await bench.write(".a.csv.sluice/a.csv", "half a fi");
  await bench.write(".lake.sluice/built/part-x.parquet", "half a fi");
  await bench.load("a.csv", "(1, 'a')", { loadId: "one" });
  await bench.load("lake/", "(1, 'a')", { loadId: "one" });
  deepStrictEqual(await bench.files(), [
    ".a.csv.sluice/loads",
    "a.csv",
    "lake/.sluice",
    "lake/part-one.parquet",
  ]);
});

Deno.test("a merge of a CSV file keeps the texts of rows that it does not touch", async () => {
  await using bench = await FileBench.create();
  await bench.write("a.csv", 'id,name,extra\n1,a,007\n2,b,1.50\n3,"",\n');
  await bench.load("a.csv", "(2, 'B'), (4, NULL)", { mode: "merge", primaryKey: ["id"] });
  const { rows } = await bench.read("a.csv", { all_text: true }, "SELECT id, name, extra FROM t ORDER BY id");
  deepStrictEqual(rows, [["1", "a", "007"], ["2", "B", "1.50"], ["3", "", null], ["4", null, null]]);
});

Deno.test("an append to a folder adds one file a load, named by it", async () => {
  await using bench = await FileBench.create();
  const load = { mode: "append", options: { format: "ndjson" } } as const;
  await bench.load("lake/", "(1, 'a')", { ...load, loadId: "one" });
  await bench.load("lake/", "(2, 'b')", { ...load, loadId: "run/2:step→x" });
  await bench.load("lake/", "(3, 'c')", {
    ...load,
    loadId: "three",
    options: { format: "ndjson", compression: "gzip" },
  });
  strictEqual((await bench.load("lake/", "(2, 'b')", { ...load, loadId: "run/2:step→x" })).repeated, true);
  const files = await bench.files("lake");
  strictEqual(files.length, 4);
  ok(files.includes("lake/part-one.ndjson") && files.includes("lake/part-three.ndjson.gz"), files.join());
});

Deno.test("a partitioned append comes as a whole, and not twice", async () => {
  await using bench = await FileBench.create();
  const load = { mode: "append", options: PARTITIONED } as const;
  await bench.load("lake/", "(1, 'a'), (2, 'b')", { ...load, loadId: "one" });
  await bench.failure(
    "internal",
    bench.load("lake/", "(3, 'a'), (4, 'c')", { ...load, loadId: "two", sabotage: killed }),
  );
  strictEqual((await bench.files("lake")).length, 3);
  strictEqual((await bench.load("lake/", "(3, 'a'), (4, 'c')", { ...load, loadId: "two" })).repeated, false);
  strictEqual((await bench.load("lake/", "(3, 'a'), (4, 'c')", { ...load, loadId: "two" })).repeated, true);
  strictEqual((await bench.load("lake/", "(1, 'a'), (2, 'b')", { ...load, loadId: "one" })).repeated, true);
  deepStrictEqual(await bench.files("lake"), [
    "lake/.sluice",
    "lake/name=a/part-one_0.csv",
    "lake/name=a/part-two_0.csv",
    "lake/name=b/part-one_0.csv",
    "lake/name=c/part-two_0.csv",
  ]);
  const { rows } = await bench.read("lake/**/*.csv", {}, "SELECT id, name FROM t ORDER BY id");
  deepStrictEqual(rows, [[1, "a"], [2, "b"], [3, "a"], [4, "c"]]);
});

Deno.test("a merge of a partitioned folder moves a row to its new partition", async () => {
  await using bench = await FileBench.create();
  const load = { mode: "merge", primaryKey: ["id"], options: { partition_by: ["name"] } } as const;
  await bench.load("lake/", "(1, '007'), (2, NULL), (3, '')", load);
  await bench.load("lake/", "(1, 'x/y'), (4, '007')", load);
  const { rows } = await bench.read("lake/**/*.parquet", {}, "SELECT id, name FROM t ORDER BY id");
  deepStrictEqual(rows, [[1, "x/y"], [2, null], [3, ""], [4, "007"]]);
});

Deno.test("a replaced folder is never missing, empty or mixed to a reader", async () => {
  await using bench = await FileBench.create();
  await bench.load("lake/", "(0, 'a'), (0, 'b')", { options: PARTITIONED });
  const seen = new Set<string>();
  let isDone = false;
  const reader = (async () => {
    while (!isDone) {
      // The folder's handle holds one state of it.
      const names = [...Deno.readDirSync(`${bench.folder}/lake`)].map(({ name }) => name).filter((name) =>
        name !== ".sluice"
      );
      seen.add(names.sort().join(" "));
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  })();
  for (let i = 0; i < 10; i++) {
    await bench.load("lake/", i % 2 === 0 ? "(1, 'c'), (1, 'd')" : "(0, 'a'), (0, 'b')", {
      options: PARTITIONED,
    });
  }
  isDone = true;
  await reader;
  deepStrictEqual([...seen].sort(), ["name=a name=b", "name=c name=d"]);
});

Deno.test("a swap that was cut between two renames is ended by the next load", async () => {
  await using bench = await FileBench.create();
  await bench.load("lake/", "(1, 'a')", { loadId: "one" });
  await Deno.mkdir(`${bench.folder}/.lake.sluice`);
  await Deno.rename(`${bench.folder}/lake`, `${bench.folder}/.lake.sluice/aside`);
  strictEqual((await bench.load("lake/", "(1, 'a')", { loadId: "one" })).repeated, true);
  deepStrictEqual(await bench.files(), ["lake/.sluice", "lake/part-one.parquet"]);
});

Deno.test("swapFolder() puts the old folder back where the new one cannot be moved", async () => {
  await using bench = await FileBench.create();
  await bench.write("lake/a", "old");
  let failed = false;
  await swapFolder(`${bench.folder}/missing`, `${bench.folder}/lake`, `${bench.folder}/aside`).catch(() =>
    failed = true
  );
  ok(failed);
  deepStrictEqual(await bench.files(), ["lake/a"]);
});

Deno.test("a folder that is not ours, or has files that are not, is not replaced", async () => {
  await using bench = await FileBench.create();
  await bench.write("theirs/data.csv", "id\n1\n");
  ok(
    (await bench.failure("conflict", bench.load("theirs/", "(1, 'a')"))).includes(
      "was not written by Sluice",
    ),
  );
  await bench.load("lake/", "(1, 'a')");
  await bench.write("lake/notes.txt", "mine");
  ok(
    (await bench.failure("conflict", bench.load("lake/", "(2, 'b')"))).includes(
      'did not write, as "notes.txt"',
    ),
  );
  strictEqual(await Deno.readTextFile(`${bench.folder}/lake/notes.txt`), "mine");
  strictEqual(await Deno.readTextFile(`${bench.folder}/theirs/data.csv`), "id\n1\n");
});

Deno.test("an append may join files of others, and keeps them", async () => {
  await using bench = await FileBench.create();
  await bench.write("theirs/name=z/data.csv", "id\n1\n");
  await bench.load("theirs/", "(1, 'a'), (2, 'b')", { loadId: "one", mode: "append", options: PARTITIONED });
  deepStrictEqual(await bench.files(), [
    "theirs/.sluice",
    "theirs/name=a/part-one_0.csv",
    "theirs/name=b/part-one_0.csv",
    "theirs/name=z/data.csv",
  ]);
  ok((await bench.failure("conflict", bench.load("theirs/", "(1, 'a')"))).includes("not written by Sluice"));
});

Deno.test("a load without rows leaves an empty table, also a partitioned one", async () => {
  await using bench = await FileBench.create();
  await bench.load("a.csv", "(NULL, 'a')");
  strictEqual(await Deno.readTextFile(`${bench.folder}/a.csv`), "id,name\n");
  await bench.load("lake/", "(1, 'a')", { options: PARTITIONED });
  await bench.load("lake/", "(NULL, 'a')", { options: PARTITIONED });
  deepStrictEqual(await bench.files("lake"), ["lake/.sluice"]);
});

for (
  const [what, target, load, message] of [
    ["append to a file", "a.csv", { mode: "append" }, "a file cannot be appended to; use a folder"],
    ["partition a file", "a.parquet", { options: { partition_by: ["name"] } }, "use path: a/"],
    [
      "partition by a column that is not there",
      "a/",
      { options: { partition_by: ["no"] } },
      'no column "no"',
    ],
    [
      "partition by every column",
      "a/",
      { options: { partition_by: ["id", "name"] } },
      "leave one for the files",
    ],
    ["merge JSON", "a.json", { mode: "merge", primaryKey: ["id"] }, "use csv or parquet"],
    ["merge Arrow", "a.arrow", { mode: "merge", primaryKey: ["id"] }, "use parquet"],
    ["use an unknown option", "a.csv", { options: { nope: 1 } }, 'key "options.nope": there is no such key'],
  ] as const
) {
  Deno.test(`a load that would ${what} is refused`, async () => {
    await using bench = await FileBench.create();
    const found = await bench.failure("invalid", bench.load(target, "(1, 'a')", load));
    ok(found.includes(message), found);
    deepStrictEqual(await bench.files(), []);
  });
}

Deno.test("a target that is a folder, or lies behind a file, is refused", async () => {
  await using bench = await FileBench.create();
  await bench.write("folder.csv/x", "x");
  await bench.write("plain", "x");
  ok((await bench.failure("invalid", bench.load("folder.csv", "(1, 'a')"))).includes("it is a folder"));
  ok((await bench.failure("invalid", bench.load("plain/a.csv", "(1, 'a')"))).includes("not a folder"));
  ok(
    (await bench.failure("forbidden", bench.load("/sys/sluice/a.csv", "(1, 'a')"))).startsWith(
      "Cannot write",
    ),
  );
});

Deno.test("two loads of one target at once: the second waits for the first", async () => {
  await using bench = await FileBench.create();
  let second: Promise<unknown> = Promise.resolve();
  await bench.load("a.csv", "(1, 'a')", {
    sabotage: async () => {
      second = bench.load("a.csv", "(2, 'b')", { mode: "merge", primaryKey: ["id"] });
      await Promise.resolve();
    },
  });
  await second;
  strictEqual(await Deno.readTextFile(`${bench.folder}/a.csv`), "id,name\n2,b\n1,a\n");
});

Deno.test("a full disk is told, and the old file stays", async () => {
  await using bench = await FileBench.create();
  await bench.load("a.csv", "(1, 'a')");
  const full = () => Promise.reject(new AppError("unavailable", "IO Error: No space left on device"));
  const message = await bench.failure("unavailable", bench.load("a.csv", "(2, 'b')", { sabotage: full }));
  strictEqual(message, 'Cannot write "a.csv": the disk is full; free some space and run it again');
  strictEqual(await Deno.readTextFile(`${bench.folder}/a.csv`), "id,name\n1,a\n");
});

Deno.test("access() names what is read, and what is written with the hidden folder beside it", () => {
  const place = { name: "it", projectDir: "/p" };
  const write = (target: string) =>
    file.access(
      { root: "data" },
      { kind: "destination", target: v.parse(loadSchema, { path: target }) },
      place,
    );
  const read = (path: string) =>
    file.access({}, { kind: "source", stream: v.parse(streamSchema, { path }) }, place);
  const none = { hosts: [], read: [], write: [] };
  deepStrictEqual(write("out/a.csv"), {
    ...none,
    targets: ["/p/data/out/a.csv", "/p/data/out/.a.csv.sluice"],
  });
  deepStrictEqual(write("lake/orders/"), {
    ...none,
    targets: ["/p/data/lake/orders", "/p/data/lake/.orders.sluice"],
  });
  deepStrictEqual(read("in/*/a.csv"), { ...none, sources: [{ root: "/p", pattern: "in/*/a.csv" }] });
  deepStrictEqual(read("/abs/**/x[12].csv"), {
    ...none,
    sources: [{ root: "/p", pattern: "/abs/**/x[12].csv" }],
  });
});

Deno.test("refusesLoad() says before any run what a load can never do", () => {
  const refused = (path: string, mode: LoadMode, options: Record<string, unknown> = {}) =>
    file.refusesLoad(v.parse(file.loadSchema, { path, options }), {
      mode,
      primaryKey: [],
      partitionBy: ["day"],
    });
  strictEqual(refused("out/a.csv", "replace"), undefined);
  strictEqual(refused("out/", "append"), undefined);
  ok(refused("out/a.csv", "append")?.includes("a file cannot be appended to"));
  ok(refused("out/a.parquet", "delete_insert")?.includes("use path: out/a/"));
  strictEqual(refused("out/", "delete_insert"), undefined);
  ok(refused("out/", "delete_insert", { partition_by: ["week"] })?.includes("other columns"));
  ok(refused("out/a.ndjson", "merge")?.includes("JSON has no exact numbers"));
  ok(
    refused("out/", "append", { format: "ndjson", partition_by: ["day"] })?.includes("cannot be partitioned"),
  );
});
