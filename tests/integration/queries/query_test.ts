import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import type { QueryResult } from "../../../contract/queries/query.ts";
import { copyFirstRelease } from "../../support/first_release.ts";
import { onTerminal } from "../../support/pty.ts";
import { ENDLESS, ONE_THREAD, Served } from "../../support/served_project.ts";
import { sluiceArgs, TOKEN } from "../../support/sluice_server.ts";

const FILES = {
  "connectors.yaml": "files: { type: file }\n",
  "pipelines/shop.yaml":
    `${ONE_THREAD}extract: { orders: { connector: files, path: orders.csv } }\npublish: [total]\n`,
  "pipelines/payroll.yaml": "extract: { salaries: { connector: files, path: orders.csv } }\n",
  "orders.csv": "id,amount\n1,10\n2,20\n3,30\n",
  "transforms/shop/total.sql": "SELECT count(*) AS n, sum(amount) AS total FROM raw.orders",
};

interface Problem {
  readonly detail: string;
  readonly faults?: readonly { readonly line?: number; readonly column?: number }[];
}

class Asking implements AsyncDisposable {
  readonly served: Served;

  private constructor(served: Served) {
    this.served = served;
  }

  static async create(): Promise<Asking> {
    return new Asking(await Served.start(FILES));
  }

  async query(
    body: object,
    token = TOKEN,
    status = 200,
    signal?: AbortSignal,
  ): Promise<QueryResult & Problem> {
    const response = await fetch(`${this.served.server.url}/api/query`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      ...(signal === undefined ? {} : { signal }),
    });
    const answer: QueryResult & Problem = await response.json();
    equal(response.status, status, JSON.stringify(answer));
    return answer;
  }

  async token(name: string, body: object): Promise<string> {
    const { server } = this.served;
    return (await server.call<{ token: string }>("POST", "/api/tokens", { name, ...body }, [201])).token;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.served[Symbol.asyncDispose]();
  }
}

Deno.test("queries of a server read copies, as far as who asks may look at rows, and never wait for a run", async () => {
  await using asking = await Asking.create();
  const { served } = asking;
  const { server, project } = served;
  await served.succeed("shop");
  await served.succeed("payroll");
  const operator = await asking.token("ops", { role: "operator", scopes: { pipelines: ["shop"] } });

  // No copy is kept yet, and a run is under way: what is published can be read.
  await project.write({ "transforms/shop/endless.sql": ENDLESS });
  await server.call("POST", "/api/apply");
  const { id } = await server.trigger("shop");
  await served.untilRunning(id, "model:endless");
  const published = await asking.query({ sql: "SELECT total FROM total", pipeline: "shop" }, operator);
  deepEqual([published.rows, published.sources.map(({ of }) => of)], [[["60"]], ["snapshots"]]);
  match(
    (await asking.query({ sql: "FROM raw.orders", pipeline: "shop" }, operator, 400)).detail,
    /raw\.orders" does not exist/,
  );
  await served.cancel(id);

  const sql = "SELECT t.n, s.n AS others FROM total t, (SELECT count(*) AS n FROM payroll.raw.salaries) s";
  const both = await asking.query({ sql, pipeline: "shop" });
  deepEqual(both.rows, [["3", "3"]]);
  deepEqual(both.sources.map(({ pipeline, of }) => `${pipeline} ${of}`), [
    "payroll warehouse",
    "shop warehouse",
  ]);
  ok(!Number.isNaN(Date.parse(both.sources[0]?.as_of ?? "")));
  const [line] = await server.call<{ action: string; pipeline: string; details: Record<string, unknown> }[]>(
    "GET",
    "/api/audit?action=data.view",
  );
  deepEqual([line?.pipeline, line?.details], ["shop", {
    what: "query",
    sql,
    pipelines: ["payroll", "shop"],
  }]);

  // Another run: rows are those from before it.
  const next = await server.trigger("shop");
  await served.untilRunning(next.id, "model:endless");
  const stale = await asking.query({ sql: "SELECT count(*) FROM raw.orders", pipeline: "shop" }, operator);
  deepEqual([stale.rows, stale.sources], [[["3"]], both.sources.slice(1)]);
  await served.cancel(next.id);

  const fault = await asking.query({ sql: "SELECT n,\n  totl FROM total", pipeline: "shop" }, operator, 400);
  deepEqual([fault.faults?.[0]?.line, fault.faults?.[0]?.column], [2, 3]);
  match(
    (await asking.query({ sql, pipeline: "shop" }, operator, 400)).detail,
    /there is no pipeline payroll with tables/,
  );
  await asking.query({ sql: "SELECT 1", pipeline: "payroll" }, operator, 404);
  await asking.query({ sql: "SELECT 1" }, await asking.token("viewer", { role: "viewer" }), 403);
  match(
    (await asking.query({ sql: "DROP TABLE total", pipeline: "shop" }, TOKEN, 400)).detail,
    /expected one SELECT/,
  );
  await asking.query({ sql: "SELECT 1", limit: 0 }, TOKEN, 400);

  // Who goes away leaves nothing at work: the next ones get their turns.
  const leaving = new AbortController();
  const left = Array.from({ length: 4 }, () => asking.query({ sql: ENDLESS }, TOKEN, 200, leaving.signal));
  setTimeout(() => leaving.abort(), 1_000);
  for (const outcome of await Promise.allSettled(left)) equal(outcome.status, "rejected");
  deepEqual((await asking.query({ sql: "SELECT 42 AS n" })).rows, [["42"]]);
});

