import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import { warehousePath } from "../../../engine/runs/warehouses/warehouse_file.ts";
import { LocalServer } from "../../support/api_bench.ts";
import { type Outcome, TestProject } from "../../support/test_project.ts";
import { attemptInProcess, succeed } from "../../support/worker_process.ts";

/** Rows that are sent to an API, through whole runs. */

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

type Answer = { readonly status?: number; readonly body?: unknown; readonly cut?: boolean };

/** An API that keeps what it was sent. */
async function startTaker(answer: (sent: Sent, count: number) => Answer) {
  const sent: Sent[] = [];
  const server = await LocalServer.http((request, response) => {
    let body = "";
    request.on("data", (piece) => body += piece);
    request.on("end", () => {
      const { method = "", url: path = "", headers } = request;
      const one = { method, path, headers, body };
      sent.push(one);
      const { status = 200, body: told = {}, cut = false } = answer(one, sent.length);
      if (cut) request.socket.destroy();
      else response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(told));
    });
  });
  return Object.assign(server, { sent });
}

const keysOf = (sent: readonly Sent[]) => sent.map(({ headers }) => headers["idempotency-key"]);

async function run(url: string, load: string, sql: string): Promise<{ outcome: Outcome; rejects: string[] }> {
  await using project = await TestProject.create({
    "policy.yaml": 'private_hosts_allow: ["127.0.0.1"]\n',
    "connectors.yaml":
      `api: { type: http, base_url: "${url}/v1", auth: { type: bearer, token: t0ken } }\nfiles: { type: file }\n`,
    "a.csv": "x\n1\n",
    "pipelines/p.yaml":
      `extract:\n  a: { connector: files, path: a.csv }\nload:\n  rows: { connector: api, mode: append, ${load} }\n`,
    "transforms/p/rows.sql": `-- ---\n-- depends: [raw.a]\n-- ---\n${sql}\n`,
  });
  const env = { SLUICE_POLICY: `${project.projectDir}/policy.yaml` };
  const outcome = await project.sluice("run", ["p"], env);
  return { outcome, rejects: await rejectsOf(project.dataDir) };
}

async function rejectsOf(dataDir: string): Promise<string[]> {
  await using database = await openDatabase({
    path: warehousePath(dataDir, "p"),
    allowedDirectories: [],
    threads: 2,
  });
  await using session = await database.session();
  const rows = await session.rows(
    `SELECT concat(position, ': ', reason, ': ', "row") AS told FROM _sluice.rejects
      WHERE stream = 'load:rows→api' ORDER BY position`,
  );
  return rows.map(({ told }) => String(told));
}

