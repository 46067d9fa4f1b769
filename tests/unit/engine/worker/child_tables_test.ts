import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { type Attempt, JobProject } from "./job_fixture.ts";

/** Arrays of JSON records as raw tables of their own, through attempts of runs. */

const ORDERS = "extract:orders";
const NO_SYSTEM = {
  read: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("unasked")) }) }),
};

interface Project extends AsyncDisposable {
  readonly jobs: JobProject;
  /** Writes the records and reads them in a run of its own; `more` are keys of the stream. */
  read(records: readonly object[], more: Readonly<Record<string, unknown>>, job?: object): Promise<Attempt>;
  /** The rows of a raw table as texts, in order. */
  table(name: string): Promise<string[]>;
  columns(name: string): Promise<string[]>;
}

async function project(): Promise<Project> {
  const jobs = await JobProject.create();
  let count = 0;
  return {
    jobs,
    async read(records, more, job = {}) {
      const lines = records.map((record) => JSON.stringify(record)).join("\n");
      await Deno.writeTextFile(join(jobs.path, "orders.ndjson"), lines);
      return await jobs.attempt(
        NO_SYSTEM,
        { extract: { orders: { connector: "files", path: "orders.ndjson", primary_key: ["id"], ...more } } },
        {},
        { runId: `run ${++count}`, ...job },
      );
    },
    async table(name) {
      const rows = await jobs.rows(`SELECT to_json(t)::VARCHAR AS row FROM raw.${name} AS t ORDER BY ALL`);
      return rows.map(({ row }) => String(row).replaceAll('"', "").replaceAll("_sluice_", "_"));
    },
    async columns(name) {
      const rows = await jobs.rows(`DESCRIBE raw.${name}`);
      return rows.map((row) => `${row["column_name"]} ${row["column_type"]}`);
    },
    [Symbol.asyncDispose]: () => jobs[Symbol.asyncDispose](),
  };
}

const succeeded = ({ error, steps }: Attempt) => {
  equal(error, undefined);
  return steps.get(ORDERS);
};
const messageOf = ({ error }: Attempt): string => error instanceof Error ? error.message : "no error";
const warningsOf = ({ reports }: Attempt): string[] =>
  reports.flatMap((report) => report.type === "log" && report.level === "warn" ? [report.message] : []);

Deno.test("arrays become tables with the parent's key and the element's position, however deep they are", async () => {
  await using it = await project();
  const step = succeeded(
    await it.read([
      {
        id: 1,
        lines: [{ sku: "a", id: 7, discounts: [{ p: 1 }, { p: 2 }] }, null, { sku: "b", discounts: [] }],
        customer: { name: "x", addresses: [{ city: "Rome", "zip-codes": ["00", "01"] }] },
        tags: ["x", null],
        matrix: [[1, 2], [], [3]],
      },
      { id: 2, lines: [], customer: null, tags: null },
      { id: 3 },
    ], {
      child_tables: [
        "matrix.value",
        "Lines",
        "lines.discounts",
        "customer.addresses",
        "customer.addresses.zip-codes",
        "tags",
        "matrix",
      ],
    }),
  );
  equal(step?.rows, 3, "rows of the stream itself");
  deepEqual(await it.table("orders"), [
    "{id:1,customer:{name:x}}",
    "{id:2,customer:null}",
    "{id:3,customer:null}",
  ]);
  deepEqual(await it.table("orders__Lines"), [
    "{_parent_id:1,_index:0,sku:a,id:7}",
    "{_parent_id:1,_index:1,sku:null,id:null}",
    "{_parent_id:1,_index:2,sku:b,id:null}",
  ]);
  deepEqual(await it.table("orders__lines__discounts"), [
    "{_parent_id:1,_Lines_index:0,_index:0,p:1}",
    "{_parent_id:1,_Lines_index:0,_index:1,p:2}",
  ]);
  deepEqual(await it.table("orders__customer__addresses"), ["{_parent_id:1,_index:0,city:Rome}"]);
  deepEqual(await it.table("orders__customer__addresses__zip_codes"), [
    "{_parent_id:1,_customer__addresses_index:0,_index:0,value:00}",
    "{_parent_id:1,_customer__addresses_index:0,_index:1,value:01}",
  ]);
  deepEqual(await it.table("orders__tags"), [
    "{_parent_id:1,_index:0,value:x}",
    "{_parent_id:1,_index:1,value:null}",
  ]);
  deepEqual(await it.table("orders__matrix"), [0, 1, 2].map((at) => `{_parent_id:1,_index:${at}}`));
  deepEqual(await it.table("orders__matrix__value"), [
    "{_parent_id:1,_matrix_index:0,_index:0,value:1}",
    "{_parent_id:1,_matrix_index:0,_index:1,value:2}",
    "{_parent_id:1,_matrix_index:2,_index:0,value:3}",
  ]);
});