Deno.test("sluice query asks by argument, file, stdin and at a prompt", async () => {
  await using asking = await Asking.create();
  const { served } = asking;
  const { project } = served;
  await served.succeed("shop");
  const query = async (code: number, ...args: readonly string[]) => {
    const outcome = await project.sluice("query", args);
    equal(outcome.code, code, outcome.stderr);
    return outcome;
  };
  const one = await query(0, "shop", "SELECT * FROM total");
  equal(one.stdout, "n  total\n3     60\n");
  match(one.stderr, /^1 row in \S+ \S+; shop as of [-0-9]{10} [0-9:]{8} UTC\n$/);
  await Deno.writeTextFile(
    join(project.folder, "two.sql"),
    "-- two\nSELECT n FROM total;\nSELECT nn\nFROM total; SELECT 3",
  );
  const two = await query(1, "shop", "--format", "csv", "-f", join(project.folder, "two.sql"));
  equal(two.stdout, "n\n3\n", "what stands behind the one that fails is not asked");
  match(
    two.stderr,
    /error: column "nn" does not exist \(candidates: n\)\n {2}1 \| SELECT nn\n {4}\| {8}\^\n/,
  );
  match((await query(2, "shop")).stderr, /There is no SQL to ask/);
  match((await query(2, "shop", "SELECT 1", "--format", "xls")).stderr, /expected table, json/);
  match((await query(2, "shopp", "SELECT 1")).stderr, /There is no pipeline "shopp" \(did you mean shop\?\)/);
  const json: QueryResult = JSON.parse((await query(0, "shop", "SELECT 1 AS n", "--json")).stdout);
  deepEqual([json.columns, json.rows], [[{ name: "n", type: "INTEGER" }], [["1"]]]);

  const home = join(project.folder, "home");
  await Deno.mkdir(home);
  const { code, seen } = await onTerminal(
    [
      Deno.execPath(),
      ...sluiceArgs("query", "shop", "--project", project.projectDir, "--data", project.dataDir),
    ],
    [
      ["", "shop> "],
      [".tables\r", "raw.orders .*shop> "],
      [".schema total\r", "HUGEINT.*shop> "],
      ["SELECT n, tot", "tot"],
      ["\t", "al"],
      ["\r", "… "],
      ["FROM raw.ord", "ord"],
      ["\u0015", "… "],
      ["FROM total;\r", "60.*as of.*shop> "],
      // Both in one go, as a machine that is busy may deliver them.
      [`${ENDLESS.trim()};\r\u0003`, "error: The query was stopped.*shop> "],
      [`${ENDLESS.trim()};\r`, ";"],
      ["\u0003", "error: The query was stopped.*shop> "],
      ["not SQL", "SQL"],
      ["\u0003", "\\^C.*shop> "],
      ["SELECT chr(27) || '[31mred' AS x;\r", "␛\\[31mred.*shop> "],
      ["\u001b[A", "SELECT chr"],
      ["\u0003", "\\^C.*shop> "],
      ["\\d total\r", "HUGEINT.*shop> "],
      [".mode record\r", "shop> "],
      ["SELECT * FROM total;\r", "-- 1 --\r\nn +\\| 3\r\ntotal \\| 60.*shop> "],
      [`.output ${join(project.folder, "rows.csv")}\r`, "shop> "],
      [".format csv\r", "shop> "],
      ["SELECT n, 'é' AS x FROM total;\r", "1 row.*shop> "],
      ["SELECT 1 AS token WHERE 'a' = 'a';\r", "1 row.*shop> "],
      [" SELECT 'private' AS p;\r", "1 row.*shop> "],
      [".output\r", "shop> "],
      [".output /nowhere/at/all\r", "Cannot write /nowhere/at/all.*shop> "],
      [".nope\r", "There is no .nope.*shop> "],
      ["\u0004", ""],
    ],
    { HOME: home },
  );
  equal(code, 0, seen);
  deepEqual((await Deno.readTextFile(join(home, ".sluice_query_history"))).trim().split("\n"), [
    ".tables",
    ".schema total",
    "SELECT n, total FROM total;",
    `${ENDLESS.trim()};`,
    `${ENDLESS.trim()};`,
    "SELECT chr(27) || '[31mred' AS x;",
    "\\d total",
    ".mode record",
    "SELECT * FROM total;",
    `.output ${join(project.folder, "rows.csv")}`,
    ".format csv",
    "SELECT n, 'é' AS x FROM total;",
    ".output",
  ], "what may be secret is not kept");
  equal(await Deno.readTextFile(join(project.folder, "rows.csv")), "n,x\n3,é\ntoken\n1\np\nprivate\n");
});

Deno.test("a prompt over a data folder of an older version brings it up to date, where nobody else is at work", async () => {
  const { project: release } = await copyFirstRelease();
  await using _ = release;
  const { code, seen } = await onTerminal(
    [
      Deno.execPath(),
      ...sluiceArgs("query", "--project", release.projectDir, "--data", release.dataDir),
    ],
    [["", "\\w> "], ["SELECT 40 + 2 AS n;\r", "42.*\\w> "], ["\u0004", ""]],
    { HOME: release.folder },
  );
  equal(code, 0, seen);
});
