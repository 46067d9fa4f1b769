import { deepEqual, equal, fail, match, ok } from "node:assert/strict";
import type { Run } from "../../contract/run.ts";
import { ENDLESS, ONE_THREAD, Served, states, until } from "../support/served_project.ts";
import { isGone } from "../support/sluice_server.ts";

/** What is left when a server dies while a run of it is in the middle of a long query. */

const FILES = {
  "data/orders.csv": "id\n1\n",
  "pipelines/slow.yaml": `${ONE_THREAD}extract: { orders: { connector: files, path: data/orders.csv } }\n`,
  "transforms/slow/slow.sql": ENDLESS,
  "transforms/slow/after.sql": "SELECT * FROM slow\n",
};
/** A process that does not notice by itself would go on for minutes. */
const SOON_MS = 15_000;

Deno.test("kill -9 of the server in a long query: the run's process ends by itself, the next server goes on with the run", async () => {
  await using shop = await Served.start(FILES);
  const { id } = await shop.server.trigger("slow");
  await shop.untilRunning(id, "model:slow");
  const pid = await shop.server.runProcess() ?? fail("no process");
  const killedMs = Date.now();
  await shop.server.kill();
  await until("the process is gone", () => isGone(pid));
  ok(Date.now() - killedMs < SOON_MS, `it took ${Date.now() - killedMs} ms`);

  await shop.startNext();
  const again = await shop.untilRunning(id, "model:slow");
  equal(again.attempt, 2);
  equal(again.steps.find(({ name }) => name === "extract:orders")?.attempt, 1);
  equal((await shop.cancel(id)).state, "cancelled");
});

Deno.test("a cancel that was taken holds, where the server dies before the run has stopped", async () => {
  await using shop = await Served.start(FILES);
  const { id } = await shop.server.trigger("slow");
  await shop.untilRunning(id, "model:slow");
  const pid = await shop.server.runProcess() ?? fail("no process");
  // It stops no sooner than the server dies.
  Deno.kill(pid, "SIGSTOP");
  try {
    const asked = await shop.server.call<Run>("POST", `/api/runs/${id}/cancel`);
    equal(asked.state, "running");
    await shop.server.kill();
  } finally {
    Deno.kill(pid, "SIGKILL");
  }
  await shop.startNext();
  await until("it is cancelled", async () => (await shop.server.run(id)).state === "cancelled");
  const run = await shop.server.run(id);
  deepEqual([run.attempt, run.cancelled_by], [1, "SLUICE_TOKEN"]);
});

Deno.test("a run whose server died can be cancelled on the command line before the next start, and stays cancelled", async () => {
  await using shop = await Served.start(FILES);
  const { id } = await shop.server.trigger("slow");
  await shop.untilRunning(id, "model:slow");
  await shop.server.kill();
  const { code, stdout, stderr } = await shop.project.sluice("cancel", [id]);
  equal(code, 0, stderr);
  match(stdout, new RegExp(`${id} is cancelled`));
  const repeated = await shop.project.sluice("cancel", [id]);
  ok(repeated.code !== 0);
  match(repeated.stderr, /has ended/);

  await shop.startNext();
  const run = await shop.server.run(id);
  equal(run.state, "cancelled");
  match(run.error?.message ?? "", /cancelled after its server had died/);
  deepEqual(states(run), {
    "extract:orders": "succeeded",
    "model:slow": "cancelled",
    "model:after": "cancelled",
  });
  const retried = await shop.server.call<Run>("POST", `/api/runs/${id}/retry`);
  equal(retried.state, "queued");
  equal((await shop.untilRunning(id, "model:slow")).attempt, 2);
  await shop.cancel(id);
});
