import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { AuditEntry } from "../../../../contract/audit/entry.ts";
import { type AuditLine, hashOf } from "../../../../contract/audit/line.ts";
import { ApiFixture } from "./api_fixture.ts";

const BASE: AuditEntry = { action: "sign_in", actor: { id: "u1", name: "ann", kind: "person" } };

async function withLines(work: (api: ApiFixture) => Promise<void>): Promise<void> {
  await using api = await ApiFixture.create();
  const entries: AuditEntry[] = [
    BASE,
    { ...BASE, actor: { id: null, name: '=cmd|"x"!A1', kind: "unknown" }, outcome: "refused" },
    { ...BASE, action: "run.start", pipeline: "orders", target: { kind: "run", name: "r1" } },
    { ...BASE, action: "run.end", pipeline: "orders", details: { text: 'a,"b"\n' } },
  ];
  await api.store.audit.append(entries.map((entry, n) => ({ entry, atMs: api.clock.now() + n })));
  await work(api);
}

async function get(api: ApiFixture, path: string): Promise<{ body: AuditLine[]; next: string | undefined }> {
  const response = await api.ask(path, { as: "admin" });
  strictEqual(response.status, 200);
  const next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
  return { body: await response.json(), next };
}

Deno.test("GET /api/audit gives pages, the newest first, of what fits, whose hashes anybody can make", async () => {
  await withLines(async (api) => {
    const first = await get(api, "/api/audit?limit=3");
    deepStrictEqual(first.body.map(({ seq }) => seq), [4, 3, 2]);
    deepStrictEqual((await get(api, first.next ?? "")).body.map(({ seq }) => seq), [1]);
    for (const line of first.body) strictEqual(hashOf(line), line.hash);
    deepStrictEqual((await get(api, "/api/audit?action=run.*&pipeline=orders")).body.length, 2);
    deepStrictEqual((await get(api, "/api/audit?outcome=refused")).body.length, 1);
    for (const query of ["outcome=no", "since=never", "sql=1"]) {
      strictEqual((await api.ask(`/api/audit?${query}`, { as: "admin" })).status, 400, query);
    }
    strictEqual((await api.ask("/api/audit", { as: "engineer" })).status, 403);
  });
});

Deno.test("GET /api/audit/export gives NDJSON, and CSV in which no name is a formula", async () => {
  await withLines(async (api) => {
    const ndjson = await (await api.ask("/api/audit/export", { as: "admin" })).text();
    deepStrictEqual(ndjson.trimEnd().split("\n").map((line) => JSON.parse(line).seq), [1, 2, 3, 4]);
    const response = await api.ask("/api/audit/export?format=csv&text=%3Dcmd", { as: "admin" });
    match(response.headers.get("content-disposition") ?? "", /attachment; filename="audit.csv"/);
    const rows = (await response.text()).split("\r\n");
    strictEqual(rows.length, 3);
    ok(rows[1]?.includes(`"'=cmd|""x""!A1"`), rows[1]);
  });
});

Deno.test("GET /api/audit/verify says whether the log is as it was written, and still has a line", async () => {
  await withLines(async (api) => {
    const verify = async (query: string) =>
      await (await api.ask(`/api/audit/verify${query}`, { as: "admin" })).json();
    const found = await verify("");
    deepStrictEqual([found.ok, found.lines, found.fault], [true, 4, null]);
    strictEqual((await verify(`?expect=${found.last_hash}`)).ok, true);
    strictEqual((await verify(`?expect=${"0".repeat(64)}`)).ok, false);
    strictEqual((await api.ask("/api/audit/verify?expect=x", { as: "admin" })).status, 400);
  });
});
