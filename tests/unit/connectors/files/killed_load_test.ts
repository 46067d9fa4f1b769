import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import type { LoadMode } from "../../../../contract/connector/destination.ts";
import { FileBench } from "./file_bench.ts";

/**
 * A load whose process dies at any named point leaves the old state or the new one, and the same load
 * done again leaves the new one, once, and nothing else.
 */

/** Nothing happens between "after apply" and "before commit". */
const POINTS = ["after claim", "after stage", "after apply", "after commit"] as const;

interface Case {
  readonly target: string;
  readonly read: string;
  readonly first: string;
  readonly second: string;
  readonly mode: LoadMode;
  readonly options?: Record<string, unknown>;
  readonly before: readonly number[];
  readonly after: readonly number[];
}

const CASES: Readonly<Record<string, Case>> = {
  "a replace of a file": {
    target: "a.csv",
    read: "a.csv",
    first: "(1, 'a'), (2, 'b')",
    second: "(3, 'c')",
    mode: "replace",
    before: [1, 2],
    after: [3],
  },
  "a merge into a file": {
    target: "a.parquet",
    read: "a.parquet",
    first: "(1, 'a'), (2, 'b')",
    second: "(2, 'B'), (3, 'c')",
    mode: "merge",
    before: [1, 2],
    after: [1, 2, 3],
  },
  "an append of a file to a folder": {
    target: "lake/",
    read: "lake/*.parquet",
    first: "(1, 'a')",
    second: "(1, 'a'), (2, 'b')",
    mode: "append",
    before: [1],
    after: [1, 1, 2],
  },
  "an append of partitions to a folder": {
    target: "lake/",
    read: "lake/**/*.parquet",
    first: "(1, 'a'), (2, 'b')",
    second: "(1, 'a'), (3, 'c')",
    mode: "append",
    options: { partition_by: ["name"] },
    before: [1, 2],
    after: [1, 1, 2, 3],
  },
  "a replace of a folder": {
    target: "lake/",
    read: "lake/**/*.csv",
    first: "(1, 'a'), (2, 'b')",
    second: "(3, 'c')",
    mode: "replace",
    options: { partition_by: ["name"], format: "csv" },
    before: [1, 2],
    after: [3],
  },
};

for (const [what, tried] of Object.entries(CASES)) {
  Deno.test(`${what} that dies at any point`, async () => {
    for (const point of POINTS) {
      await using bench = await FileBench.create();
      const { target, mode, options = {}, before, after } = tried;
      const load = { mode, options, primaryKey: mode === "merge" ? ["id"] : [] };
      await bench.load(target, tried.first, { ...load, loadId: "first" });
      const { signal } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--allow-all",
          "--quiet",
          new URL("./die_in_load.ts", import.meta.url).pathname,
          bench.folder,
          point,
          target,
          tried.second,
          JSON.stringify({ ...load, loadId: "second" }),
        ],
        stdin: "null",
      }).output();
      strictEqual(signal, "SIGKILL", point);
      const ids = async () =>
        (await bench.read(tried.read, {}, "SELECT id FROM t ORDER BY id")).rows.map(([id]) => id);
      deepStrictEqual(await ids(), point === "after commit" ? after : before, point);
      const receipt = await bench.load(target, tried.second, { ...load, loadId: "second" });
      strictEqual(receipt.repeated, point === "after commit", point);
      strictEqual(receipt.rows, tried.second.split("), (").length);
      deepStrictEqual(await ids(), after, point);
      const left = (await bench.files()).filter((name) =>
        name.includes(".sluice/") && !name.endsWith("/loads")
      );
      deepStrictEqual(left, [], point);
    }
  });
}

