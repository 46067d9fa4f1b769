import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import * as v from "valibot";
import type { FollowProgress } from "../../../../../contract/connector/changes.ts";
import { type FollowedReport, followedReportSchema } from "../../../../../contract/connector/followed.ts";
import { AppError } from "../../../../../contract/errors.ts";
import { pipelineSchema } from "../../../../../contract/pipeline/pipeline.ts";
import { followedViews } from "../../../../../engine/control/following/followed.ts";
import { type Follower, FollowerWatch } from "../../../../../engine/control/following/follower_watch.ts";
import { PublishedFolder } from "../../../../../engine/runs/streams/published.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";
import { newRun, revision, StoreFixture } from "../../store/store_fixture.ts";

const NOON = "2026-11-26T12:00:00.000Z";
const MINUTE_MS = 60_000;

const DEFINITION = v.parse(pipelineSchema, {
  extract: {
    orders: { connector: "shop", stream: "orders", mode: "cdc" },
    items: { connector: "shop", stream: "items", mode: "cdc" },
    people: { connector: "shop", stream: "people" },
  },
});

const REPORT: FollowedReport = {
  connector: "shop",
  token: "1a2b3c4d",
  position: "0/16B3748",
  behind_bytes: 0,
  retained_bytes: 100,
  up_to: "2026-11-26T11:59:00.000Z",
  caught_up: true,
  warning: null,
  looked_at: NOON,
  streams: [{ stream: "orders", last_change_at: null, error: null }],
};

const kept = (retainedBytes: number, warning: string | null): FollowProgress => ({
  position: "0/16B3748",
  behindBytes: retainedBytes,
  retainedBytes,
  upToMs: null,
  isCaughtUp: false,
  warning,
});

/** A pipeline `a` whose run has reported at noon, and a watch that is told what its system keeps. */
async function withWatch(
  work: (bench: {
    readonly clock: FakeClock;
    readonly watch: FollowerWatch;
    readonly looks: Follower[];
    readonly looked: Promise<void>;
    readonly log: string[];
    readonly fixture: StoreFixture;
    readonly tell: (kept: FollowProgress | undefined | AppError) => void;
    readonly report: () => Promise<FollowedReport | undefined>;
    readonly run: () => Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  await using fixture = new StoreFixture();
  const folder = await Deno.makeTempDir({ prefix: "sluice-watch-" });
  try {
    const store = await fixture.open();
    await store.revisions.save(revision({ id: "rev-a", definition: DEFINITION }), []);
    await store.pipelines.put({ name: "a", origin: "files", revision: "rev-a", faults: [] });
    const followed = new PublishedFolder(join(folder, "followed"), followedReportSchema);
    await followed.put("a", "shop", REPORT);
    const clock = new FakeClock(NOON);
    const looks: Follower[] = [];
    const { promise: looked, resolve: onLook } = Promise.withResolvers<void>();
    const log: string[] = [];
    let told: FollowProgress | undefined | AppError;
    const watch = new FollowerWatch({
      store,
      clock,
      log: (level, message) => void log.push(`${level}: ${message}`),
      followed,
      look: (follower) => {
        looks.push(follower);
        onLook();
        return told instanceof AppError ? Promise.reject(told) : Promise.resolve(told);
      },
    });
    await work({
      clock,
      watch,
      looks,
      looked,
      log,
      fixture,
      tell: (next) => void (told = next),
      report: () => followed.get("a", "shop"),
      run: async () => void await store.runs.create({ ...newRun("r1"), revision: "rev-a" }),
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("what a system keeps for a pipeline that does not run is looked at every ten minutes, and told once", () =>
  withWatch(async ({ clock, watch, looks, log, tell, report }) => {
    tell(kept(500, "keeps 500 B"));
    await watch.lookAtAll();
    equal(looks.length, 0, "a run has just looked");
    await clock.advance(10 * MINUTE_MS);
    await watch.lookAtAll();
    await watch.lookAtAll();
    equal(looks.length, 1);
    equal(looks[0]?.token, "1a2b3c4d");
    equal(looks[0]?.position, REPORT.position);
    deepEqual(Object.keys(looks[0]?.streams ?? {}), ["orders", "items"]);
    deepEqual(log, ["warn: keeps 500 B"]);
    const { retained_bytes, warning, looked_at, position, up_to } = await report() ?? REPORT;
    deepEqual(
      { retained_bytes, warning, looked_at, position, up_to },
      {
        retained_bytes: 500,
        warning: "keeps 500 B",
        looked_at: "2026-11-26T12:10:00.000Z",
        position: REPORT.position,
        up_to: REPORT.up_to,
      },
    );
    tell(kept(900, "keeps 900 B"));
    await clock.advance(10 * MINUTE_MS);
    await watch.lookAtAll();
    equal(log.length, 1, "a size that grows is no news");
    tell(undefined);
    await clock.advance(10 * MINUTE_MS);
    await watch.lookAtAll();
    equal((await report())?.warning, null);
    tell(kept(900, "again"));
    await clock.advance(10 * MINUTE_MS);
    await watch.lookAtAll();
    deepEqual(log, ["warn: keeps 500 B", "warn: again"]);
  }));

Deno.test("a system that cannot be asked, and a pipeline that runs, leave what is known", () =>
  withWatch(async ({ clock, watch, looks, log, tell, report, run }) => {
    await clock.advance(10 * MINUTE_MS);
    tell(new AppError("unavailable", "down"));
    await watch.lookAtAll();
    deepEqual(log, ["debug: a system that is followed could not be looked at"]);
    deepEqual(await report(), REPORT);
    await run();
    await watch.lookAtAll();
    equal(looks.length, 1);
  }));

Deno.test("the watch looks by itself, and stops", () =>
  withWatch(async ({ clock, watch, looked, tell, report }) => {
    tell(kept(1, null));
    await clock.advance(10 * MINUTE_MS);
    watch.start();
    await clock.advance(MINUTE_MS);
    await looked;
    await watch.stop();
    equal((await report())?.retained_bytes, 1);
  }));

Deno.test("a view says how long ago everything was stored that had been committed", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-watch-" });
  try {
    const followed = new PublishedFolder(folder, followedReportSchema);
    const at = Date.parse(NOON);
    deepEqual(await followedViews(followed, "a", DEFINITION, at), []);
    await followed.put("a", "shop", REPORT);
    const [view] = await followedViews(followed, "a", DEFINITION, at);
    equal(view?.lag_seconds, 60);
    ok(view !== undefined && !("token" in view));
    await followed.put("a", "shop", { ...REPORT, up_to: null });
    equal((await followedViews(followed, "a", DEFINITION, at))[0]?.lag_seconds, null);
    deepEqual(await followedViews(followed, "a", undefined, at), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
