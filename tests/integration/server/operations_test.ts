import { deepEqual, equal, fail, match, ok } from "node:assert/strict";
import { join } from "node:path";
import type { ServerStatus } from "../../../contract/runs/server_status.ts";
import type { Problem } from "../../../contract/alerts/problem.ts";
import { CONNECTORS, ENDLESS, NONE_READY, ONE_THREAD } from "../../support/served_project.ts";
import { SluiceServer, waitFor } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

const PATIENCE_MS = 120_000;
const HOOK_SECRET = "s3cret-of-the-hook";
const FILES = {
  "connectors.yaml": CONNECTORS,
  "pipelines/small.yaml": "transform: small\n",
  "transforms/small/one.sql": "SELECT 1 AS n\n",
  "pipelines/endless.yaml": `transform: endless\n${ONE_THREAD}`,
  "transforms/endless/rows.sql": ENDLESS,
  "pipelines/hooked.yaml":
    'webhooks: { posts: { secret: "${secret:HOOK}" } }\nextract:\n  posts: { webhook: posts }\n',
};

const health = async (server: SluiceServer) => {
  const response = await fetch(`${server.url}/healthz`);
  return { http: response.status, ...await response.json() };
};

async function started(server: SluiceServer, pipeline: string, step: string): Promise<string> {
  const { id } = await server.trigger(pipeline);
  const isRunning = async () =>
    (await server.run(id)).steps.some(({ name, state }) => name === step && state === "running") || undefined;
  ok(await waitFor(isRunning, PATIENCE_MS), `${pipeline} did not start`);
  return id;
}

Deno.test("a server that is to stop lets a run end, takes what is asked for and posted, and goes on with it at its next start", async () => {
  // The run that is under way asks here, and ends when it is answered.
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  await using gate = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async () => {
    await held;
    return new Response("go on");
  });
  const host = `127.0.0.1:${gate.addr.port}`;
  await using project = await TestProject.create({
    ...FILES,
    "policy.yaml": "private_hosts_allow: [127.0.0.1]\n",
    "pipelines/waiting.yaml": `extract:\n  held: { script: scripts/held.ts, hosts: ["${host}"] }\n`,
    "scripts/held.ts": `export default async function* (ctx) {
  yield [{ said: await (await ctx.fetch("http://${host}/")).text() }];
}
`,
  });
  const log = join(project.folder, "log", "server.log");
  const env = {
    ...NONE_READY,
    SLUICE_SECRET_HOOK: HOOK_SECRET,
    SLUICE_DRAIN: "2m",
    SLUICE_POLICY: join(project.projectDir, "policy.yaml"),
    SLUICE_LOG_FILE: log,
    SLUICE_LOG_FORMAT: "json",
  };
  let waiting: string;
  let queued: string;
  {
    await using server = await SluiceServer.start(project.projectDir, project.dataDir, env);
    waiting = await started(server, "waiting", "extract:held");
    await Deno.rename(log, `${log}.1`);
    Deno.kill(server.pid, "SIGHUP");
    const isReopened = () => Deno.stat(log).then(() => true, () => undefined);
    ok(await waitFor(isReopened, PATIENCE_MS), "SIGHUP opens the log file again");
    Deno.kill(server.pid, "SIGTERM");
    const draining = await waitFor(async () => {
      const now = await health(server);
      return now.status === "draining" ? now : undefined;
    }, PATIENCE_MS);
    deepEqual([draining.http, draining.held_by], [503, "stop"]);
    const run = await server.trigger("small");
    queued = run.id;
    match((await server.run(queued)).reason ?? "", /waits: the server is about to stop/);
    const post = await fetch(`${server.url}/hooks/hooked/posts`, {
      method: "POST",
      headers: { authorization: `Bearer ${HOOK_SECRET}`, "content-type": "application/json" },
      body: '{"id":1}',
    });
    equal(post.status, 202, await post.text());
    // A command finds the server that is about to stop.
    const shown = await project.sluice("drain", ["status", "--json"]);
    equal(JSON.parse(shown.stdout).held_by, "stop", shown.stderr);
    release();
    await server.ending();
  }
  const lines = (await Deno.readTextFile(log)).trim().split("\n").map((line) => JSON.parse(line));
  ok(lines.some(({ message }) => /^Stopping: 1 run under way may end within 2 m 00 s/.test(message)));
  ok(lines.some(({ message, run }) => message === "run succeeded" && run === waiting));

  await using next = await SluiceServer.start(project.projectDir, project.dataDir, env);
  const ended = await next.run(waiting);
  deepEqual([ended.state, ended.attempt], ["succeeded", 1], "it ended before the first server did");
  equal((await next.ended(queued)).state, "succeeded");
  const hooked = await waitFor(async () => {
    const runs = await next.call<{ state: string; rows_extracted: number }[]>(
      "GET",
      "/api/runs?pipeline=hooked",
    );
    return runs.find(({ state }) => state === "succeeded");
  }, PATIENCE_MS);
  equal(hooked?.rows_extracted, 1);

  // A second signal waits no longer: the run is handed back.
  const endless = await started(next, "endless", "model:rows");
  Deno.kill(next.pid, "SIGTERM");
  await waitFor(async () => (await health(next)).status === "draining" || undefined, PATIENCE_MS);
  Deno.kill(next.pid, "SIGTERM");
  await next.ending();
  const last = (await Deno.readTextFile(log)).trim().split("\n").map((line) => JSON.parse(line)).slice(-5);
  ok(last.some(({ message, run }) => message === "run queued" && run === endless), JSON.stringify(last));
  ok(last.some(({ message }) => message === "Stopping; runs under way go on at the next start"));
});