for (const [what, tried] of Object.entries(CASES)) {
  Deno.test(`readers during ${what} see the old rows or the new ones, never none or a mixture`, async () => {
    await using bench = await FileBench.create();
    const { target, mode, options = {}, before, after } = tried;
    const load = { mode, options, primaryKey: mode === "merge" ? ["id"] : [] };
    await bench.load(target, tried.first, load);
    const seen = new Set<string>();
    const told: string[] = [];
    const reading = new AbortController();
    const reader = (async () => {
      while (!reading.signal.aborted) {
        try {
          const { rows } = await bench.read(tried.read, {}, "SELECT id FROM t ORDER BY id");
          seen.add(rows.map(([id]) => id).join());
        } catch (error) {
          told.push(error instanceof AppError ? `${error.code}: ${error.message}` : String(error));
        }
      }
    })();
    try {
      await bench.load(target, tried.second, load);
    } finally {
      reading.abort();
      await reader;
    }
    const states = [before.join(), after.join()];
    for (const state of seen) ok(states.includes(state), `a reader saw ${state}`);
    // It listed the files of the old folder and read them when the new one was there: told, not mixed.
    for (const message of told) ok(/^unavailable: .*(?:changed|removed)/.test(message), message);
    const { rows } = await bench.read(tried.read, {}, "SELECT id FROM t ORDER BY id");
    strictEqual(rows.map(([id]) => id).join(), after.join());
  });
}

Deno.test("the receipt counts what a load did, and is the same when the load is repeated", async () => {
  await using bench = await FileBench.create();
  const counts = async (target: string, values: string, loadId: string, mode: LoadMode) => {
    const { sizeBytes: _size, hash: _hash, ...receipt } = await bench.load(target, values, {
      loadId,
      mode,
      primaryKey: mode === "merge" ? ["id"] : [],
    });
    return receipt;
  };
  for (const target of ["a.csv", "lake/"]) {
    const first = { rows: 2, inserted: 2, updated: 0, deleted: 0 };
    deepStrictEqual(await counts(target, "(1, 'a'), (2, 'b')", "one", "replace"), {
      ...first,
      repeated: false,
    });
    deepStrictEqual(await counts(target, "(2, 'B'), (3, 'c'), (4, 'd')", "two", "merge"), {
      rows: 3,
      inserted: 2,
      updated: 1,
      deleted: 0,
      repeated: false,
    });
    deepStrictEqual(await counts(target, "(9, 'z')", "three", "replace"), {
      rows: 1,
      inserted: 1,
      updated: 0,
      deleted: 4,
      repeated: false,
    });
    deepStrictEqual(await counts(target, "(0, 'other')", "one", "replace"), { ...first, repeated: true });
  }
  deepStrictEqual(await counts("lake/", "(9, 'z')", "four", "append"), {
    rows: 1,
    inserted: 1,
    updated: 0,
    deleted: 0,
    repeated: false,
  });
  deepStrictEqual((await counts("lake/", "(9, 'z')", "four", "append")).repeated, true);
  strictEqual((await counts("lake/", "(5, 'z')", "five", "replace")).deleted, 2);
});

Deno.test("a merge refuses a key that comes twice or is NULL, keeps what the rows lack, and adds columns", async () => {
  await using bench = await FileBench.create();
  const load = { mode: "merge", primaryKey: ["id"] } as const;
  for (const target of ["a.csv", "a.parquet", "lake/"]) {
    await bench.load(target, "(1, 'a')", load);
    const twice = await bench.failure("invalid", bench.load(target, "(7, 'a'), (7, 'b')", load));
    ok(twice.includes("the key (id) = (7) comes 2 times in the rows"), twice);
    const missing = await bench.failure(
      "invalid",
      bench.load(target, "(1, 'a')", { ...load, primaryKey: ["no"] }),
    );
    ok(missing.includes('no column "no" of the primary key'), missing);
  }
  const nullKey = await bench.failure(
    "invalid",
    bench.load("a.csv", "(1, NULL)", { ...load, primaryKey: ["name"] }),
  );
  ok(nullKey.includes("the key (name) is NULL in 1 of the rows"), nullKey);
  strictEqual(await Deno.readTextFile(`${bench.folder}/a.csv`), "id,name\n1,a\n");
});