Deno.test("a load sends its rows to an API in lists, with every digit", async () => {
  await using api = await startTaker((_, count) => count === 1 ? { status: 503 } : { status: 201 });
  const { outcome } = await run(
    api.url,
    "endpoint: { path: contacts, batch: 2, json: { source: sluice }, records_path: data.records }",
    `SELECT * FROM (VALUES
       (1, 9007199254740993::BIGINT, 0.10::DECIMAL(38,2), TIMESTAMPTZ '2026-01-02 03:04:05.000006+00', '\\x00\\xFF'::BLOB, {a: [1, NULL]}, 170141183460469231731687303715884105727::HUGEINT, 340282366920938463463374607431768211455::UHUGEINT, 'é"'),
       (2, NULL, -1, NULL, NULL, NULL, -1, 0, ''),
       (3, 3, 3, NULL, NULL, NULL, 3, 0, 'x')) AS t(id, big, amount, seen, bytes, nested, huge, unsigned, "a text") ORDER BY id`,
  );
  equal(outcome.code, 0, outcome.stdout + outcome.stderr);
  const [first, again, second, ...more] = api.sent;
  deepEqual(more, []);
  equal(
    again?.body,
    '{"source":"sluice","data":{"records":[{"id":1,"big":9007199254740993,"amount":0.10,' +
      '"seen":"2026-01-02T03:04:05.000006Z","bytes":"AP8=","nested":{"a":[1,null]},' +
      '"huge":170141183460469231731687303715884105727,"unsigned":340282366920938463463374607431768211455,"a text":"é\\""},' +
      '{"id":2,"big":null,"amount":-1.00,"seen":null,"bytes":null,"nested":null,"huge":-1,"unsigned":0,"a text":""}]}}',
  );
  deepEqual([first?.body, keysOf([first, again].flatMap((one) => one ?? []))[0]], [
    again?.body,
    again?.headers["idempotency-key"],
  ]);
  equal(new Set(keysOf(api.sent)).size, 2);
  deepEqual([again?.method, again?.path, again?.headers.authorization, again?.headers["content-type"]], [
    "POST",
    "/v1/contacts",
    "Bearer t0ken",
    "application/json",
  ]);
  match(second?.body ?? "", /^\{"source":"sluice","data":\{"records":\[\{"id":3,/);
});

Deno.test("rows of a batch that is rejected are tried down to those that are not wanted, which are kept", async () => {
  await using api = await startTaker(({ body }) => {
    const bad = JSON.parse(body).find(({ id }: { id: number }) => id % 5 === 0);
    return bad === undefined ? {} : { status: 422, body: { error: `${bad.id} is\u0000 no 'id'` } };
  });
  const { outcome, rejects } = await run(
    api.url,
    "primary_key: [id], max_rejects: 2, endpoint: { path: contacts, batch: 8 }",
    "SELECT i AS id, 9007199254740993 AS big FROM range(1, 12) AS r(i)",
  );
  equal(outcome.code, 0, outcome.stdout + outcome.stderr);
  match(outcome.stdout + outcome.stderr, /Rejected: id 5: 422: 5 is no 'id'/);
  match(outcome.stdout + outcome.stderr, /load:rows→api +11 rows +2 rejects/);
  const taken = api.sent.map(({ body }) => JSON.parse(body).map(({ id }: { id: number }) => id))
    .filter((ids) => ids.every((id: number) => id % 5 !== 0)).flat();
  deepEqual(taken.toSorted((a, b) => a - b), [1, 2, 3, 4, 6, 7, 8, 9, 11]);
  equal(new Set(keysOf(api.sent)).size, api.sent.length);
  equal(rejects.length, 2);
  equal(rejects[0], `id 10: 422: 10 is no 'id': {"id":10,"big":9007199254740993}`);
});

Deno.test("more rejected rows than max_rejects fail the load, with the rows and the reasons", async () => {
  await using api = await startTaker(({ path }) => ({ status: path.endsWith("/2") ? 400 : 204 }));
  const { outcome, rejects } = await run(
    api.url,
    'primary_key: [id], endpoint: { path: "contacts/{row.id}", method: PUT }',
    "SELECT unnest([1, 2, 3]) AS id",
  );
  equal(outcome.code, 1);
  match(
    outcome.stdout + outcome.stderr,
    /1 of 2 rows were rejected \(max_rejects is 0\), the rows behind them were not sent: id 2: the server answered 400/,
  );
  deepEqual(api.sent.map(({ method, path }) => `${method} ${path}`), [
    "PUT /v1/contacts/1",
    "PUT /v1/contacts/2",
  ]);
  equal(rejects.length, 1);
});

Deno.test("a row's address is encoded, and a row without one is rejected and not sent", async () => {
  await using api = await startTaker(({ path }) => path.includes("gone") ? { status: 404 } : { status: 200 });
  const { outcome, rejects } = await run(
    api.url,
    'max_rejects: 50%, endpoint: { path: "c/{row.name}", method: DELETE, params: { of: "{row.of}" } }',
    "SELECT unnest(['a/b', '..', NULL, 'gone', '?x']) AS name, 'é&' AS of",
  );
  equal(outcome.code, 0, outcome.stdout + outcome.stderr);
  deepEqual(api.sent.map(({ path, body }) => `${path} ${body}`), [
    "/v1/c/a%2Fb?of=%C3%A9%26 ",
    "/v1/c/gone?of=%C3%A9%26 ",
    "/v1/c/%3Fx?of=%C3%A9%26 ",
  ]);
  match(rejects.join("\n"), /row 2: its name is "\.\.", which cannot/);
  match(rejects.join("\n"), /row 3: its name is NULL/);
});

Deno.test("results say what became of each row, and those to be tried later are", async () => {
  let busy = true;
  await using api = await startTaker(({ body }) => {
    const items = JSON.parse(body).map(({ id }: { id: number }) => {
      if (id === 2) return { status: 409, error: { message: "there is one" } };
      if (id !== 3 || !busy) return { status: 201 };
      busy = false;
      return { status: 429, error: "slower" };
    });
    return { status: 207, body: { items } };
  });
  const { outcome, rejects } = await run(
    api.url,
    "max_rejects: 1, endpoint: { path: bulk, batch: 10, results: { selector: items, status_path: status, error_path: error } }",
    "SELECT unnest([1, 2, 3]) AS id",
  );
  equal(outcome.code, 0, outcome.stdout + outcome.stderr);
  deepEqual(api.sent.map(({ body }) => body), ['[{"id":1},{"id":2},{"id":3}]', '[{"id":3}]']);
  match(rejects.join("\n"), /row 2: 409: there is one/);
});

Deno.test("several requests go on at a time where parallel says so", async () => {
  const ids: number[] = [];
  const waiting: (() => void)[] = [];
  // No request is answered before another one is there.
  await using api = await LocalServer.http((request, response) => {
    let body = "";
    request.on("data", (piece) => body += piece);
    request.on("end", () => {
      const { id } = JSON.parse(body);
      ids.push(id);
      waiting.push(() => response.writeHead(id === 3 ? 422 : 201).end("{}"));
      if (waiting.length === 2) { for (const answer of waiting.splice(0)) answer(); }
    });
  });
  const { outcome, rejects } = await run(
    api.url,
    "endpoint: { path: contacts, parallel: 2 }, max_rejects: 1",
    "SELECT i AS id FROM range(1, 5) AS t(i) ORDER BY i",
  );
  equal(outcome.code, 0, outcome.stdout + outcome.stderr);
  deepEqual(ids.toSorted(), [1, 2, 3, 4]);
  equal(rejects.length, 1);
  match(rejects[0] ?? "", /row 3: the server answered 422: \{"id":3\}/);
});

Deno.test("a load that is killed between two batches sends the same rows under the same keys again", async () => {
  await using api = await startTaker((_, count) => ({ cut: count === 2 }));
  const folder = await Deno.makeTempDir({ prefix: "sluice-load-" });
  try {
    const project = {
      folder,
      connectors: { api: { type: "http", base_url: api.url }, db: { type: "sqlite", path: "s.sqlite" } },
      pipeline: { load: { m: { connector: "api", mode: "append", endpoint: { path: "c", batch: 2 } } } },
      privateHosts: ["127.0.0.1"],
    };
    const models = { m: "SELECT i AS id FROM range(7) AS r(i)" };
    const request = { runId: "run-1", models };
    const died = await attemptInProcess(project, {
      ...request,
      attempt: 1,
      dieAt: "load:m→api while staging",
    });
    equal(died.signal, "SIGKILL");
    const before = [...api.sent];
    equal(before.length, 1);
    const { steps } = await succeed(project, { ...request, attempt: 2 });
    const after = api.sent.slice(1);
    deepEqual(after.map(({ body }) => body), [
      // The first answer to it was cut.
      '[{"id":0},{"id":1}]',
      '[{"id":0},{"id":1}]',
      '[{"id":2},{"id":3}]',
      '[{"id":4},{"id":5}]',
      '[{"id":6}]',
    ]);
    deepEqual(keysOf(after)[0], keysOf(before)[0]);
    equal(new Set(keysOf(api.sent)).size, 4);
    const { rows, rejects } = steps.get("load:m→api") ?? {};
    deepEqual([rows, rejects], [7, 0]);
    ok(keysOf(api.sent).every((key) => /^[0-9a-f]{64}$/.test(String(key))));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("check says what a load into an API cannot do", async () => {
  const faults = {
    "mode: replace, endpoint: c": /"api" \(http\) does not offer mode replace: use append/,
    "mode: append, verify: true, endpoint: c": /cannot read back exactly/,
    "mode: append, pre_sql: x, endpoint: c": /an API runs no SQL/,
    'mode: append, endpoint: { path: "c/{row.id}", batch: 2 }': /is for one row a request: leave batch out/,
    "mode: append, endpoint: { path: c, json: { a: 1 } }": /say by records_path/,
  };
  const pipelines = Object.keys(faults).map((load, index) => [
    `pipelines/p${index}.yaml`,
    `extract:\n  a: { connector: files, path: a.csv }\nload:\n  a: { connector: api, ${load} }\n`,
  ]);
  await using project = await TestProject.create({
    "connectors.yaml": 'api: { type: http, base_url: "https://api.example.com" }\nfiles: { type: file }\n',
    "a.csv": "x\n1\n",
    ...Object.fromEntries(pipelines),
    "pipelines/q.yaml":
      "extract:\n  a: { connector: files, path: a.csv }\nload:\n  a: { connector: files, path: b.csv, max_rejects: 1 }\n",
  });
  const { code, stdout, stderr } = await project.sluice("check");
  equal(code, 2);
  for (const expected of Object.values(faults)) match(stdout + stderr, expected);
  match(stdout + stderr, /takes all rows of a load or none: leave max_rejects out/);
});