Deno.test("a full read replaces all tables together, and keeps the columns of a child that got no row", async () => {
  await using it = await project();
  const stream = { child_tables: ["lines"] };
  succeeded(
    await it.read([{ id: 1, lines: [{ sku: "a", n: 1 }] }, { id: 2, lines: [{ sku: "b", n: 2 }] }], stream),
  );
  const columns = await it.columns("orders__lines");
  deepEqual(columns, ["_sluice_parent_id BIGINT", "_sluice_index BIGINT", "sku VARCHAR", "n BIGINT"]);
  const again = await it.read([{ id: "x", lines: [] }, { id: "y", lines: [] }], stream);
  succeeded(again);
  deepEqual(await it.table("orders__lines"), []);
  deepEqual(await it.columns("orders__lines"), ["_sluice_parent_id VARCHAR", ...columns.slice(1)]);
  succeeded(await it.read([], stream));
  deepEqual((await it.columns("orders__lines")).length, 4, "no record at all");
  deepEqual(await it.columns("orders"), ["id VARCHAR"]);
  const told = again.reports.flatMap((report) => report.type === "columns" ? [report.stream] : []);
  deepEqual(told, ["orders", "orders__lines"]);
  const failed = await it.read([{ id: 1, lines: [{ sku: "z" }] }, { id: null }], stream);
  match(messageOf(failed), /1 rows have no value in the primary key \(id\)/);
  deepEqual(await it.columns("orders"), ["id VARCHAR"], "nothing was taken");
});

const INCREMENTAL = { mode: "incremental", update_key: "at", child_tables: ["lines", "lines.d"] };

Deno.test("the children of each row that came are written anew, and those of others stay", async () => {
  await using it = await project();
  const line = (sku: string, ...d: number[]) => ({ sku, d: d.map((n) => ({ n })) });
  succeeded(
    await it.read([
      { id: 1, at: 1, lines: [line("a", 1, 2), line("b", 3)] },
      { id: 2, at: 1, lines: [line("c", 4), line("d")] },
      { id: 3, at: 1, lines: [line("e", 5)] },
      { id: 4, at: 1, lines: [line("f")] },
    ], INCREMENTAL),
  );
  succeeded(
    await it.read([
      // Of several rows of one key the newest counts, with its children.
      { id: 1, at: 3, lines: [line("A", 9)] },
      { id: 1, at: 2, lines: [line("old", 8), line("older", 8)] },
      { id: 2, at: 2, lines: [] },
      { id: 3, at: 2 },
      { id: 5, at: 2, lines: [{ ...line("g", 6), extra: true }] },
    ], INCREMENTAL),
  );
  deepEqual(await it.table("orders__lines"), [
    "{_parent_id:1,_index:0,sku:A,extra:null}",
    "{_parent_id:4,_index:0,sku:f,extra:null}",
    "{_parent_id:5,_index:0,sku:g,extra:true}",
  ]);
  deepEqual(await it.table("orders__lines__d"), [
    "{_parent_id:1,_lines_index:0,_index:0,n:9}",
    "{_parent_id:5,_lines_index:0,_index:0,n:6}",
  ]);
  // The key becomes text, and the child table's with it, though its own row did not come.
  succeeded(await it.read([{ id: "k", at: 4, lines: [line("h")] }], INCREMENTAL));
  deepEqual(
    (await it.columns("orders__lines__d"))[0],
    "_sluice_parent_id VARCHAR",
  );
  deepEqual((await it.table("orders__lines")).at(-1), "{_parent_id:k,_index:0,sku:h,extra:null}");
  // Nothing new.
  succeeded(await it.read([], INCREMENTAL));
  equal((await it.table("orders__lines")).length, 4);
  succeeded(await it.read([{ id: 1, at: 1, lines: [line("z")] }], INCREMENTAL, { fullRefresh: true }));
  deepEqual(await it.table("orders__lines"), ["{_parent_id:1,_index:0,sku:z}"]);
  deepEqual(await it.jobs.rows("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE '% %'"), []);
});

