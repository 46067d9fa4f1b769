import { deepEqual, equal, match, ok } from "node:assert/strict";
import * as v from "valibot";
import { trafficSchema } from "../../../contract/streams/traffic.ts";
import { startApi } from "../../support/api_bench.ts";
import { LOOPBACK_POLICY } from "../../support/api_project.ts";
import { findSandbox, runScript } from "../../support/script_sandbox.ts";
import { TestProject } from "../../support/test_project.ts";

/** Requests of scripts: counted with their steps, kept to a rate; and the operator's ceilings. */

const stepsSchema = v.object({
  steps: v.array(v.object({ name: v.string(), traffic: v.optional(trafficSchema) })),
});

const GIVE = `
export default async function* (ctx) {
  for (let page = 1; page <= 3;) {
    const answer = await ctx.fetch(ctx.params.url + "/orders?page=" + page);
    if (!answer.ok) continue;
    yield await answer.json();
    page++;
  }
  const moved = await ctx.fetch(ctx.params.url + "/old");
  await moved.text();
}
`;
const TAKE = `
export async function write(batches, ctx) {
  const put = async (path) => (await ctx.fetch(ctx.params.url + path, { method: "POST", body: "1" })).text();
  for await (const batch of batches) await put("/batch?" + batch.length);
  await put("/last");
}
`;

Deno.test("requests of scripts are counted, and wait for the stream's rate_limit", async () => {
  let failures = 0;
  await using api = await startApi((url) => {
    if (url.pathname === "/orders" && url.searchParams.get("page") === "2" && failures++ === 0) {
      return new Response("busy", { status: 503 });
    }
    if (url.pathname === "/old") return new Response(null, { status: 302, headers: { location: "/new" } });
    return [{ id: Number(url.searchParams.get("page")) }];
  });
  const host = new URL(api.url).host;
  await using project = await TestProject.create({
    "policy.yaml": LOOPBACK_POLICY,
    "strict.yaml": `${LOOPBACK_POLICY}script_memory_max: 64MB\nscript_hosts_allow: [api.example.com]\n`,
    "scripts/give.js": GIVE,
    "scripts/take.js": TAKE,
    "pipelines/p.yaml": `
params: { url: { type: string, default: "${api.url}" } }
extract:
  orders: { script: scripts/give.js, hosts: ["${host}"], memory: 128MB, rate_limit: { requests: 1, per: 400ms } }
load:
  orders: { script: scripts/take.js, hosts: ["${host}"], batch: 2 }
`,
  });
  const sluice = (command: string, policy: string, ...args: string[]) =>
    project.sluice(command, args, { SLUICE_POLICY: `${project.projectDir}/${policy}` });
  const { code, stdout, stderr } = await sluice("run", "policy.yaml", "p", "--json");
  equal(code, 0, stdout + stderr);
  const { steps } = v.parse(stepsSchema, JSON.parse(stdout.trim().split("\n").at(-1) ?? ""));
  const { waited_ms: waited = 0, ...orders } = steps.find(({ name }) => name === "extract:orders")?.traffic ??
    {};
  deepEqual(orders, { requests: 6, pages: 0, retries: 1, redirects: 1 });
  // Five waits of 400 ms, less what the requests themselves take.
  ok(waited >= 100, `waited ${waited} ms`);
  const load = steps.find(({ name }) => name.startsWith("load:"))?.traffic;
  deepEqual({ ...load, waited_ms: 0 }, { requests: 3, pages: 0, retries: 0, redirects: 0, waited_ms: 0 });

  const refused = await sluice("check", "strict.yaml");
  equal(refused.code, 2);
  match(
    refused.stdout + refused.stderr,
    /p\.yaml:4:3: Connector "script", stream "orders": may not run its script: it asks for memory: 128MB, and script_memory_max of the operator's policy is 64MB/,
  );
  match(
    refused.stdout + refused.stderr,
    /p\.yaml:6:3: .*it names 127\.0\.0\.1:\d+ in hosts, which is not among script_hosts_allow/,
  );
});

Deno.test("a script that asks for nothing gets no more than the operator's ceilings", async () => {
  const sandbox = await findSandbox();
  const { error } = await runScript(
    { ...sandbox, most: { timeoutMs: 700 } },
    "export default async () => { await new Promise(() => {}); }",
  );
  equal(error, "scripts/x.js took longer than 0.7 s and was killed: raise its timeout");
  const rows = await runScript(
    { ...sandbox, most: { outputBytes: 1000 } },
    'export default () => [{ a: "x".repeat(2000) }]',
  );
  match(rows.error ?? "", /gives more than 0 MB: raise its output/);
});
