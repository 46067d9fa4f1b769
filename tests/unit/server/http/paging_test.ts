import assert from "node:assert/strict";
import { ApiFixture } from "./api_fixture.ts";

/** The items of all pages, as the Link headers go from one to the next, and how many each has. */
async function follow(api: ApiFixture, path: string): Promise<{ items: unknown[]; sizes: number[] }> {
  const items: unknown[] = [];
  const sizes: number[] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const response = await api.ask(next, { as: "admin" });
    const page: unknown = await response.json();
    assert.equal(response.status, 200, JSON.stringify(page));
    assert.ok(Array.isArray(page));
    items.push(...page);
    sizes.push(page.length);
    next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
  }
  return { items, sizes };
}

const LISTS = [
  "/api/pipelines",
  "/api/pipelines/flights/tables",
  "/api/pipelines/flights/streams",
  "/api/pipelines/flights/loads",
  "/api/pipelines/flights/rejects",
  "/api/runs?pipeline=orders",
  "/api/problems",
  "/api/deliveries",
  "/api/notifiers",
  "/api/connectors",
  "/api/tokens",
];

Deno.test("each list goes on by its Link header until all of it was there", async () => {
  await using api = await ApiFixture.create();
  for (const path of LISTS) {
    const all = await api.ask(path, { as: "admin" });
    assert.equal(all.headers.get("link"), null, path);
    const expected = await all.json();
    const join = path.includes("?") ? "&" : "?";
    const { items, sizes } = await follow(api, `${path}${join}limit=2`);
    assert.deepEqual(items, expected, path);
    assert.equal(sizes.length, Math.max(1, Math.ceil(items.length / 2)), path);
    if (expected.length > 2) assert.equal(sizes[0], 2);
  }
});

Deno.test("a run's log goes on by its Link header, from where `after` began", async () => {
  await using api = await ApiFixture.create();
  const [run] = await api.engine.listRuns({ state: "failed" });
  for (let index = 0; index < 5; index++) api.engine.addLog(run?.id ?? "", { message: `line ${index}` });
  const path = `/api/runs/${run?.id}/logs`;
  const { items } = await follow(api, `${path}?limit=2`);
  assert.deepEqual(items, await (await api.ask(path, { as: "viewer" })).json());
  const second = await follow(api, `${path}?limit=2&after=1`);
  assert.deepEqual(second.items, items.slice(1));
});

Deno.test("before is still known for runs, and a cursor that no page has given is refused", async () => {
  await using api = await ApiFixture.create();
  const runs = await api.engine.listRuns({ limit: 3 });
  for (const name of ["before", "cursor"]) {
    const page = await (await api.ask(`/api/runs?limit=1&${name}=${runs[0]?.id}`, { as: "viewer" })).json();
    assert.deepEqual(page, runs.slice(1, 2));
  }
  for (const path of ["pipelines", "runs", "problems", "tokens", `runs/${runs[0]?.id}/logs`]) {
    const response = await api.ask(`/api/${path}?cursor=nobody`, { as: "admin" });
    assert.equal(response.status, 422, path);
    assert.equal((await response.json()).reason, "unknown_cursor");
  }
});