Deno.test("an append stream adds the children of the rows that it adds, and no others", async () => {
  await using it = await project();
  const stream = { mode: "append", update_key: "at", child_tables: ["lines"] };
  succeeded(await it.read([{ id: 1, at: 1, lines: ["a"] }, { id: 2, at: 2, lines: ["b", "c"] }], stream));
  succeeded(
    await it.read(
      [{ id: 2, at: 2, lines: ["b", "c"] }, { id: 3, at: 2, lines: ["d"] }, { id: 4, at: 3 }],
      stream,
    ),
  );
  deepEqual((await it.table("orders")).length, 4);
  deepEqual(await it.table("orders__lines"), [
    "{_parent_id:1,_index:0,value:a}",
    "{_parent_id:2,_index:0,value:b}",
    "{_parent_id:2,_index:1,value:c}",
    "{_parent_id:3,_index:0,value:d}",
  ]);
  const twice = await it.read([{ id: 5, at: 4, lines: ["x"] }, { id: 5, at: 5, lines: ["y"] }], stream);
  succeeded(twice);
  match(warningsOf(twice).join(), /2 rows share their primary key \(id\) with another one/);
});

Deno.test("children of rows that are gone at the source are gone as well, or marked", async () => {
  for (const deletes of ["hard", "soft"]) {
    await using it = await project();
    const stream = { ...INCREMENTAL, child_tables: ["lines"], deletes };
    const [one, two] = [{ id: 1, at: 1, lines: ["a"] }, { id: 2, at: 1, lines: ["b", "c"] }];
    succeeded(await it.read([one, two], stream));
    const step = succeeded(await it.read([one], { ...stream, max_deletes: 5 }));
    equal(step?.deleted, 1);
    const live = await it.jobs.rows(
      deletes === "hard"
        ? "SELECT value FROM raw.orders__lines ORDER BY 1"
        : "SELECT value FROM raw.orders__lines WHERE _sluice_deleted_at IS NULL ORDER BY 1",
    );
    deepEqual(live.map(({ value }) => value), ["a"]);
    equal((await it.table("orders__lines")).length, deletes === "hard" ? 1 : 3);
    if (deletes === "soft") {
      // A stream that has rows, and marks them from now on.
      await using later = await project();
      succeeded(await later.read([one, two], { ...stream, deletes: "ignore" }));
      succeeded(await later.read([{ ...one, at: 2 }], { ...stream, max_deletes: 5 }));
      equal((await later.table("orders__lines")).length, 3);
    }
    // It is back as it was.
    if (deletes === "soft") {
      succeeded(await it.read([one, two], { ...stream, max_deletes: 5 }));
      deepEqual(
        await it.jobs.rows("SELECT count(*) AS n FROM raw.orders__lines WHERE _sluice_deleted_at IS NULL"),
        [{ n: 3 }],
      );
    }
  }
});

