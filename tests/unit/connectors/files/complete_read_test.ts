import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { Connection } from "../../../../contract/connector/connector.ts";
import { file } from "../../../../connectors/files/connector.ts";
import { connectorContext, never, streamOf } from "../../../support/connections.ts";
import { FileBench } from "./file_bench.ts";

/** Rule 7 for files: all of a file is read, or the read fails and names it. */

const LINES = Array.from({ length: 20_000 }, (_, i) => `{"id":${i},"name":"number ${i}"}`).join("\n") + "\n";

for (const [ending, compress] of [["gz", gzipSync], ["zst", zstdCompressSync]] as const) {
  for (const part of [0.5, 0.99]) {
    Deno.test(`NDJSON in ${ending} that is cut at ${part} of its length is refused by name`, async () => {
      await using bench = await FileBench.create();
      const bytes = compress(LINES);
      await bench.write(`in/whole.ndjson.${ending}`, bytes);
      await bench.write(`in/cut.ndjson.${ending}`, bytes.subarray(0, Math.floor(bytes.length * part)));
      strictEqual((await bench.read(`in/whole.ndjson.${ending}`)).rows.length, 20_000);
      const message = await bench.failure("invalid", bench.read(`in/*.ndjson.${ending}`));
      ok(message.startsWith(`Cannot read "in/cut.ndjson.${ending}"`), message);
      ok(message.includes("cut short"), message);
    });
  }
}

Deno.test("Parquet that lacks its middle is refused by name", async () => {
  await using bench = await FileBench.create();
  await bench.load("a.parquet", Array.from({ length: 5_000 }, (_, i) => `(${i}, 'n${i * 7919}')`).join());
  const bytes = await Deno.readFile(`${bench.folder}/a.parquet`);
  const half = bytes.length >> 1;
  await bench.write(
    "b.parquet",
    Uint8Array.of(...bytes.subarray(0, half - 500), ...bytes.subarray(half + 500)),
  );
  const message = await bench.failure("invalid", bench.read("b.parquet"));
  ok(message.startsWith('Cannot read "b.parquet"'), message);
});

for (const [name, content] of [["a.csv", "id\n1\n2\n"], ["a.ndjson", '{"id":1}\n{"id":2}\n']] as const) {
  Deno.test(`${name} that gets more while DuckDB reads it fails the read by name`, async () => {
    await using bench = await FileBench.create();
    await bench.write(name, content);
    const { source } = bench.connection;
    const scan = await source?.scan?.(streamOf(file, { path: name }), never());
    ok(scan !== undefined);
    await scan.verify();
    await Deno.writeTextFile(`${bench.folder}/${name}`, "3\n", { append: true });
    const message = await bench.failure("unavailable", scan.verify());
    strictEqual(
      message,
      `Cannot read "${name}": it changed while it was read; run it again when it is no longer written`,
    );
  });
}

Deno.test("an Arrow file that is replaced between two batches fails the read by name", async () => {
  await using bench = await FileBench.create();
  const { tableFromArrays, RecordBatchStreamWriter, Table } = await import("apache-arrow");
  const one = tableFromArrays({ id: Int32Array.of(1, 2) });
  const bytes = RecordBatchStreamWriter.writeAll(new Table([...one.batches, ...one.batches])).toUint8Array(
    true,
  );
  await bench.write("a.arrows", bytes);
  const read = async () => {
    for await (const _batch of bench.readArrow("a.arrows")) {
      await bench.write("b", bytes);
      await Deno.rename(`${bench.folder}/b`, `${bench.folder}/a.arrows`);
    }
  };
  ok((await bench.failure("unavailable", read())).startsWith('Cannot read "a.arrows": it changed'));
});

Deno.test("a project folder with brackets in its name is read by globs", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-[1]-" });
  try {
    await Deno.writeTextFile(`${folder}/a.csv`, "id\n1\n");
    const { source }: Connection = await file.open({}, connectorContext(folder));
    const scan = await source?.scan?.(streamOf(file, { path: "*.csv" }), never());
    deepStrictEqual(scan?.files, [`${folder}/a.csv`]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("discover() gives the files of a folder and ending as one stream, with their size", async () => {
  await using bench = await FileBench.create();
  await bench.write("in/a.csv", "id\n1\n");
  await bench.write("in/b.csv", "id\n22\n");
  await bench.write("in/c.csv.gz", gzipSync("id\n3\n"));
  await bench.write("in/notes.txt", "not data");
  await bench.write("top.ndjson", "{}\n");
  const found = await Array.fromAsync(bench.connection.source?.discover?.(never()) ?? []);
  deepStrictEqual(found.map(({ address, kind }) => [address, kind]), [
    [{ path: "in/*.csv" }, "file"],
    [{ path: "in/c.csv.gz" }, "file"],
    [{ path: "top.ndjson" }, "file"],
  ]);
  strictEqual(found[0]?.sizeBytes, 11);
});
