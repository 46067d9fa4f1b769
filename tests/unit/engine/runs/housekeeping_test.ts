import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { Housekeeping } from "../../../../engine/runs/housekeeping.ts";
import type { RunsToForget } from "../../../../engine/store/ports/retention.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { addPipeline, claim, lease, logLine, newRun, outcome, StoreFixture } from "../store/store_fixture.ts";

const NOW = Date.parse("2026-06-01T00:00:00Z");
const DAY_MS = 86_400_000;

async function withHousekeeping(
  settings: { keepDays: number; keepRuns: number },
  work: (
    context: {
      store: Store;
      asked: RunsToForget[];
      spillDir: string;
      clock: FakeClock;
      messages: number[];
      log: string[];
      revisions: { nowMs: number; unusedBeforeMs: number }[];
    },
  ) => Promise<void>,
  rows = 0,
): Promise<void> {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  await addPipeline(store, "a");
  await store.runs.create(newRun("r"));
  const dataDir = await Deno.makeTempDir();
  const spillDir = join(dataDir, "tmp");
  await Deno.mkdir(spillDir);
  const asked: RunsToForget[] = [];
  const messages: number[] = [];
  const revisions: { nowMs: number; unusedBeforeMs: number }[] = [];
  const log: string[] = [];
  let left = rows;
  const retention: Store["retention"] = {
    forgetRuns(what) {
      asked.push(what);
      const gone = Math.min(left, what.limit);
      left -= gone;
      return Promise.resolve(gone);
    },
    forgetMessages(beforeMs) {
      messages.push(beforeMs);
      return Promise.resolve(0);
    },
    forgetKeys: () => Promise.resolve(0),
    forgetIssuedTokens: () => Promise.resolve(0),
    forgetRevisions(moment) {
      revisions.push(moment);
      return Promise.resolve(0);
    },
  };
  const clock = new FakeClock(NOW);
  const housekeeping = new Housekeeping({
    store: { ...store, retention },
    clock,
    log: (_level, message) => void log.push(message),
    settings,
    dataDir,
    spillsInUse: () => new Set(["run-1"]),
  });
  housekeeping.start();
  try {
    await work({ store, asked, spillDir, clock, messages, log, revisions });
  } finally {
    await housekeeping.stop();
    await Deno.remove(dataDir, { recursive: true });
  }
}

/** Lets time pass until it has come to this: files and the store are real, and take turns of their own. */
async function passUntil(clock: FakeClock, isThere: () => boolean): Promise<void> {
  for (let n = 0; !isThere(); n++) {
    ok(n < 20_000, "it never came to this");
    await clock.advance(5_000);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

Deno.test("Housekeeping forgets in steps until nothing is left, keeps the last twenty, and comes back each hour", async () => {
  await withHousekeeping({ keepDays: 90, keepRuns: 1_000 }, async ({ asked, clock, messages }) => {
    await passUntil(clock, () => messages.length === 1);
    equal(asked.reduce((sum, { limit }) => sum + limit, 0) >= 37, true, "all that there was");
    deepEqual(asked.map(({ pipeline, keepNewest, keepAtMost }) => [pipeline, keepNewest, keepAtMost])[0], [
      "a",
      20,
      1_000,
    ]);
    equal(Math.round((clock.now() - (asked[0]?.beforeMs ?? 0)) / DAY_MS), 90);
    const [steps, atMs] = [asked.length, clock.now()];
    await passUntil(clock, () => messages.length === 2);
    equal(asked.length, steps + 1);
    equal(Math.round((clock.now() - atMs) / 60_000), 60);
  }, 37);
});

Deno.test("Housekeeping keeps everything where it is told 0, and never less than the last twenty runs", async () => {
  await withHousekeeping({ keepDays: 0, keepRuns: 0 }, async ({ asked, clock, messages }) => {
    await passUntil(clock, () => asked.length === 2);
    equal(asked[0]?.beforeMs, 0);
    equal((asked[0]?.keepAtMost ?? 0) > 1e12, true);
    deepEqual(messages, []);
  });
  await withHousekeeping({ keepDays: 1, keepRuns: 3 }, async ({ asked, clock }) => {
    await passUntil(clock, () => asked.length === 1);
    equal(asked[0]?.keepAtMost, 20);
  });
});

Deno.test("Housekeeping removes what dead attempts spilled, and nothing that is in use or young", async () => {
  await withHousekeeping({ keepDays: 90, keepRuns: 1_000 }, async ({ spillDir, clock, log }) => {
    for (const [name, ageMs] of [["run-1", 9 * DAY_MS], ["dead-2", 2 * DAY_MS], ["young-3", 0]] as const) {
      await Deno.mkdir(join(spillDir, name));
      await Deno.writeTextFile(join(spillDir, name, "spilled"), "x");
      const time = new Date(NOW - ageMs);
      await Deno.utime(join(spillDir, name), time, time);
    }
    await passUntil(clock, () => log.length > 0);
    const names = (await Array.fromAsync(Deno.readDir(spillDir))).map(({ name }) => name).sort();
    deepEqual(names, ["run-1", "young-3"]);
  });
});

Deno.test("Housekeeping forgets revisions that were unused for a day, unless all is to be kept", async () => {
  await withHousekeeping({ keepDays: 90, keepRuns: 1_000 }, async ({ clock, revisions }) => {
    await passUntil(clock, () => revisions.length === 1);
    deepEqual(revisions.map(({ nowMs, unusedBeforeMs }) => nowMs - unusedBeforeMs), [DAY_MS]);
  });
  await withHousekeeping({ keepDays: 0, keepRuns: 0 }, async ({ clock, revisions, asked }) => {
    await passUntil(clock, () => asked.length === 2);
    deepEqual(revisions, []);
  });
});

Deno.test("Housekeeping compresses the logs of runs that ended some time ago, which read as before", async () => {
  await withHousekeeping({ keepDays: 0, keepRuns: 0 }, async ({ store, clock, log }) => {
    await claim(store, "me", NOW);
    const lines = [1, 2, 3].map((seq) => logLine(seq, { attempt: 1 }));
    await store.logs.append(lease("r"), lines);
    await store.attempts.finish(lease("r"), "succeed", outcome({ atMs: NOW }));
    await passUntil(clock, () => log.includes("compressed the logs of ended runs"));
    ok(clock.now() - NOW > 600_000);
    deepEqual(await store.logs.read("r", { afterSeq: 0, limit: 9 }), lines);
    equal(await store.logs.pack({ after: "", endedBeforeMs: clock.now() }), undefined, "nothing is left");
  });
});
