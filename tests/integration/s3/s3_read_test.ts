import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { s3 } from "../../../connectors/s3/connector.ts";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import { Warehouse } from "../../conformance/warehouse.ts";
import type { JsonValue } from "../../../contract/json.ts";
import { never, streamOf } from "../../support/connections.ts";
import { S3_KEYS } from "../../support/s3_bucket.ts";
import { S3Bench, storeError } from "./s3_bench.ts";

const MB = 1024 * 1024;

/** About so many bytes of CSV, and the sum of its numbers. */
function largeCsv(bytes: number): { readonly text: string; readonly rows: number } {
  const lines = ["id,name"];
  for (let id = 0, length = 0; length < bytes; id++) {
    const line = `${id},${"n".repeat(90)}${id}`;
    lines.push(line);
    length += line.length + 1;
  }
  return { text: `${lines.join("\n")}\n`, rows: lines.length - 1 };
}

const isGet = (key: string) => ({ method, url }: { method: string; url: string }) =>
  method === "GET" && url.includes(key);

Deno.test("s3: objects that are what they were by their ETags are not read again", async () => {
  await using bench = await S3Bench.start();
  const { bucket, files } = bench;
  await bucket.put("d/a.csv", "id\n1\n");
  await bucket.put("d/b.csv", "id\n2\n");
  const scan = async (validators?: JsonValue) => {
    const request = streamOf(s3, { path: "d/*.csv" });
    const asked = validators === undefined ? request : { ...request, validators };
    const found = await files.connection.source?.scan?.(asked, never());
    return { validators: found?.validators ?? null, isUnchanged: found?.isUnchanged === true };
  };
  const { validators } = await scan();
  strictEqual(typeof validators, "string");
  deepStrictEqual(await scan(validators), { validators, isUnchanged: true });
  for (
    const change of [
      () => bucket.put("d/a.csv", "id\n9\n"),
      () => bucket.put("d/c.csv", "id\n3\n"),
      () => bucket.remove("d/b.csv"),
    ]
  ) {
    const before = (await scan()).validators;
    await change();
    strictEqual((await scan(before)).isUnchanged, false);
  }
});

Deno.test("s3: globs, folders as columns and the filename, as on the disk", async () => {
  await using bench = await S3Bench.start({ prefix: "raw" });
  const { bucket, files } = bench;
  await bucket.put("raw/sales/day=2024-01-01/a.csv", "id,v\n1,x\n");
  await bucket.put("raw/sales/day=2024-01-02/b.csv", "id,v\n2,y\n");
  await bucket.put("raw/sales/day=2024-01-02/", "");
  await bucket.put("raw/sales/day=2024-01-02/_sluice_tmp.csv", "no,csv\n");
  await bucket.put("raw/sales/day=2024-01-02/.hidden.csv", "no,csv\n");
  await bucket.put("raw/sales/notes.txt", "no");
  await bucket.put("other/sales/day=2024-01-01/a.csv", "id,v\n9,z\n");
  const read = await files.read("sales/**/*.csv", { filename: true }, "SELECT * FROM t ORDER BY id");
  deepStrictEqual(read.types, ["id BIGINT", "v VARCHAR", "day DATE", "filename VARCHAR"]);
  deepStrictEqual(read.rows, [
    [1, "x", "2024-01-01", "sales/day=2024-01-01/a.csv"],
    [2, "y", "2024-01-02", "sales/day=2024-01-02/b.csv"],
  ]);
  const one = await files.read("sales/day=2024-01-02/b.csv");
  deepStrictEqual(one.rows, [[2, "y"]]);
  strictEqual((await files.read("sales/*/[ab].csv")).rows.length, 2);
  deepStrictEqual(
    await Array.fromAsync(Deno.readDir(`${files.folder}/.scratch`)).then(filesBelow(files.folder)),
    [],
  );
});

