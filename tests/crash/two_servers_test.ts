import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { CONNECTORS, ENDLESS, ONE_THREAD } from "../support/served_project.ts";
import { SluiceServer, waitFor } from "../support/sluice_server.ts";
import { TestProject } from "../support/test_project.ts";

/** Longer than a lease and a look for those that have run out. */
const TAKEOVER_MS = 90_000;

const FILES = {
  "connectors.yaml": CONNECTORS,
  "pipelines/endless.yaml": `transform: endless\n${ONE_THREAD}`,
  "transforms/endless/rows.sql": ENDLESS,
};

Deno.test("two servers on one store share its runs: a living one's are its own, a dead one's are taken up", async () => {
  await using project = await TestProject.create(FILES);
  const env = { SLUICE_STORE_URL: `file:${join(project.folder, "shared.db")}` };
  const start = (name: string) => SluiceServer.start(project.projectDir, join(project.folder, name), env);
  await using one = await start("one");
  const running = async (server: SluiceServer, id: string, attempt: number) =>
    (await server.run(id)).steps.some((step) => step.attempt === attempt && step.state === "running") ||
    undefined;

  const { id } = await one.trigger("endless");
  ok(await waitFor(() => running(one, id, 1), 60_000));
  await using two = await start("two");
  // Cancelled through the other server: the one that has it stops it.
  await two.call("POST", `/api/runs/${id}/cancel`);
  const cancelled = await two.ended(id);
  equal(cancelled.state, "cancelled");
  equal(cancelled.cancelled_by, "SLUICE_TOKEN");
  deepEqual(cancelled.attempts.map(({ state }) => state), ["cancelled"]);

  const { id: next } = await one.trigger("endless");
  ok(await waitFor(async () => await running(two, next, 1), 60_000));
  const [first] = (await two.run(next)).attempts;
  const [dying, living] = await one.runProcess() === undefined ? [two, one] : [one, two];
  await dying.kill();
  ok(await waitFor(() => running(living, next, 2), TAKEOVER_MS), JSON.stringify(await living.run(next)));
  const [lost, taken] = (await living.run(next)).attempts;
  deepEqual([lost?.state, taken?.state], ["lost", "running"]);
  equal(lost?.worker, first?.worker);
  ok(taken?.worker !== lost?.worker);
  await living.call("POST", `/api/runs/${next}/cancel`);
  equal((await living.ended(next)).state, "cancelled");
  await living.stop();
});
