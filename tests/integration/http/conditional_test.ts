import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import type { JsonValue } from "../../../contract/json.ts";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import { failureOf, LocalServer, readEndpoint, type ReadOptions } from "../../support/api_bench.ts";
import { attemptInProcess, succeed, type WorkerProject } from "../../support/worker_process.ts";

/** Conditional requests: what a server says has not changed is not read again, and nothing else is left unread. */

interface Page {
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Served extends AsyncDisposable {
  readonly url: string;
  /** By path and query; changed by tests. */
  readonly pages: Map<string, Page>;
  /** `200 /v1/x` of each answer. */
  readonly log: string[];
  readonly seen: IncomingHttpHeaders[];
}

/** A server that honours ETags, and times of change where a page has one in its headers. */
async function serve(pages: Readonly<Record<string, Page>>, isLiar = false): Promise<Served> {
  const all = new Map(Object.entries(pages));
  const log: string[] = [];
  const seen: IncomingHttpHeaders[] = [];
  const server = await LocalServer.http((request, response) => {
    const path = request.url ?? "/";
    const page = all.get(path);
    const text = JSON.stringify(page?.body ?? null);
    const etag = page?.headers?.["etag"] ??
      `"${text.length}-${Array.from(text).reduce((n, c) => (n * 31 + c.charCodeAt(0)) % 1e9, 7)}"`;
    const modified = page?.headers?.["last-modified"];
    const headers = {
      ...(modified === undefined ? { etag } : {}),
      ...page?.headers,
      "content-type": "application/json",
    };
    seen.push(request.headers);
    const isSame = modified === undefined
      ? request.headers["if-none-match"] === etag
      : request.headers["if-modified-since"] === modified;
    const status = page === undefined ? 404 : isLiar || isSame ? 304 : 200;
    log.push(`${status} ${path}`);
    response.writeHead(status, headers).end(status === 304 ? undefined : text);
  });
  return {
    url: `${server.url}/v1`,
    pages: all,
    log,
    seen,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Reads, and returns what may be asked with next time, and whether nothing had changed. */
async function read(url: string, endpoint: unknown, options: ReadOptions = {}) {
  let validators: JsonValue | undefined;
  let isUnchanged = false;
  const rows = await readEndpoint(url, endpoint, {
    ...options,
    onScan: (scan) => {
      validators = scan.validators;
      isUnchanged = scan.isUnchanged === true;
    },
  });
  return { rows, isUnchanged, ...(validators === undefined ? {} : { validators }) };
}

const LINKED = { path: "items", paginator: { type: "json_link" }, data_selector: "data" };

Deno.test("all pages are asked whether they are what they were, and read anew where one is not", async () => {
  const page = (ids: readonly number[], next: string | null): Page => ({
    body: { data: ids.map((id) => ({ id })), next },
  });
  await using api = await serve({
    "/v1/items": page([1, 2], "/v1/items?page=2"),
    "/v1/items?page=2": page([3], null),
  });
  const first = await read(api.url, LINKED);
  equal(first.rows.length, 3);
  const again = await read(api.url, LINKED, { validators: first.validators ?? null });
  deepEqual([again.isUnchanged, again.rows.length, again.validators], [true, 0, first.validators]);
  deepEqual(api.log.splice(0), [
    "200 /v1/items",
    "200 /v1/items?page=2",
    "304 /v1/items",
    "304 /v1/items?page=2",
  ]);
  api.pages.set("/v1/items?page=2", page([3, 4], null));
  const changed = await read(api.url, LINKED, { validators: first.validators ?? null });
  deepEqual([changed.isUnchanged, changed.rows.length], [false, 4]);
  deepEqual(api.log.splice(0), [
    "304 /v1/items",
    "200 /v1/items?page=2",
    "200 /v1/items",
    "200 /v1/items?page=2",
  ]);
  deepEqual(api.seen.slice(-2).map((headers) => headers["if-none-match"]), [undefined, undefined]);
  // A page that is gone, another user, another address: nothing of before is believed.
  api.pages.delete("/v1/items?page=2");
  api.pages.set("/v1/items", page([1], null));
  const validators = changed.validators ?? null;
  equal((await read(api.url, LINKED, { validators })).rows.length, 1);
  api.log.splice(0);
  const { validators: one = null } = await read(api.url, LINKED);
  const other = { auth: { type: "bearer", token: "another" } };
  for (const [endpoint, config] of [[LINKED, other], [{ ...LINKED, params: { q: 1 } }, {}]] as const) {
    if (endpoint !== LINKED) api.pages.set("/v1/items?q=1", page([7], null));
    equal((await read(api.url, endpoint, { validators: one, config })).isUnchanged, false);
  }
  deepEqual(api.log, ["200 /v1/items", "200 /v1/items", "200 /v1/items?q=1"], "no condition was sent");
});

Deno.test("only what is told by a validator is left unread", async () => {
  const day = "Thu, 01 Jan 2026 00:00:00 GMT";
  const path = (name: string, more: object = {}) => ({
    path: name,
    paginator: { type: "single_page" },
    ...more,
  });
  const cases: readonly (readonly [name: string, endpoint: object, page: Page, isTold: boolean])[] = [
    ["a weak ETag is the server's word", path("a"), { body: [{ id: 1 }], headers: { etag: 'W/"1"' } }, true],
    ["what is no ETag", path("a"), { body: [{ id: 1 }], headers: { etag: "1" } }, false],
    ["a time of change", path("a"), { body: [{ id: 1 }], headers: { "last-modified": day } }, true],
    [
      "a time of just now",
      path("a"),
      { body: [{ id: 1 }], headers: { "last-modified": new Date().toUTCString() } },
      false,
    ],
    ["a body", path("a", { method: "POST", json: {} }), { body: [{ id: 1 }] }, false],
    ["links in headers, of a page that may be full", { path: "a" }, { body: [{ id: 1 }] }, false],
    ["of one that is not", { path: "a?per_page=2" }, { body: [{ id: 1 }] }, true],
    ["of one that is", { path: "a?per_page=1" }, { body: [{ id: 1 }] }, false],
  ];
  for (const [name, endpoint, page, isTold] of cases) {
    const address = "path" in endpoint && typeof endpoint.path === "string" ? endpoint.path : "";
    await using api = await serve({ [`/v1/${address}`]: page });
    const { validators } = await read(api.url, endpoint);
    equal(validators !== undefined, isTold, name);
    if (validators === undefined) continue;
    equal((await read(api.url, endpoint, { validators })).isUnchanged, true, name);
  }
  // Pages behind links in headers: the last is shorter than those before it.
  await using linked = await serve({
    "/v1/a": { body: [{ id: 1 }, { id: 2 }], headers: { link: '</v1/a?page=2>; rel="next"' } },
    "/v1/a?page=2": { body: [{ id: 3 }] },
  });
  ok((await read(linked.url, { path: "a" })).validators !== undefined);
  // Behind a redirect lies another resource.
  await using moved = await LocalServer.http((request, response) => {
    if (request.url === "/v1/a") response.writeHead(302, { location: "/v1/b" }).end();
    else response.writeHead(200, { etag: '"1"', "content-type": "application/json" }).end("[]");
  });
  equal((await read(`${moved.url}/v1`, path("a"))).validators, undefined);
});

Deno.test("a server that says of what nobody asked that it has not changed fails the read", async () => {
  await using api = await serve({ "/v1/items": { body: [{ id: 1 }] } }, true);
  match((await failureOf(readEndpoint(api.url, "items"))).message, /answered 304/);
});

Deno.test("a run keeps the rows that have not changed, also where the one before it was killed", async () => {
  const items = (...ids: number[]): Page => ({
    body: { data: ids.map((id) => ({ id, lines: [id] })), next: null },
  });
  await using api = await serve({ "/v1/items": items(1, 2) });
  const folder = await Deno.makeTempDir({ prefix: "sluice-conditional-" });
  await using _folder = { [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
  const project = (more: object = {}): WorkerProject => ({
    folder,
    privateHosts: ["127.0.0.1"],
    connectors: { api: { type: "http", base_url: api.url } },
    pipeline: {
      extract: {
        items: { connector: "api", endpoint: LINKED, primary_key: ["id"], child_tables: ["lines"], ...more },
      },
    },
  });
  const ids = async () => {
    await using database = await openDatabase({
      path: join(folder, "data/p.duckdb"),
      allowedDirectories: [],
    });
    await using session = await database.session();
    return (await session.rows("SELECT id FROM raw.items ORDER BY 1")).map(({ id }) => id);
  };
  let run = 0;
  const attempt = async (it: WorkerProject) => {
    const { steps, log } = await succeed(it, { runId: `r${++run}`, attempt: 1, models: {} });
    return {
      step: steps.get("extract:items"),
      log: log.join("\n"),
      asked: api.log.splice(0).map((line) => line.slice(0, 3)),
    };
  };
  // Nothing of a read that did not commit is believed.
  const died = await attemptInProcess(project(), {
    runId: "r1",
    attempt: 1,
    models: {},
    dieAt: "extract:items before commit",
  });
  equal(died.signal, "SIGKILL");
  api.log.splice(0);
  run = 1;
  deepEqual((await attempt(project())).asked, ["200"]);
  const kept = await attempt(project());
  deepEqual(kept.asked, ["304"]);
  deepEqual([kept.step?.state, kept.step?.rows, kept.step?.unchanged], ["succeeded", 0, true]);
  match(kept.log, /Nothing has changed on 1 page, 1 request/);
  deepEqual(await ids(), [1, 2]);
  // Other columns, and a new version at the source.
  deepEqual((await attempt(project({ rename: { lines: "parts" }, child_tables: ["parts"] }))).asked, ["200"]);
  api.pages.set("/v1/items", items(1, 2, 3));
  deepEqual((await attempt(project({ rename: { lines: "parts" }, child_tables: ["parts"] }))).asked, [
    "200",
    "200",
  ]);
  deepEqual(await ids(), [1, 2, 3]);
});