/** Nothing is left on the disk of what was brought there. */
function filesBelow(folder: string) {
  return async () => {
    const found: string[] = [];
    const walk = async (path: string) => {
      for await (const entry of Deno.readDir(path)) {
        if (entry.isDirectory) await walk(`${path}/${entry.name}`);
        else found.push(`${path}/${entry.name}`);
      }
    };
    await walk(`${folder}/.scratch`);
    return found;
  };
}

for (
  const [format, content] of Object.entries({
    csv: "id,name\n1,a\n2,b\n",
    tsv: "id\tname\n1\ta\n2\tb\n",
    ndjson: '{"id":1,"name":"a"}\n{"id":2,"name":"b"}\n',
    json: '[{"id":1,"name":"a"},{"id":2,"name":"b"}]',
  })
) {
  Deno.test(`s3: ${format}, plain and compressed`, async () => {
    await using bench = await S3Bench.start();
    const expected = [[1, "a"], [2, "b"]];
    await bench.bucket.put(`t.${format}`, content);
    deepStrictEqual((await bench.files.read(`t.${format}`)).rows, expected);
    const gzip = new Blob([content]).stream().pipeThrough(new CompressionStream("gzip"));
    await bench.bucket.put(`t.${format}.gz`, new Uint8Array(await new Response(gzip).arrayBuffer()));
    deepStrictEqual((await bench.files.read(`t.${format}.gz`)).rows, expected);
  });
}

Deno.test("s3: keys with odd characters are read as they are", async () => {
  await using bench = await S3Bench.start();
  const keys = [
    "a b+c.csv",
    "50%25 off.csv",
    "ünï/漢字🦆.csv",
    "br[1]ack*et?.csv",
    "q'uo\"te&<>.csv",
  ];
  for (const [index, key] of keys.entries()) await bench.bucket.put(`odd/${key}`, `id\n${index}\n`);
  for (const [index, key] of keys.entries()) {
    deepStrictEqual((await bench.files.read(`odd/${key}`)).rows, [[index]], key);
  }
  const all = await bench.files.read(
    "odd/**/*.csv",
    { filename: true },
    "SELECT filename FROM t ORDER BY id",
  );
  deepStrictEqual(all.rows.flat(), keys.map((key) => `odd/${key}`));
});

Deno.test("s3: keys that would be other paths on a disk are read by their exact names", async () => {
  await using bench = await S3Bench.start();
  const keys = ["/lead.csv", "a//b.csv", "dots/../x.csv", "./y.csv", "dots", "dots/"];
  for (const [index, key] of keys.entries()) await bench.bucket.put(key, `id\n${index}\n`);
  for (const [index, key] of keys.slice(0, -1).entries()) {
    deepStrictEqual((await bench.files.read(key, { format: "csv" })).rows, [[index]], key);
  }
});

Deno.test("s3: more keys than one page of a list", async () => {
  await using bench = await S3Bench.start();
  const count = 1_050;
  let next = 0;
  const putNext = async () => {
    while (next < count) await bench.bucket.put(`many/${next}`, `id\n${next++}\n`);
  };
  await Promise.all(Array.from({ length: 16 }, putNext));
  const listed = bench.proxy.asked.length;
  // One of them is enough to read: the pattern looks at all.
  deepStrictEqual((await bench.files.read("many/104[0-9]", { format: "csv" })).rows.length, 10);
  const scan = bench.proxy.asked.slice(listed).filter(({ url }) => url.includes("list-type=2"));
  strictEqual(scan.length, 1, "the pattern's beginning narrows the list");
  deepStrictEqual((await bench.files.read("many/*9[0-9]9", { format: "csv" })).rows.length, 10);
  ok(bench.proxy.asked.some(({ url }) => url.includes("continuation-token=")));
});

