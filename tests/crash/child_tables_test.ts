import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { openDatabase } from "../../engine/duckdb/database.ts";
import { attemptInProcess, succeed, type WorkerProject } from "../support/worker_process.ts";

/**
 * A run's process dies at each point of an extract with child tables: before the commit all tables are as they were, behind
 * it all have what was read, and the next attempt leaves exactly the rows of its read.
 */

const POINTS = { full: ["before commit"], incremental: ["after read", "after commit"] } as const;

/** Order 1 shrinks from round to round, order 2 has its lines every other round, and each round has an order of its own. */
const ordersOf = (round: number) => [
  {
    id: 1,
    at: round,
    lines: Array.from({ length: 5 - round }, (_, i) => ({ sku: `r${round}-${i}`, n: [i, round] })),
  },
  { id: 2, at: round, lines: round % 2 === 0 ? [] : [{ sku: "odd", n: [] }] },
  { id: 10 + round, at: round, lines: [{ sku: `own-${round}`, n: [round] }] },
];

/** What the tables hold after the rounds: orders, lines and numbers as `id`, `id sku` and `id index n`. */
function expected(mode: string, rounds: number): string[][] {
  const all = Array.from({ length: rounds }, (_, i) => ordersOf(i + 1));
  const orders = mode === "full"
    ? all.at(-1) ?? []
    : [...new Map(all.flat().map((order) => [order.id, order])).values()];
  return [
    orders.map(({ id }) => `${id}`),
    orders.flatMap(({ id, lines }) => lines.map(({ sku }) => `${id} ${sku}`)),
    orders.flatMap(({ id, lines }) => lines.flatMap(({ n }, at) => n.map((one) => `${id} ${at} ${one}`))),
  ].map((rows) => rows.toSorted());
}

for (const mode of ["full", "incremental"] as const) {
  Deno.test(`a run of mode ${mode} that dies leaves children and parents of one commit`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "sluice-children-" });
    await using _folder = { [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
    const project: WorkerProject = {
      folder,
      connectors: { files: { type: "file" } },
      pipeline: {
        extract: {
          orders: {
            connector: "files",
            path: "orders.ndjson",
            mode,
            primary_key: ["id"],
            ...(mode === "full" ? {} : { update_key: "at" }),
            child_tables: ["lines", "lines.n"],
          },
        },
      },
    };
    const tables = async () => {
      await using database = await openDatabase({
        path: join(folder, "data/p.duckdb"),
        allowedDirectories: [],
      });
      await using session = await database.session();
      const rows = await Promise.all([
        "SELECT id::VARCHAR AS t FROM raw.orders",
        "SELECT concat_ws(' ', _sluice_parent_id, sku) AS t FROM raw.orders__lines",
        "SELECT concat_ws(' ', _sluice_parent_id, _sluice_lines_index, value) AS t FROM raw.orders__lines__n",
      ].map((sql) => session.rows(sql)));
      return rows.map((one) => one.map(({ t }) => String(t)).toSorted());
    };
    let round = 0;
    const write = async () => {
      round += 1;
      await Deno.mkdir(join(folder, "project"), { recursive: true });
      const text = ordersOf(round).map((order) => JSON.stringify(order)).join("\n");
      await Deno.writeTextFile(join(folder, "project/orders.ndjson"), text);
    };
    await write();
    await succeed(project, { runId: "r1", attempt: 1, models: {} });
    deepEqual(await tables(), expected(mode, 1));
    for (const point of POINTS[mode]) {
      await write();
      const request = { runId: `r${round}`, models: {} };
      const died = await attemptInProcess(project, {
        ...request,
        attempt: 1,
        dieAt: `extract:orders ${point}`,
      });
      equal(died.signal, "SIGKILL", `${point}: ${died.log.join("\n")}`);
      deepEqual(await tables(), expected(mode, point === "after commit" ? round : round - 1), point);
      await succeed(project, { ...request, attempt: 2 });
      deepEqual(await tables(), expected(mode, round), point);
    }
  });
}
