import assert from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import type { Fault } from "../../../../text/fault.ts";
import { addPipeline, newRun, StoreFixture } from "./store_fixture.ts";

const FAULT: Fault = { file: "pipelines/a.yaml", line: 3, message: 'unknown key "x"', severity: "error" };

Deno.test("list() and get() answer what put() wrote, by name", async () => {
  await using fixture = new StoreFixture();
  const { pipelines } = await fixture.openWithPipelines();
  await pipelines.put({ name: "A_faulty", origin: "api", faults: [FAULT] });
  assert.deepEqual(await pipelines.get("A_faulty"), {
    name: "A_faulty",
    origin: "api",
    revision: null,
    paused: false,
    faults: [FAULT],
    rolledBackFrom: null,
    lastFiredAtMs: null,
  });
  assert.deepEqual((await pipelines.list()).map(({ name }) => name), ["A_faulty", "a", "b"]);
  assert.equal(await pipelines.get("none"), undefined);
});

Deno.test("names() and headsInForce() are of what list() gives", async () => {
  await using fixture = new StoreFixture();
  const { pipelines, revisions } = await fixture.openWithPipelines();
  await pipelines.put({ name: "faulty", origin: "api", faults: [FAULT] });
  assert.deepEqual(await pipelines.names(), ["a", "b", "faulty"]);
  const heads = await revisions.headsInForce();
  assert.deepEqual([...heads].map(([name, { id }]) => [name, id]).sort(), [["a", "rev-a"], ["b", "rev-b"]]);
  assert.deepEqual(heads.get("a"), await revisions.head("rev-a"));
  await pipelines.remove("b");
  assert.deepEqual(await pipelines.names(), ["a", "faulty"]);
  assert.deepEqual([...(await revisions.headsInForce()).keys()], ["a"]);
});

Deno.test("put() without a revision keeps the one in force", async () => {
  await using fixture = new StoreFixture();
  const { pipelines } = await fixture.openWithPipelines();
  await pipelines.put({ name: "a", origin: "files", faults: [FAULT] });
  const { revision, faults } = await pipelines.get("a") ?? {};
  assert.deepEqual([revision, faults], ["rev-a", [FAULT]]);
  await pipelines.put({ name: "a", origin: "files", revision: "rev-b", faults: [] });
  assert.equal((await pipelines.get("a"))?.revision, "rev-b");
});

Deno.test("put() refuses a revision that was never saved", async () => {
  await using fixture = new StoreFixture();
  const { pipelines } = await fixture.openWithPipelines();
  await assert.rejects(
    pipelines.put({ name: "a", origin: "files", revision: "none", faults: [] }),
    (error) => error instanceof AppError && error.code === "conflict",
  );
  assert.equal((await pipelines.get("a"))?.revision, "rev-a");
});

Deno.test("remove() hides a pipeline and keeps its runs; put() brings it back without its revision", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("r"));
  await store.pipelines.remove("a");
  await store.pipelines.remove("none");
  assert.equal(await store.pipelines.get("a"), undefined);
  assert.deepEqual((await store.pipelines.list()).map(({ name }) => name), ["b"]);
  assert.equal((await store.runs.get("r"))?.pipeline, "a");
  await store.pipelines.put({ name: "a", origin: "files", faults: [FAULT] });
  assert.equal((await store.pipelines.get("a"))?.revision, null);
});

Deno.test("setPaused() lasts until it is set again, over new definitions", async () => {
  await using fixture = new StoreFixture();
  const { pipelines } = await fixture.openWithPipelines();
  await pipelines.setPaused("a", true);
  await addPipeline(await fixture.open(), "a");
  assert.equal((await pipelines.get("a"))?.paused, true);
  await pipelines.setPaused("a", false);
  assert.equal((await pipelines.get("a"))?.paused, false);
});

Deno.test("setPaused() throws not_found for a pipeline that is not there", async () => {
  await using fixture = new StoreFixture();
  const { pipelines } = await fixture.openWithPipelines();
  await pipelines.remove("b");
  const isNotFound = (error: unknown) => error instanceof AppError && error.code === "not_found";
  for (const name of ["none", "b"]) await assert.rejects(pipelines.setPaused(name, true), isNotFound);
});

Deno.test("marks of schedules are kept by pipeline and schedule, go on only, and can be forgotten", async () => {
  await using fixture = new StoreFixture();
  const { pipelines } = await fixture.openWithPipelines();
  const [hourly, daily] = ["0 * * * * UTC", "0 0 * * * UTC"];
  await pipelines.putScheduleMarks([
    { pipeline: "a", schedule: hourly, untilMs: 2 },
    { pipeline: "a", schedule: hourly, untilMs: 1 },
    { pipeline: "b", schedule: hourly, untilMs: 5 },
    { pipeline: "gone", schedule: hourly, untilMs: 5 },
  ]);
  await pipelines.putScheduleMarks([
    { pipeline: "a", schedule: daily, untilMs: 3 },
    { pipeline: "b", schedule: hourly, untilMs: 4 },
  ]);
  await pipelines.putScheduleMarks([]);
  const marks = async () =>
    (await pipelines.scheduleMarks()).map((mark) => `${mark.pipeline} ${mark.schedule} ${mark.untilMs}`)
      .sort();
  assert.deepEqual(await marks(), [`a ${hourly} 2`, `a ${daily} 3`, `b ${hourly} 5`]);
  await pipelines.forgetScheduleMarks([
    { pipeline: "a", schedule: hourly },
    { pipeline: "b", schedule: daily },
  ]);
  assert.deepEqual(await marks(), [`a ${daily} 3`, `b ${hourly} 5`]);
});

Deno.test("streamColumns() answers the last columns of each stream of the pipeline", async () => {
  await using fixture = new StoreFixture();
  const { pipelines } = await fixture.openWithPipelines();
  assert.deepEqual(await pipelines.streamColumns("a"), {});
  const columns = [{ name: 'a "b"', type: "DECIMAL(18,2)" }, { name: "é", type: "STRUCT(x INTEGER)[]" }];
  await pipelines.putStreamColumns("a", "orders", [{ name: "old", type: "INTEGER" }]);
  await pipelines.putStreamColumns("a", "orders", columns);
  await pipelines.putStreamColumns("a", "__proto__", []);
  await pipelines.putStreamColumns("not put yet", "orders", []);
  const found = await pipelines.streamColumns("a");
  assert.deepEqual(Object.entries(found).sort(), [["__proto__", []], ["orders", columns]]);
});

Deno.test("putConnectors() replaces all connectors", async () => {
  await using fixture = new StoreFixture();
  const { pipelines } = await fixture.openWithPipelines();
  assert.deepEqual(await pipelines.connectors(), {});
  await pipelines.putConnectors({
    shop: { type: "postgres", url: "${secret:SHOP}" },
    lake: { type: "file" },
  });
  await pipelines.putConnectors({ shop: { type: "sqlite", options: { deep: [1, null] } } });
  assert.deepEqual(await pipelines.connectors(), { shop: { type: "sqlite", options: { deep: [1, null] } } });
  await pipelines.putConnectors({});
  assert.deepEqual(await pipelines.connectors(), {});
});