Deno.test("s3: a connection that is cut in the middle goes on where it was, with the same ETag", async () => {
  await using bench = await S3Bench.start();
  const { text, rows } = largeCsv(20 * MB);
  await bench.bucket.put("big.csv", text);
  let cuts = 0;
  bench.proxy.rule = (asked) =>
    isGet("big.csv")(asked) && cuts++ % 2 === 0 ? { type: "cut", afterBytes: 300_000 } : undefined;
  const read = await bench.files.read("big.csv", {}, "SELECT count(*), sum(id) FROM t");
  deepStrictEqual(read.rows.flat().map(Number), [rows, rows * (rows - 1) / 2]);
  ok(cuts > 3);
});

Deno.test("s3: an object that changes while it is read fails the stream, and names itself", async () => {
  await using bench = await S3Bench.start();
  const { text } = largeCsv(20 * MB);
  await bench.bucket.put("big.csv", text);
  let gets = 0;
  bench.proxy.rule = (asked) => {
    if (!isGet("big.csv")(asked) || ++gets !== 2) return undefined;
    return { type: "before", wait: () => bench.bucket.put("big.csv", `${text}1,more\n`) };
  };
  match(
    await bench.files.failure("unavailable", bench.files.read("big.csv")),
    /Cannot read "s3:\/\/sluice-[^"]+\/big\.csv": it changed while it was read/,
  );
  let isRemoved = false;
  bench.proxy.rule = (asked) =>
    isGet("big.csv")(asked) && !isRemoved
      ? { type: "before", wait: () => (isRemoved = true, bench.bucket.remove("big.csv")) }
      : undefined;
  match(
    await bench.files.failure("unavailable", bench.files.read("big.csv")),
    /it was removed while it was read/,
  );
});

Deno.test("s3: a busy store is asked again", async () => {
  await using bench = await S3Bench.start();
  await bench.bucket.put("t.csv", "id\n1\n");
  bench.proxy.rule = ({ earlier }) =>
    earlier < 3 ? storeError(503, "SlowDown", "Please reduce your request rate.") : undefined;
  deepStrictEqual((await bench.files.read("t.csv")).rows, [[1]]);
});

Deno.test("s3: what is wrong is said with what to do", async () => {
  await using bench = await S3Bench.start();
  const { bucket, files, proxy } = bench;
  await bucket.put("data/a.csv", "id\n1\n");
  match(
    await files.failure("not_found", files.read("data/none.csv")),
    /"s3:\/\/[^"]+\/data\/none\.csv": there is no such file/,
  );
  match(await files.failure("not_found", files.read("data/*.parquet")), /no file matches it/);
  match(
    await files.failure("invalid", files.read("data")),
    /it is a folder; name its files, as "data\/\*\.csv"/,
  );
  match(await files.failure("invalid", files.read("data/*/../a.csv")), /may not stand behind a wildcard/);
  const cases = [
    [
      storeError(403, "AccessDenied"),
      "forbidden",
      /access is denied \(AccessDenied\); let the credentials do s3:ListBucket/,
    ],
    [storeError(403, "InvalidAccessKeyId"), "unauthorized", /does not know this access_key_id/],
    [storeError(403, "SignatureDoesNotMatch"), "unauthorized", /secret_access_key does not belong/],
    [storeError(400, "ExpiredToken"), "unauthorized", /have expired/],
    [storeError(404, "NoSuchBucket"), "not_found", /there is no such bucket/],
    [
      { ...storeError(301, "PermanentRedirect"), headers: { "x-amz-bucket-region": "eu-central-1" } },
      "invalid",
      /the bucket is in region eu-central-1; set region: eu-central-1/,
    ],
  ] as const;
  for (const [fate, code, expected] of cases) {
    proxy.rule = () => fate;
    const message = await files.failure(code, files.read("data/*.csv"));
    match(message, expected);
    ok(!message.includes(S3_KEYS.secret_access_key));
  }
});

