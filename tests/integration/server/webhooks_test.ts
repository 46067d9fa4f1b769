import { deepEqual, equal, fail, match, ok } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { gzipSync } from "node:zlib";
import { tableFromArrays, tableToIPC } from "apache-arrow";
import type { Run } from "../../../contract/run.ts";
import type { PostView, WebhookView } from "../../../contract/triggers/webhook_view.ts";
import { sluiceArgs, SluiceServer, waitFor } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

const SECRET = "s3cret-of-the-hook";
const PIPELINE = `
webhooks:
  orders: { secret: "\${secret:HOOK}" }
  events: { secret: "\${secret:HOOK}", signature: hmac-sha256 }
extract:
  orders: { webhook: orders }
  events: { webhook: events, mode: incremental, primary_key: [id], update_key: at }
load:
  orders: { connector: files, path: out/orders.csv, mode: replace }
  events: { connector: files, path: out/events.csv, mode: replace }
`;

const start = (project: TestProject) =>
  SluiceServer.start(project.projectDir, project.dataDir, { SLUICE_SECRET_HOOK: SECRET });

async function post(
  server: SluiceServer,
  hook: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${server.url}/hooks/p/${hook}`, {
    method: "POST",
    headers: { authorization: `Bearer ${SECRET}`, "content-type": "application/json", ...headers },
    body: Buffer.from(body),
  });
  return { status: response.status, text: await response.text() };
}

/** The first values of the rows of the CSV file that the load has written, in order. */
async function idsIn(project: TestProject, name: string): Promise<string[]> {
  const text = await Deno.readTextFile(`${project.projectDir}/out/${name}.csv`).catch(() => "");
  return text.trim().split("\n").slice(1).map((line) => line.split(",")[0] ?? "").sort();
}

/** Waits until the file has as many rows, and no run is on its way. */
async function settled(server: SluiceServer, project: TestProject, name: string, rows: number) {
  const found = await waitFor(async () => {
    const runs = await server.call<{ state: string }[]>("GET", "/api/runs");
    if (runs.some(({ state }) => state === "queued" || state === "running")) return undefined;
    const ids = await idsIn(project, name);
    return ids.length >= rows ? ids : undefined;
  }, 60_000);
  return found ?? fail(JSON.stringify([await idsIn(project, name), await server.call("GET", "/api/runs")]));
}

Deno.test("posted bodies of every format become rows once, whatever is killed meanwhile", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/p.yaml": PIPELINE,
  });
  const expected: string[] = [];
  {
    await using server = await start(project);
    await waitFor(async () => (await post(server, "orders", "[]")).status === 202 || undefined, 30_000);
    equal((await post(server, "orders", '{"id":"x"}', { authorization: "Bearer no" })).status, 401);
    equal((await post(server, "orders", '{"id":')).status, 400);
    equal((await post(server, "orders", "id=1", { "content-type": "text/plain" })).status, 415);
    equal((await post(server, "nothing", "{}")).status, 404);
    const bodies: [string | Uint8Array, string, string[]][] = [
      ['{\n"id":"one","n":12345678901234567890}', "application/json", ["one"]],
      ['[{"id":"two"},{"id":"three","n":1.5}]', "application/json", ["two", "three"]],
      ['{"id":"four"}\n{"id":"five"}\n', "application/x-ndjson", ["four", "five"]],
      ["id,n\nsix,6\nseven,7\n", "text/csv", ["six", "seven"]],
      [
        tableToIPC(tableFromArrays({ id: ["eight"], n: ["8"] }), "stream"),
        "application/vnd.apache.arrow.stream",
        ["eight"],
      ],
      [JSON.stringify([{ id: "large", n: "x".repeat(4_000_000) }]), "application/json", ["large"]],
    ];
    for (const [body, type, ids] of bodies) {
      deepEqual((await post(server, "orders", body, { "content-type": type })).status, 202);
      expected.push(...ids);
    }
    await server.kill();
  }
  for (const round of [1, 2]) {
    await using server = await start(project);
    for (let n = 0; n < 5; n++) {
      const id = `${round}-${n}`;
      const answer = await post(server, "orders", JSON.stringify({ id }), { "idempotency-key": id });
      equal(answer.status, 202, answer.text);
      expected.push(id);
    }
    // Once before a run may have read them, and once after.
    if (round === 2) Deno.kill(await waitFor(() => server.runProcess(), 20_000) ?? fail(), "SIGKILL");
    await server.kill();
  }
  await using server = await start(project);
  const again = await post(server, "orders", '{"id":"1-0"}', { "idempotency-key": "1-0" });
  deepEqual([again.status, JSON.parse(again.text).repeated], [202, true]);
  equal((await post(server, "orders", '{"id":"1"}', { "idempotency-key": "1-0" })).status, 422);
  const last = await post(server, "orders", '{"id":"last"}');
  equal(last.status, 202);
  expected.push("last");
  deepEqual(await settled(server, project, "orders", expected.length), expected.sort());

  const event = (id: number, at: number, v: string) => {
    const body = JSON.stringify({ id, at, v });
    const signature = createHmac("sha256", SECRET).update(body).digest("hex");
    return post(server, "events", body, { "x-signature": signature });
  };
  equal((await event(1, 1, "old")).status, 202);
  equal((await event(2, 1, "other")).status, 202);
  ok((await event(1, 2, "new")).text.includes('"repeated":false'));
  ok((await event(1, 1, "old")).text.includes('"repeated":true'), "a replay is nothing new");
  deepEqual(await settled(server, project, "events", 2), ["1", "2"]);
  await server.stop();
});

Deno.test("a post that no run can store is shown with its webhook, and dropped so that the next is read", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/p.yaml": `
webhooks: { orders: { secret: "\${secret:HOOK}" } }
extract: { orders: { webhook: orders, options: { columns: { id: INTEGER } } } }
load: { orders: { connector: files, path: out/orders.csv, mode: replace } }
`,
  });
  await using server = await start(project);
  const webhooks = () => server.call<WebhookView[]>("GET", "/api/pipelines/p/webhooks");
  await waitFor(async () => (await post(server, "orders", "[]")).status === 202 || undefined, 30_000);
  await waitFor(async () => (await webhooks())[0]?.waiting === 0 || undefined, 60_000);
  equal((await post(server, "orders", '{"id":"none"}')).status, 202);
  const failed = await waitFor(async () => {
    const [run] = await server.call<Run[]>("GET", "/api/runs?limit=1");
    return run?.state === "failed" ? run : undefined;
  }, 60_000);
  match(failed?.error?.message ?? "", /none/);
  equal((await webhooks())[0]?.waiting, 1);
  const sluice = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: sluiceArgs("webhooks", ...args, "--project", project.projectDir, "--data", project.dataDir),
    }).output();
    return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  };
  const listed = await sluice("p");
  match(listed.text, /WEBHOOK +SIGNATURE[^]*orders +none +\S*\/hooks\/p\/orders +1 +13 B/);
  const [poison] = await server.call<PostView[]>(
    "GET",
    "/api/pipelines/p/webhooks/orders/posts?state=waiting",
  );
  const number = String(poison?.post);
  equal((await sluice("body", "p", "orders", number)).text.trim(), '{"id":"none"}');
  deepEqual((await sluice("drop", "p", "orders", number)).code, 2);
  const dropped = await sluice("drop", "p", "orders", number, "--yes");
  match(dropped.text, /is dropped/);
  const form = await post(server, "orders", gzipSync("id=7&note=a+b"), {
    "content-type": "application/x-www-form-urlencoded",
    "content-encoding": "gzip",
  });
  equal(form.status, 202);
  deepEqual(await settled(server, project, "orders", 1), ["7"]);
  equal((await webhooks())[0]?.waiting, 0);
  await server.stop();
});
