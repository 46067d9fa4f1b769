import type { PipelineDefinition } from "../../../../../contract/pipeline/pipeline.ts";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { settle } from "../../../../support/fake_clock.ts";
import { claim, lease, outcome } from "../../store/store_fixture.ts";
import { AlertsFixture } from "./alerts_fixture.ts";

const TEAM = { team: { type: "webhook" as const, url: "https://a.example/", group: "0s" } };
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** One pipeline `a` that tells the team of what is given. */
async function telling(on: string[], more: Record<string, unknown> = {}) {
  const fixture = await AlertsFixture.create();
  await fixture.addNotifiers(TEAM);
  await fixture.addPipeline("a", { notify: [{ on, to: "team", ...more }] } as never);
  return fixture;
}

Deno.test("a failure is told once, again after an hour, and then that it is over", async () => {
  await using fixture = await telling(["failure", "recovery"]);
  await fixture.run("a");
  await fixture.fail("a");
  deepEqual(await fixture.told(), [], "what was before the first start is told to nobody");
  await fixture.startReader();

  await fixture.fail("a", "no route");
  deepEqual(await fixture.told(), ["team: failure a"]);
  await fixture.clock.jump(10 * MINUTE);
  await fixture.fail("a", "still none");
  deepEqual([await fixture.open(), await fixture.told()], [["a failure 2"], ["team: failure a"]]);
  await fixture.clock.jump(50 * MINUTE);
  await fixture.fail("a");
  deepEqual(await fixture.told(), ["team: failure a", "team: failure a"]);
  await fixture.run("a");
  deepEqual([await fixture.open(), (await fixture.told()).at(-1)], [[], "team: recovery of failure a"]);
  await fixture.run("a");
  equal((await fixture.told()).length, 3, "a success is told to nobody who has not asked");

  const [delivery] = await fixture.store.alerts.deliveries({ limit: 1 });
  match(delivery?.events[0]?.message ?? "", /succeeded .* after it had failed/);
  const [problem] = await fixture.store.alerts.list({ limit: 10 });
  deepEqual([problem?.message, problem?.count], ["the source is away", 3]);
});

Deno.test("repeat: 0s tells each failure", async () => {
  await using fixture = await telling(["failure"], { repeat: "0s" });
  await fixture.startReader();
  for (let run = 0; run < 3; run += 1) await fixture.fail("a");
  equal((await fixture.told()).length, 3);
});

Deno.test("successes, retries and warnings are told to those who want to hear of them", async () => {
  await using fixture = await telling(["success", "retry", "warning", "recovery"]);
  await fixture.startReader();
  const id = await fixture.queue("a");
  const error = { code: "unavailable" as const, message: "reset" };
  await claim(fixture.store, "me", fixture.clock.now());
  const atMs = fixture.clock.now();
  const reason = "attempt 1 of 3 failed: reset";
  await fixture.store.attempts.requeue(lease(id), atMs + 10_000, outcome({ atMs, error, reason }));
  await fixture.read();
  deepEqual([await fixture.told(), await fixture.open()], [["team: retry a"], []]);
  await fixture.clock.jump(10_000);
  await claim(fixture.store, "me", fixture.clock.now());
  const over = outcome({ atMs: fixture.clock.now(), warnings: 2 });
  await fixture.store.attempts.finish(lease(id, 2), "succeed", over);
  await fixture.read();
  deepEqual((await fixture.told()).slice(1), ["team: warning a", "team: success a"]);
  deepEqual(await fixture.open(), ["a warning 1"]);
  await fixture.run("a");
  deepEqual((await fixture.told()).slice(3), ["team: recovery of warning a", "team: success a"]);
});

Deno.test("a run that its server handed back in order is no retry, and a cancelled one no failure", async () => {
  await using fixture = await telling(["retry", "failure"]);
  await fixture.startReader();
  const id = await fixture.queue("a");
  await claim(fixture.store, "me", fixture.clock.now());
  const reason = "the server stopped; goes on at its next start";
  await fixture.store.attempts.requeue(lease(id), null, outcome({ reason, attemptState: "stopped" }));
  await claim(fixture.store, "me", fixture.clock.now());
  await fixture.store.attempts.finish(lease(id, 2), "cancel", outcome());
  await fixture.read();
  deepEqual([await fixture.told(), await fixture.open()], [[], []]);
});

Deno.test("a success of some steps, or for another time, ends no failure of the whole", async () => {
  await using fixture = await telling(["recovery"]);
  await fixture.startReader();
  await fixture.fail("a");
  await fixture.run("a", {}, { select: "daily" });
  await fixture.run("a", {}, { window: { startMs: 0, endMs: 1 } });
  deepEqual(await fixture.open(), ["a failure 1"]);
  await fixture.run("a");
  deepEqual([await fixture.open(), await fixture.told()], [[], ["team: recovery of failure a"]]);
});

