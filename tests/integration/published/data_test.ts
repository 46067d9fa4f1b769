import { deepEqual, equal, match, ok } from "node:assert/strict";
import { tableFromIPC } from "apache-arrow";
import { join } from "node:path";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import { TOKEN } from "../../support/sluice_server.ts";
import { Served } from "../../support/served_project.ts";
import type { Snapshot } from "../../../contract/snapshots/snapshot.ts";

const served = await Served.start({
  "pipelines/shop.yaml":
    `params: { rows: { type: integer, default: 1000 }, day: { type: string, default: mon } }
publish: { orders: { keep: 2 }, odd: { keep: 1 } }
`,
  "transforms/shop/orders.sql":
    `SELECT i AS id, (i * 1.01)::DECIMAL(18,2) AS amount, 9007199254740993 + i AS big,
      CASE WHEN i % 3 = 0 THEN NULL ELSE 'c' || (i % 5) END AS country, getvariable('day') AS day,
      TIMESTAMP '2026-01-01 00:00:00' + INTERVAL 1 MINUTE * i AS at, [i, NULL] AS list
    FROM range(getvariable('rows')) AS t(i)\n`,
  "transforms/shop/odd.sql":
    `SELECT 'a''b",(.)' AS "a ""column"".x", true AS yes, 'Ünï' AS "select" UNION ALL SELECT 'z', false, NULL\n`,
});
const { server } = served;
Deno.test.afterAll(() => served[Symbol.asyncDispose]());
await served.succeed("shop");

