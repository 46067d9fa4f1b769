import { equal, fail, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { SmallDisk } from "../../support/small_disk.ts";
import { sluiceArgs, SluiceServer, TOKEN, waitFor } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";
import { CONNECTORS, ENDLESS, NONE_READY, ONE_THREAD } from "../../support/served_project.ts";

const FILES = {
  "connectors.yaml": CONNECTORS,
  "pipelines/small.yaml": "transform: small\n",
  "transforms/small/one.sql": "SELECT 1 AS n\n",
  "pipelines/endless.yaml": `transform: endless\n${ONE_THREAD}`,
  "transforms/endless/rows.sql": ENDLESS,
};
const DISK_BYTES = 64 << 20;

/** Signs in on the page, and looks at it. */
async function assertPageWorks(url: string): Promise<void> {
  const signedIn = await fetch(`${url}/login`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", origin: url },
    body: new URLSearchParams({ token: TOKEN }),
    redirect: "manual",
  });
  await signedIn.body?.cancel();
  equal(signedIn.status, 303);
  const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? fail("no cookie");
  const page = await fetch(url, { headers: { cookie }, redirect: "manual" });
  equal(page.status, 200);
  match(await page.text(), /small/);
}

async function assertReads(url: string): Promise<void> {
  for (const path of ["/healthz", "/api/runs", "/api/pipelines", "/openapi.json"]) {
    const response = await fetch(url + path, { headers: { authorization: `Bearer ${TOKEN}` } });
    await response.body?.cancel();
    equal(response.status, 200, path);
  }
  await assertPageWorks(url);
}

/** A server that may find no room to tell commands where it is: what it prints says so. */
async function startByItsOutput(project: TestProject, dataDir: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: sluiceArgs("serve", "--project", project.projectDir, "--data", dataDir, "--port", "0"),
    env: { SLUICE_TOKEN: TOKEN },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    text += value ?? "";
    const url = /serves (http:\S+)/.exec(text)?.[1];
    if (url !== undefined) return { child, reader, url };
    if (done) fail(`the server ended before it served: ${text}`);
  }
}

Deno.test({
  name: "while the disk is full everything can be looked at, and what ended is written when there is room",
  // A file system of its own can only be mounted by root.
  ignore: !SmallDisk.isPossible,
  async fn() {
    await using project = await TestProject.create(FILES);
    await using disk = await SmallDisk.mount(DISK_BYTES);
    const dataDir = join(disk.path, "data");
    {
      await using server = await SluiceServer.start(project.projectDir, dataDir, NONE_READY);
      equal((await server.ended((await server.trigger("small")).id)).state, "succeeded");
      // Of so small a disk a quarter is kept free.
      await disk.fill(8 << 20);
      const kept = await server.trigger("small");
      const waits = async () =>
        /^waits: the disk of .* left, 16.8 MB are kept free/.test((await server.run(kept.id)).reason ?? "") ||
        undefined;
      ok(await waitFor(waits, 120_000), JSON.stringify(await server.run(kept.id)));
      await disk.free();
      equal((await server.ended(kept.id)).state, "succeeded", "it begins by itself when there is room");
      const { id } = await server.trigger("endless");
      const began = async () =>
        (await server.run(id)).steps.some(({ state }) => state === "running") || undefined;
      ok(await waitFor(began, 120_000), "the endless run did not start");
      await disk.fill();
      const refused = await server.request("POST", "/api/pipelines/small/runs", { body: {} });
      equal(refused.status, 503);
      match(await refused.text(), /the disk is full/);
      await assertReads(server.url);
      await server.call("POST", `/api/runs/${id}/cancel`);
      const isStopped = async () => await server.runProcess() === undefined || undefined;
      ok(await waitFor(isStopped, 120_000), "the run's process did not stop");
      equal((await server.run(id)).state, "running", "its end cannot be written yet");
      await disk.free();
      const ended = await server.ended(id, 30_000);
      equal(ended.state, "cancelled");
      equal(ended.cancelled_by, "SLUICE_TOKEN");
      ok(ended.steps.every(({ state }) => state === "cancelled"));
      equal((await server.ended((await server.trigger("small")).id)).state, "succeeded");
      await server.stop();
    }
    await disk.fill();
    const { child, reader, url } = await startByItsOutput(project, dataDir);
    try {
      await assertReads(url);
      await disk.free();
      const trigger = async () => {
        const response = await fetch(`${url}/api/pipelines/small/runs`, {
          method: "POST",
          headers: { authorization: `Bearer ${TOKEN}` },
        });
        await response.body?.cancel();
        return response.status === 202 || undefined;
      };
      ok(await waitFor(trigger, 120_000), "no run can be started though there is room again");
    } finally {
      child.kill("SIGTERM");
      await child.status;
      await reader.cancel();
    }
  },
});