Deno.test("s3: without the right to list, a file is read by its exact key", async () => {
  await using bench = await S3Bench.start();
  await bench.bucket.put("data/a.csv", "id\n1\n");
  bench.proxy.rule = ({ url, method }) =>
    url.includes("list-type=2") || (method === "HEAD" && !url.includes("a.csv"))
      ? storeError(403, "AccessDenied")
      : undefined;
  deepStrictEqual((await bench.files.read("data/a.csv")).rows, [[1]]);
  match(
    await bench.files.failure("forbidden", bench.files.read("data/*.csv")),
    /s3:ListBucket to list the files of "s3:\/\/[^"]+\/data\/\*\.csv", or name a file by its exact key/,
  );
});

Deno.test("s3: the right to read one folder alone is enough for a glob in it", async () => {
  await using bench = await S3Bench.start();
  await bench.bucket.put("data/in/a.csv", "id\n1\n");
  bench.proxy.rule = ({ url, method }) =>
    method === "GET" && !url.includes("list-type=2") && !url.includes("/data/in/")
      ? storeError(403, "AccessDenied")
      : undefined;
  deepStrictEqual((await bench.files.read("data/in/*.csv")).rows, [[1]]);
});

Deno.test("s3: a fault in a file is told with its address and line", async () => {
  await using bench = await S3Bench.start();
  const lines = Array.from({ length: 30_000 }, (_, id) => `${id},${id}`);
  await bench.bucket.put("bad.csv", `id,n\n${lines.join("\n")}\n7,x\n`);
  match(
    await bench.files.failure("invalid", bench.files.read("bad.csv")),
    /Cannot read "s3:\/\/sluice-[^"]+\/bad\.csv" line 30002.*"n".*"x"/,
  );
});

for (const format of ["csv", "parquet"] as const) {
  Deno.test(`s3: many ${format} files are read in parts, each away from the disk when it was read`, async () => {
    await using bench = await S3Bench.start();
    const { bucket, files } = bench;
    // Later files have other columns, and wider types.
    const selects = [0, 1, 2].map((file) =>
      `SELECT range::${
        file === 2 ? "BIGINT" : "INTEGER"
      } AS id, md5(range::VARCHAR) || md5('x' || range) AS name${
        file === 1 ? ", 'late' AS more" : ""
      } FROM range(${file * 500_000}, ${(file + 1) * 500_000})`
    );
    await using database = await openDatabase({ path: ":memory:", allowedDirectories: [files.folder] });
    await using session = await database.session();
    for (const [file, select] of selects.entries()) {
      const path = `${files.folder}/${file}.${format}`;
      await session.run(
        `COPY (${select}) TO '${path}' (FORMAT ${
          format === "csv" ? "csv, HEADER" : "parquet, COMPRESSION uncompressed"
        })`,
      );
      await bucket.put(`t/${file}.${format}`, await Deno.readFile(path));
    }
    const source = files.connection.source;
    const request = streamOf(s3, { path: `t/*.${format}` });
    const scan = await source?.scan?.(request, files.signal);
    ok(scan?.parts !== undefined, "it is large enough to be read in parts");
    let most = 0;
    let parts = 0;
    for await (const _part of scan.parts(files.signal)) {
      parts++;
      most = Math.max(most, await bytesBelow(`${files.folder}/.scratch`));
    }
    strictEqual(parts, 3);
    ok(most > 0);
    strictEqual(await bytesBelow(`${files.folder}/.scratch`), 0);
    // By the engine, which unites the parts.
    await using warehouse = await Warehouse.open(files.folder);
    if (source === undefined) throw new Error("it is no source");
    await warehouse.extract(source, request, files.signal);
    deepStrictEqual(
      await warehouse.texts(
        "SELECT count(*), sum(id), count(more), typeof(min(id)) FROM raw.back",
      ),
      [`["1500000","${1_500_000 * 1_499_999 / 2}","500000","BIGINT"]`],
    );
  });
}

/** Bytes that the disk really holds. */
async function bytesBelow(folder: string): Promise<number> {
  let bytes = 0;
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    bytes += entry.isDirectory ? await bytesBelow(path) : ((await Deno.stat(path)).blocks ?? 0) * 512;
  }
  return bytes;
}