Deno.test("who has acknowledged a problem hears when it is over; a muted one is silent, and closes", async () => {
  await using fixture = await telling(["failure", "recovery"], { repeat: "0s" });
  await fixture.startReader();
  const { alerts } = fixture.store;
  const problem = async () => (await alerts.open())[0]?.id ?? "";
  await fixture.fail("a");
  await alerts.acknowledge(await problem(), "ann", fixture.clock.now());
  await fixture.fail("a");
  deepEqual([await fixture.open(), (await fixture.told()).length], [["a failure 2"], 1]);
  await fixture.run("a");
  equal((await fixture.told()).at(-1), "team: recovery of failure a");

  await fixture.fail("a");
  equal((await fixture.told()).length, 3, "it is a new problem, which nobody has acknowledged");
  await alerts.mute(await problem(), fixture.clock.now() + HOUR);
  await fixture.run("a");
  deepEqual([await fixture.open(), (await fixture.told()).length], [[], 3]);
  await fixture.fail("a");
  deepEqual([await fixture.open(), (await fixture.told()).length], [["a failure 1"], 3], "muted still");
  await fixture.clock.jump(HOUR);
  await fixture.fail("a");
  equal((await fixture.told()).length, 4);
  await alerts.mute(await problem(), null);
  equal((await alerts.mutes(fixture.clock.now())).size, 0);
});

Deno.test("what happens within the notifier's time is one message, and a storm is a few", async () => {
  await using fixture = await AlertsFixture.create();
  await fixture.addNotifiers({ team: { type: "webhook", url: "https://a.example/" } });
  const names = Array.from({ length: 60 }, (_, index) => `p${index}`);
  for (const name of names) await fixture.addPipeline(name, { notify: { on: "failure", to: "team" } });
  await fixture.startReader();
  const sizes = async () =>
    (await fixture.store.alerts.deliveries({ limit: 9 })).map((one) => one.event_count);
  for (const name of names.slice(0, 25)) await fixture.fail(name);
  deepEqual(await sizes(), [25]);
  await fixture.clock.jump(30_000);
  const [first = ""] = await fixture.store.alerts.due(fixture.clock.now(), 9);
  const claimed = await fixture.store.alerts.claim(first, fixture.clock.now(), fixture.clock.now() + MINUTE);
  deepEqual([claimed?.attempt, claimed?.events.length], [1, 25]);
  // The next one gathers until five minutes after the storm began.
  for (const name of names.slice(25, 40)) await fixture.fail(name);
  await fixture.clock.jump(2 * MINUTE);
  for (const name of names.slice(40)) await fixture.fail(name);
  deepEqual(await sizes(), [35, 25]);
  equal((await fixture.open()).length, 60);
});

Deno.test("two servers on one store tell each change once", async () => {
  await using fixture = await telling(["failure", "recovery", "success"], { repeat: "0s" });
  await fixture.startReader();
  await fixture.startReader();
  for (let run = 0; run < 5; run += 1) {
    await fixture.fail("a");
    await fixture.run("a");
  }
  await settle();
  const told = await fixture.told();
  equal(told.filter((one) => one === "team: failure a").length, 5);
  equal(told.filter((one) => one === "team: recovery of failure a").length, 5);
  equal(told.filter((one) => one === "team: success a").length, 5);
  deepEqual(fixture.logged, []);
});

Deno.test("a run that has not ended in time is late, by the schedule's firing where it has one", async () => {
  await using fixture = await telling(["late", "recovery"]);
  await fixture.addPipeline("a", { notify: { on: ["late", "recovery"], to: "team" }, late_after: "30m" });
  const now = () => fixture.clock.now();
  await fixture.startReader();
  const firedAt = new Date(now() - 25 * MINUTE).toISOString();
  const id = await fixture.queue("a", { trigger: "schedule", triggeredBy: firedAt });
  await claim(fixture.store, "me", now());
  await fixture.clock.jump(4 * MINUTE);
  deepEqual(await fixture.told(), []);
  await fixture.clock.jump(2 * MINUTE);
  await fixture.clock.jump(10 * MINUTE);
  deepEqual([await fixture.told(), await fixture.open()], [["team: late a"], ["a late 1"]]);
  const [delivery] = await fixture.store.alerts.deliveries({ limit: 1 });
  match(
    delivery?.events[0]?.message ?? "",
    /due at 2026-03-02T07:35:00.000Z is still running after 31 m 00 s: late_after is 30 m/,
  );
  await fixture.store.attempts.finish(lease(id), "succeed", outcome({ atMs: now() }));
  await fixture.read();
  deepEqual([(await fixture.told()).at(-1), await fixture.open()], ["team: recovery of late a", []]);

  // A backfill is for the past: when it is done is no question of time.
  await fixture.queue("a", { window: { startMs: 0, endMs: 1 } });
  await fixture.clock.jump(2 * HOUR);
  deepEqual(await fixture.open(), []);
});

