import { deepEqual, equal, ok } from "node:assert/strict";
import { systemClock } from "../../../contract/clock.ts";
import { RunQueue } from "../../../engine/runs/run_queue.ts";
import type { EndedAttempt, Worker } from "../../../engine/runs/worker.ts";
import { OtherProcess } from "../../support/other_process.ts";
import { waitFor } from "../../support/sluice_server.ts";
import { addPipeline, newRun, StoreFixture } from "../../unit/engine/store/store_fixture.ts";

const PIPELINES = ["a", "b", "c", "d", "e"];

const SUCCESS: EndedAttempt = {
  retry: undefined,
  result: {
    error: null,
    stopped: null,
    outcome: { atMs: 9_000, error: null, rowsExtracted: 1, rowsLoaded: 1, warnings: 0, peakRssBytes: null },
  },
};

Deno.test("runs that end while another process holds the store are all written when it lets go", async () => {
  await using fixture = new StoreFixture();
  await (await fixture.open())[Symbol.asyncDispose]();
  const store = await fixture.open({ busyTimeoutMs: 80 });
  for (const name of PIPELINES) {
    await addPipeline(store, name);
    await store.runs.create(newRun(name, { pipeline: name }));
    await store.runs.create(newRun(`${name} next`, { pipeline: name }));
  }
  const ends = new Map<string, () => void>();
  const refused = new Set<unknown>();
  const worker: Worker = {
    run(run) {
      const { promise, resolve } = Promise.withResolvers<EndedAttempt>();
      ends.set(run.id, () => resolve(SUCCESS));
      return { done: promise, stop: () => resolve(SUCCESS) };
    },
  };
  const queue = new RunQueue({
    store,
    clock: systemClock,
    worker,
    owner: "me",
    maxRuns: 10,
    isAlone: true,
    onChange: () => {},
    log: (_level, message) => void (message.includes("could not be written") && refused.add(message)),
  });
  queue.start();
  ok(await waitFor(() => Promise.resolve(ends.size === PIPELINES.length || undefined), 10_000));

  await using other = new OtherProcess(fixture.path);
  await other.execute("begin immediate");
  for (const end of ends.values()) end();
  ok(await waitFor(() => Promise.resolve(refused.size === PIPELINES.length || undefined), 20_000));
  await other.execute("rollback");

  const states = () => other.execute("select id, state from runs order by id");
  const areNext = async () =>
    (await states()).filter(({ state }) => state === "running").length === 5 &&
      ends.size === 10 || undefined;
  ok(await waitFor(areNext, 120_000), JSON.stringify(await states()));
  deepEqual(
    (await states()).map(({ id, state }) => `${id} ${state}`),
    PIPELINES.flatMap((name) => [`${name} succeeded`, `${name} next running`]),
  );
  const told = await other.execute(
    "select run from outbox where payload ->> 'state' = 'succeeded' order by run",
  );
  deepEqual(told.map(({ run }) => run), PIPELINES);
  equal((await other.execute("select * from attempts where ended_at is null")).length, PIPELINES.length);
  // Nothing of ours was left in a transaction: others can write.
  await other.execute("update runs set reason = 'theirs' where id = 'a'");
  await queue.stop();
});