const ask = (query = "", headers: Record<string, string> = {}, method = "GET", model = "orders") =>
  fetch(`${server.url}/api/data/shop/${model}${query}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, ...headers },
  });

async function json(query = "", model = "orders"): Promise<Record<string, unknown>[]> {
  const response = await ask(query, {}, "GET", model);
  const text = await response.text();
  equal(response.status, 200, text);
  return JSON.parse(text);
}

async function problem(query: string, status: number, model = "orders"): Promise<string> {
  const response = await ask(query, {}, "GET", model);
  const text = await response.text();
  equal(response.status, status, text);
  return JSON.parse(text).detail;
}

const VALUES =
  `CAST(id AS VARCHAR) AS n, CAST(amount AS VARCHAR) AS amount, CAST(big AS VARCHAR) AS big, country, CAST("at" AS VARCHAR) AS "at"`;

/** What DuckDB reads out of a file of the format, as rows. */
async function rowsOf(bytes: Uint8Array, format: string): Promise<unknown[]> {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "file");
    await Deno.writeFile(path, bytes);
    await using database = await openDatabase({ path: ":memory:", allowedDirectories: [folder] });
    await using session = await database.session();
    const reader = format === "csv"
      ? `read_csv('${path}', types = {'amount': 'DECIMAL(18,2)'}, nullstr = '')`
      : format === "parquet"
      ? `read_parquet('${path}')`
      : `read_json('${path}', columns = {id: 'BIGINT', amount: 'DECIMAL(18,2)', big: 'BIGINT', country: 'VARCHAR', "at": 'TIMESTAMP'})`;
    return (await session.rows(`SELECT ${VALUES} FROM ${reader} ORDER BY id`)).map((row) =>
      Object.values(row)
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("all formats have the same values", async () => {
  const expected = Array.from({ length: 1000 }, (_, i) => [
    String(i),
    (i * 1.01).toFixed(2),
    String(9007199254740993n + BigInt(i)),
    i % 3 === 0 ? null : `c${i % 5}`,
    new Date(Date.UTC(2026, 0, 1, 0, i)).toISOString().slice(0, 19).replace("T", " "),
  ]);
  for (const format of ["json", "ndjson", "csv", "parquet"]) {
    const response = await ask(`?format=${format}`);
    const bytes = await response.bytes();
    equal(response.status, 200, new TextDecoder().decode(bytes.slice(0, 400)));
    equal(response.headers.get("x-row-count"), "1000");
    equal(response.headers.get("content-length"), String(bytes.length));
    const found = await rowsOf(bytes, format);
    deepEqual(found, expected, format);
  }
  const arrow = tableFromIPC(await (await ask("?format=arrow")).bytes());
  equal(arrow.numRows, 1000);
  equal(arrow.getChild("big")?.get(999), 9007199254740993n + 999n);
});

Deno.test("JSON has long numbers as texts unless numbers are asked for", async () => {
  deepEqual(await json("?limit=1&columns=id,amount,big,country,list"), [
    { id: "0", amount: "0.00", big: "9007199254740993", country: null, list: ["0", null] },
  ]);
  const response = await ask("?limit=1&columns=big,amount&numbers=number");
  equal((await response.text()).replaceAll(/\s/g, ""), '[{"big":9007199254740993,"amount":0.00}]');
});

Deno.test("columns, conditions, order and pages", async () => {
  deepEqual(await json("?columns=id&where=id.gte.10,id.lt.12"), [{ id: "10" }, { id: "11" }]);
  deepEqual(await json("?columns=id&where=country.is.null,id.lt.4"), [{ id: "0" }, { id: "3" }]);
  deepEqual(await json("?columns=id&where=id.in.(5,7),country.not.eq.c2"), [{ id: "5" }]);
  deepEqual(await json("?columns=id&where=country.like.c*,amount.lte.2.02&order=id.desc"), [
    { id: "2" },
    { id: "1" },
  ]);
  deepEqual(await json("?columns=id&order=country.asc.nullsfirst,id.desc&limit=2"), [{ id: "999" }, {
    id: "996",
  }]);
  for (const query of ["&columns=id&where=id.lt.3", "&columns=id&limit=3"]) {
    const parquet = await ask(`?format=parquet${query}`);
    deepEqual([parquet.status, parquet.headers.get("x-row-count")], [200, "3"]);
    equal(new TextDecoder().decode((await parquet.bytes()).slice(0, 4)), "PAR1");
  }
  equal((await json("?columns=id")).length, 1000, "the snapshot is as it was");
  // A name and a value with every sign that could mean something.
  const quoted = encodeURIComponent(`"a \\"column\\".x".eq."a'b\\",(.)"`);
  deepEqual((await json(`?where=${quoted}`, "odd")).map((row) => row["select"]), ["Ünï"]);
  const injected = encodeURIComponent(`select.eq."' OR 1=1 --"`);
  deepEqual(await json(`?where=${injected}`, "odd"), []);
  match(await problem("?where=ammount.gte.1", 400), /no column "ammount" \(did you mean amount\?\)/);
  match(
    await problem("?where=amount.gte.abc", 400),
    /Cannot compare "amount" with "abc": it is DECIMAL\(18,2\)/,
  );
  match(await problem("?where=amount.near.1", 400), /expected <column>\.<operator>\.<value>/);
  match(await problem("?format=json&limit=0", 400), /limit/);
  match(await problem("", 404, "none"), /publishes no model "none"/);

  for (const order of ["", "&order=amount.desc"]) {
    const seen: string[] = [];
    let next: string | null = `/api/data/shop/orders?columns=id&where=id.lt.25&limit=10${order}`;
    for (let pages = 0; next !== null; pages++) {
      ok(pages < 4);
      const response: Response = await fetch(`${server.url}${next}`, {
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      const page: { id: string }[] = await response.json();
      seen.push(...page.map(({ id }) => id));
      next = /<(.+)>; rel="next"/.exec(response.headers.get("link") ?? "")?.[1] ?? null;
    }
    const ids = Array.from({ length: 25 }, (_, i) => String(i));
    deepEqual(seen, order === "" ? ids : ids.toReversed());
  }
});

Deno.test("a client that has it is told so, and the Parquet file is had in parts", async () => {
  const whole = await ask("", { accept: "text/html;q=0.5, application/vnd.apache.parquet" });
  const bytes = await whole.bytes();
  equal(whole.headers.get("content-type"), "application/vnd.apache.parquet");
  equal(new TextDecoder().decode(bytes.slice(0, 4)), "PAR1");
  const etag = whole.headers.get("etag") ?? "";
  const same = await ask("?format=parquet", { "if-none-match": `"x", ${etag}` });
  equal(same.status, 304);
  equal(await same.text(), "");
  const part = await ask("?format=parquet", { range: "bytes=-4", "if-range": etag });
  equal(part.status, 206);
  equal(part.headers.get("content-range"), `bytes ${bytes.length - 4}-${bytes.length - 1}/${bytes.length}`);
  deepEqual(await part.bytes(), bytes.slice(-4));
  const beyond = await ask("?format=parquet", { range: `bytes=${bytes.length}-` });
  equal(beyond.status, 416);
  await beyond.body?.cancel();
  const head = await ask("?format=csv", {}, "HEAD");
  equal(head.status, 200);
  equal(head.headers.get("x-row-count"), "1000");
  equal(await head.text(), "");
  const refused = await ask("", { accept: "image/png" });
  equal(refused.status, 406);
  await refused.body?.cancel();
});

Deno.test("readers during publications see whole snapshots, and a page goes on in its own", async () => {
  const first = await ask("?columns=id,day&limit=600");
  const cursor = first.headers.get("x-next-cursor");
  await first.body?.cancel();
  let isDone = false;
  const reading = Promise.all(Array.from({ length: 4 }, async () => {
    while (!isDone) {
      const rows = await json("?columns=day");
      const days = new Set(rows.map(({ day }) => day));
      equal(days.size, 1);
      equal(rows.length, days.has("mon") ? 1000 : days.has("tue") ? 2000 : 3000);
    }
  }));
  // More than are read at a time: the snapshot of those that wait is replaced and removed.
  const waiting = Promise.all(
    Array.from({ length: 40 }, () => json("?columns=yes&where=yes.is.true&format=json", "odd")),
  );
  await served.succeed("shop", { params: { rows: 2000, day: "tue" } });
  deepEqual(new Set((await waiting).map((rows) => JSON.stringify(rows))), new Set(['[{"yes":true}]']));
  const rest = await json(`?columns=id,day&limit=600&cursor=${cursor}`);
  deepEqual([rest.length, rest[0]], [400, { id: "600", day: "mon" }]);
  await served.succeed("shop", { params: { rows: 3000, day: "wed" } });
  isDone = true;
  await reading;
  match(await problem(`?columns=id&limit=600&cursor=${cursor}`, 404), /snapshot of the cursor is gone/);
  equal((await json("?columns=id")).length, 3000);
  const listed = await server.call<Snapshot[]>("GET", "/api/pipelines/shop/data");
  deepEqual(listed.map(({ model, rows }) => `${model} ${rows}`), ["orders 3000", "odd 2"]);
});