Deno.test("no run begins while the disk is nearly full or the server is drained, and all that look at it see why", async () => {
  await using project = await TestProject.create(FILES);
  const env = { ...NONE_READY, SLUICE_SECRET_HOOK: HOOK_SECRET };
  {
    await using server = await SluiceServer.start(project.projectDir, project.dataDir, {
      ...env,
      SLUICE_DISK_RESERVE: "900TB",
    });
    const { state, reason } = await server.trigger("small");
    equal(state, "queued");
    match(reason ?? "", /^waits: the disk of .* has .* left, 900 TB are kept free: free some space$/);
    const now = await health(server);
    deepEqual([now.http, now.status, now.starts_runs, now.held_by], [200, "ok", false, "disk"]);
    const metrics = await server.request("GET", "/metrics");
    match(await metrics.text(), /^sluice_server_starts_runs 0$/m);
    const problems = await waitFor(async () => {
      const found = await server.call<Problem[]>("GET", "/api/problems?state=open");
      return found.length > 0 ? found : undefined;
    }, PATIENCE_MS) ?? fail("no problem");
    deepEqual(problems.map(({ key, kind, pipeline }) => [key, kind, pipeline]), [[
      "server disk",
      "disk",
      null,
    ]]);
    const doctor = await project.sluice("doctor", ["--disk-reserve", "900TB", "--json"], env);
    const { checks } = JSON.parse(doctor.stdout);
    equal(checks.find(({ check }: { check: string }) => check === "disk").state, "failed");
  }
  await using server = await SluiceServer.start(project.projectDir, project.dataDir, env);
  const isOver = async () =>
    (await server.call<Problem[]>("GET", "/api/problems?state=open")).length === 0 || undefined;
  ok(await waitFor(isOver, PATIENCE_MS), "the problem is over where there is room");
  const endless = await started(server, "endless", "model:rows");
  const drained = await project.sluice("drain", ["--wait", "1s"]);
  equal(drained.code, 1, "a run is under way still");
  match(
    drained.stdout,
    /^No run begins: .* has drained the server: sluice drain off ends that; 1 run under way/,
  );
  const { id } = await server.trigger("small");
  await server.call("POST", `/api/runs/${endless}/cancel`, {});
  equal((await project.sluice("drain", ["on", "--wait", "20s"])).code, 0);
  equal((await server.run(id)).state, "queued");
  const off = await project.sluice("drain", ["off", "--json"]);
  equal((JSON.parse(off.stdout) as ServerStatus).starts_runs, true);
  equal((await server.ended(id)).state, "succeeded");
  const wrong = await project.sluice("drain", ["of"]);
  deepEqual([wrong.code, /expected on, off or status/.test(wrong.stderr)], [2, true]);
});