const SCHEDULE = { cron: "0 * * * *", timezone: "UTC", catchup: "none" } as const;
const MISSED: Partial<PipelineDefinition> = {
  notify: { on: ["late", "recovery"], to: "team" },
  late_after: "30m",
  schedule: SCHEDULE,
};

Deno.test("a firing that no run was made for is late, until there is a run", async () => {
  await using fixture = await telling(["late", "recovery"]);
  await fixture.addPipeline("a", MISSED);
  await fixture.startReader();
  // It is 08:00: that firing is none that was waited for, and 09:00 is missed at 09:30.
  await fixture.clock.jump(MINUTE);
  await fixture.clock.jump(88 * MINUTE);
  deepEqual(await fixture.open(), []);
  await fixture.clock.jump(2 * MINUTE);
  deepEqual([await fixture.told(), await fixture.open()], [["team: late a"], ["a late 1"]]);
  const [delivery] = await fixture.store.alerts.deliveries({ limit: 1 });
  match(
    delivery?.events[0]?.message ?? "",
    /no run was made for its schedule's time 2026-03-02T09:00:00.000Z/,
  );
  await fixture.clock.jump(5 * MINUTE);
  deepEqual(await fixture.open(), ["a late 1"], "it goes on, and counts once");
  await fixture.run("a");
  await fixture.clock.jump(2 * MINUTE);
  deepEqual([(await fixture.told()).at(-1), await fixture.open()], ["team: recovery of late a", []]);
  await fixture.clock.jump(52 * MINUTE);
  deepEqual(await fixture.open(), ["a late 1"], "10:00 is missed as well");
});

Deno.test("what a server missed while it was down is late at its next start, by what it had fired before", async () => {
  await using fixture = await telling(["late"]);
  await fixture.addPipeline("a", MISSED);
  const at = (minutes: number) => new Date(fixture.clock.now() + minutes * MINUTE).toISOString();
  await fixture.run("a", {}, { trigger: "schedule", triggeredBy: at(0) });
  await fixture.clock.jump(4 * HOUR + 31 * MINUTE);
  await fixture.startReader();
  await fixture.clock.jump(MINUTE);
  deepEqual(await fixture.open(), ["a late 1"]);
});

Deno.test("no run is missed of a pipeline that is paused, was changed since, or has one going on", async () => {
  await using fixture = await telling(["late"]);
  await fixture.addPipeline("paused", MISSED);
  await fixture.addPipeline("changed", MISSED);
  await fixture.addPipeline("busy", MISSED);
  await fixture.addPipeline("demand", { late_after: "30m" });
  await fixture.startReader();
  await fixture.store.pipelines.setPaused("paused", true);
  await fixture.clock.jump(MINUTE);
  const id = await fixture.queue("busy");
  await claim(fixture.store, "me", fixture.clock.now(), { pipelines: ["busy"] });
  await fixture.clock.jump(80 * MINUTE);
  await fixture.addPipeline("changed", { ...MISSED, schedule: { ...SCHEDULE, cron: "0 8,9 * * *" } });
  await fixture.store.attempts.finish(lease(id), "succeed", outcome({ atMs: fixture.clock.now() }));
  await fixture.clock.jump(11 * MINUTE);
  deepEqual(await fixture.open(), []);
  await fixture.store.pipelines.setPaused("paused", false);
  await fixture.clock.jump(10 * MINUTE);
  deepEqual(
    await fixture.open(),
    [],
    "what was due while it was paused is no more",
  );
});

Deno.test("data that is older than freshness is stale, which late is for as well", async () => {
  await using fixture = await telling(["late", "recovery"]);
  await fixture.addPipeline("a", { notify: { on: ["late", "recovery"], to: "team" }, freshness: "2h" });
  await fixture.startReader();
  await fixture.clock.jump(3 * HOUR);
  deepEqual(await fixture.open(), [], "before its first success nobody knows how old its data is");
  await fixture.run("a");
  await fixture.clock.jump(2 * HOUR - MINUTE);
  deepEqual(await fixture.open(), []);
  await fixture.clock.jump(3 * HOUR);
  deepEqual([await fixture.told(), await fixture.open()], [["team: stale a"], ["a stale 1"]]);
  await fixture.run("a");
  deepEqual([(await fixture.told()).at(-1), await fixture.open()], ["team: recovery of stale a", []]);
});

