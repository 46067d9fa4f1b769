import { deepEqual, equal, fail, ok } from "node:assert/strict";
import { join } from "node:path";
import type { Delivery, Problem } from "../../contract/alerts/problem.ts";
import { PATIENCE_MS, Served } from "../support/served_project.ts";
import { waitFor } from "../support/sluice_server.ts";

/** What a receiver of alerts got: the delivery's id, whether it was marked as a repeat, and the events. */
interface Got {
  readonly id: string;
  readonly repeated: boolean;
  readonly events: readonly { readonly event: string; readonly run: string | null }[];
}

Deno.test("kill -9 of the server while an alert is on its way: the next server sends it again, and says so", async () => {
  const got: Got[] = [];
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  await using receiver = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      got.push(await request.json());
      if (got.length === 1) await held;
      return new Response();
    },
  );
  const folder = await Deno.makeTempDir({ prefix: "sluice-policy-" });
  const policy = join(folder, "policy.yaml");
  await Deno.writeTextFile(policy, "private_hosts_allow: [127.0.0.1]\n");
  try {
    await using shop = await Served.start({
      "notifiers.yaml":
        `team: { type: webhook, url: "http://127.0.0.1:${receiver.addr.port}/", group: 0s }\n`,
      "pipelines/broken.yaml": "notify: [{ on: [failure, recovery], to: team }]\n",
      "transforms/broken/totals.sql":
        "SELECT CASE WHEN n >= 0 THEN error('boom') END AS x FROM range(3) t(n)\n",
    }, { SLUICE_POLICY: policy, SLUICE_READY_PROCESSES: "0" });
    const run = await shop.runToEnd("broken");
    equal(run.state, "failed");
    await waitFor(() => Promise.resolve(got.length > 0 || undefined), PATIENCE_MS);
    await shop.server.kill();
    release();
    await shop.startNext();
    const sent = await waitFor(async () => {
      const found = await shop.server.call<Delivery[]>("GET", "/api/deliveries");
      return found.every(({ state }) => state === "sent") && found.length > 0 ? found : undefined;
    }, PATIENCE_MS) ?? fail(JSON.stringify(got));
    deepEqual(sent.map(({ attempt, state }) => [attempt, state]), [[2, "sent"]]);
    deepEqual(got.map(({ repeated }) => repeated), [false, true]);
    equal(got[0]?.id, got[1]?.id);
    deepEqual(got[1]?.events.map(({ event, run }) => [event, run]), [["failure", run.id]]);
    const problems = await shop.server.call<Problem[]>("GET", "/api/problems?state=open");
    deepEqual(problems.map(({ key, run }) => [key, run]), [["broken failure", run.id]]);

    // A command shows the same, and tests the notifier through the server.
    const listed = await shop.project.sluice("alerts");
    ok(listed.stdout.includes("broken"), listed.stdout + listed.stderr);
    const tested = await shop.project.sluice("alerts", ["test", "team"]);
    equal(tested.code, 0, tested.stderr);
    deepEqual(got.at(-1)?.events.map(({ event }) => event), ["test"]);
  } finally {
    release();
    await Deno.remove(folder, { recursive: true });
  }
});