Deno.test("child tables that a stream gets later are made of the rows that are there", async () => {
  await using it = await project();
  const { child_tables: _, ...plain } = INCREMENTAL;
  const [one, two] = [{ id: 1, at: 1, lines: [{ sku: "a", d: [1] }] }, {
    id: 2,
    at: 2,
    lines: [{ sku: "b", d: [2, 3] }],
  }];
  succeeded(await it.read([one], plain));
  succeeded(await it.read([two], { ...plain, child_tables: ["lines"] }));
  deepEqual(await it.table("orders__lines"), [
    "{_parent_id:1,_index:0,sku:a,d:[1]}",
    "{_parent_id:2,_index:0,sku:b,d:[2,3]}",
  ]);
  succeeded(await it.read([two], INCREMENTAL));
  deepEqual((await it.table("orders__lines__d")).map((row) => row.slice(-8)), [
    "value:1}",
    "value:2}",
    "value:3}",
  ]);
  deepEqual(await it.columns("orders"), ["id BIGINT", "at BIGINT"]);
  // Without them the rows get their arrays again: which are the newer ones?
  succeeded(await it.read([{ ...two, at: 3 }], plain));
  const failed = await it.read([{ ...two, at: 4 }], INCREMENTAL);
  match(messageOf(failed), /raw.orders__lines is there, and "lines" is in the rows of its parent as well/);
  succeeded(await it.read([{ ...two, at: 4 }], INCREMENTAL, { fullRefresh: true }));
});

Deno.test("the contract of a stream is that of its child tables", async () => {
  const rows = (sku: unknown, more: object = {}) => [{ id: 2, at: 2, lines: [{ sku: 5 }, { sku, ...more }] }];
  const first = [{ id: 1, at: 1, lines: [{ sku: 1 }] }];
  const stream = (contract: object) => ({ ...INCREMENTAL, child_tables: ["lines"], contract });
  {
    await using it = await project();
    succeeded(await it.read(first, stream({ columns: "freeze" })));
    match(
      messageOf(await it.read(rows(6, { x: 1 }), stream({ columns: "freeze" }))),
      /orders__lines.*new: x/,
    );
    match(
      messageOf(await it.read(rows("t"), stream({ types: "freeze" }))),
      /orders__lines.*"sku" was BIGINT/,
    );
    equal((await it.table("orders")).length, 1);
    const left = await it.read(rows(6, { x: 1 }), stream({ columns: "discard_value" }));
    succeeded(left);
    match(warningsOf(left).join(), /orders__lines: Column "x": 1 value is not stored/);
  }
  await using it = await project();
  succeeded(await it.read(first, stream({ types: "discard_row" })));
  const step = succeeded(await it.read(rows("t"), stream({ types: "discard_row" })));
  equal(step?.rejects, 1);
  deepEqual(await it.table("orders__lines"), [
    "{_parent_id:1,_index:0,sku:1}",
    "{_parent_id:2,_index:0,sku:5}",
  ]);
  // A row of the stream itself that is set aside takes its children with it.
  succeeded(
    await it.read([{ id: 3, at: 3, lines: [{ sku: 8 }], x: 1 }, { id: 4, at: 3 }], {
      ...stream({ columns: "discard_row" }),
    }),
  );
  deepEqual((await it.table("orders")).length, 3);
  deepEqual((await it.table("orders__lines")).length, 2);
  const rejects = await it.jobs.rows(
    `SELECT reason, "row"::VARCHAR AS row FROM _sluice.rejects ORDER BY run_id`,
  );
  match(String(rejects[0]?.["reason"]), /^orders__lines: column "sku" is ""t"", expected BIGINT/);
  deepEqual(JSON.parse(String(rejects[1]?.["row"])).lines, [{ sku: 8 }], "as it came");
});

Deno.test("what is no array, and names that child tables need, fail the stream", async () => {
  await using it = await project();
  const read = async (row: object, path = "lines") =>
    messageOf(await it.read([{ id: 1, ...row }, { id: 2, lines: [1] }], { child_tables: [path] }));
  match(await read({ lines: { a: 1 } }), /"lines" is no array: "lines" is JSON/);
  match(await read({ a: "text" }, "a"), /"a" is no array: "a" is VARCHAR/);
  match(await read({ a: [{ b: 1 }] }, "a.b"), /"a.b" is no array: "a" is STRUCT/);
  match(await read({ a: [{ _sluice_index: 1 }] }, "a"), /have a field "_sluice_index"/);
  // Lists of different things are still lists.
  equal(await read({ lines: [[1], { a: 1 }] }), "no error");
  ok((await it.table("orders__lines")).length === 3);
});