Deno.test("a sensor that finds nothing within its timeout, or cannot look, is told until it finds something", async () => {
  await using fixture = await telling(["sensor", "recovery"]);
  const sensor = { connector: "files", path: "in/*.csv", every: "1m", timeout: "2h" };
  await fixture.addPipeline("a", { notify: { on: ["sensor", "recovery"], to: "team" }, sensors: [sensor] });
  const at = (waitingSinceMs: number, error: string | null = null) =>
    fixture.store.sensors.putState("a", "files in/*.csv", {
      lookedAtMs: waitingSinceMs,
      waitingSinceMs,
      found: null,
      foundAtMs: null,
      error,
    });
  await at(fixture.clock.now());
  await fixture.startReader();
  await fixture.clock.jump(HOUR);
  deepEqual(await fixture.open(), []);
  await fixture.clock.jump(2 * HOUR);
  deepEqual([await fixture.told(), await fixture.open()], [["team: sensor a"], ["a sensor 1"]]);
  await at(fixture.clock.now());
  await fixture.clock.jump(2 * MINUTE);
  deepEqual([(await fixture.told()).at(-1), await fixture.open()], ["team: recovery of sensor a", []]);
  await at(fixture.clock.now(), "no route to the bucket");
  await fixture.clock.jump(2 * MINUTE);
  deepEqual(await fixture.open(), ["a sensor 1"]);
});

Deno.test("counts of rows out of their range are told, with the range and what it is made of", async () => {
  await using fixture = await telling(["volume", "recovery"]);
  await fixture.startReader();
  const rows = (orders: number) => ({ rows: { "extract:orders": orders, "extract:rates": 30 } });
  for (let run = 0; run < 12; run += 1) await fixture.run("a", rows(1_000 + run % 4));
  deepEqual(await fixture.told(), []);
  await fixture.run("a", rows(12));
  deepEqual([await fixture.told(), await fixture.open()], [["team: volume a"], ["a volume 1"]]);
  const [delivery] = await fixture.store.alerts.deliveries({ limit: 1 });
  equal(
    delivery?.events[0]?.message,
    "extract:orders had 12 rows, and 902 to 1,101 are usual (median ± 5 × MAD of 12 runs)",
  );
  await fixture.run("a", { rows: { "extract:orders": 1_050 } });
  equal((await fixture.told()).at(-1), "team: recovery of volume a");
});

Deno.test("problems of a pipeline that was removed are dropped without a word", async () => {
  await using fixture = await telling(["failure", "recovery"]);
  await fixture.startReader();
  await fixture.fail("a");
  await fixture.store.pipelines.remove("a");
  await fixture.clock.jump(2 * MINUTE);
  deepEqual([await fixture.open(), await fixture.told()], [[], ["team: failure a"]]);
  ok((await fixture.store.alerts.list({ isOpen: false, limit: 5 }))[0]?.closed_at);
});

Deno.test("a certificate that wants to be renewed is told once to whoever hears of failures, and so is its end", async () => {
  await using fixture = await telling(["failure", "recovery"]);
  const reader = await fixture.startReader();
  fixture.certificate = "The certificate expires in 9 days: renew it";
  reader.lookAtTime();
  await settle();
  await fixture.clock.jump(MINUTE);
  deepEqual([await fixture.open(), await fixture.told()], [["server certificate 1"], [
    "team: certificate null",
  ]]);
  const [problem] = await fixture.store.alerts.list({ limit: 10 });
  deepEqual([problem?.kind, problem?.message], ["certificate", fixture.certificate]);
  fixture.certificate = undefined;
  reader.lookAtTime();
  await settle();
  deepEqual([await fixture.open(), (await fixture.told()).at(-1)], [
    [],
    "team: recovery of certificate null",
  ]);
});

Deno.test("a disk that is nearly full is told once to whoever hears of failures of any pipeline, and so is its end", async () => {
  await using fixture = await telling(["failure", "recovery"]);
  await fixture.addPipeline("b", { notify: [{ on: ["failure"], to: "team" }] } as never);
  await fixture.addPipeline("c", { notify: [{ on: ["success"], to: "others" }] } as never);
  const reader = await fixture.startReader();
  fixture.lowDisk = "the disk of /data has 3 MB left";
  reader.lookAtTime();
  await settle();
  await fixture.clock.jump(MINUTE);
  fixture.lowDisk = "the disk of /data has 2 MB left";
  await fixture.clock.jump(MINUTE);
  deepEqual([await fixture.open(), await fixture.told()], [["server disk 1"], ["team: disk null"]]);
  const [problem] = await fixture.store.alerts.list({ limit: 10 });
  deepEqual([problem?.kind, problem?.pipeline], ["disk", null]);
  equal(problem?.message, "no run begins: the disk of /data has 2 MB left");

  fixture.lowDisk = undefined;
  reader.lookAtTime();
  await settle();
  deepEqual([await fixture.open(), (await fixture.told()).at(-1)], [[], "team: recovery of disk null"]);
});
