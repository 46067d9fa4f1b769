import { deepEqual, equal, fail, match, ok } from "node:assert/strict";
import * as v from "valibot";
import { connectors } from "../../../../../connectors/registry.ts";
import { pipelineSchema } from "../../../../../contract/pipeline/pipeline.ts";
import { createDatasetNames } from "../../../../../engine/runs/telemetry/lineage/dataset_names.ts";
import type { RunEvent } from "../../../../../engine/runs/telemetry/lineage/run_event.ts";
import { runUuid } from "../../../../../engine/runs/telemetry/lineage/run_uuid.ts";
import { readTelemetrySettings } from "../../../../../engine/runs/telemetry/settings.ts";
import { LineageReceiver } from "../../../../support/lineage_receiver.ts";
import { lease, newRun, outcome, StoreFixture } from "../../store/store_fixture.ts";
import { NOW, openShop, RUN, Telling, workRun } from "./telemetry_fixture.ts";

const OTHER = "01KJP4N4J00123456789ABCDEG";
const address = (url: string) => ({ OPENLINEAGE_URL: url, OPENLINEAGE_API_KEY: "key-4713" });

const ofJob = (events: readonly RunEvent[], told: string): RunEvent =>
  events.find(({ eventType, job }) => `${eventType} ${job.name}` === told) ?? fail(`no ${told}`);

const shown = ({ namespace, name }: RunEvent["inputs"][number]) => `${namespace} ${name}`;

Deno.test("a run tells that it has begun, and at its end of its steps, of what they read and wrote", async () => {
  await using fixture = new StoreFixture();
  const store = await openShop(fixture);
  await using receiver = new LineageReceiver();
  await using telling = await Telling.begin(store, address(receiver.url));
  const window = { startMs: NOW - 3_600_000, endMs: NOW };
  const run = await workRun(store, RUN, "succeed", { window, tags: ["audit"] });
  await telling.caughtUp("lineage");
  deepEqual(receiver.faults, []);
  deepEqual(receiver.told, [
    "START shop",
    "START shop.extract:orders",
    "COMPLETE shop.extract:orders",
    "START shop.model:daily",
    "COMPLETE shop.model:daily",
    "START shop.load:daily→lake",
    "FAIL shop.load:daily→lake",
    "START shop.load:daily→lake",
    "COMPLETE shop.load:daily→lake",
    "COMPLETE shop",
  ]);
  deepEqual([...receiver.paths], ["/api/v1/lineage"]);
  equal(receiver.headers[0]?.get("authorization"), "Bearer key-4713");
  const { events } = receiver;
  const [begin = fail(), end = fail()] = [events[0], events.at(-1)];
  deepEqual([begin.run.runId, end.run.runId], [runUuid(run), runUuid(run)]);
  deepEqual([begin.eventTime, end.eventTime], ["2026-03-02T08:00:01.000Z", "2026-03-02T08:00:06.000Z"]);
  equal(begin.run.facets["nominalTime"]?.["nominalStartTime"], "2026-03-02T07:00:00.000Z");
  ok(JSON.stringify(begin.run.facets["tags"]).includes('"audit"'));

  const warehouse = "duckdb:///srv/shop/.sluice/warehouse/shop.duckdb";
  const extract = ofJob(events, "COMPLETE shop.extract:orders");
  deepEqual(extract.inputs.map(shown), ["postgres://db.example.com:5433 shop.public.orders"]);
  deepEqual(extract.outputs.map(shown), [`${warehouse} shop.raw.orders`]);
  equal(extract.outputs[0]?.outputFacets?.["outputStatistics"]?.["rowCount"], 10);
  const source = { namespace: "postgres://db.example.com:5433", name: "shop.public.orders" };
  const identity = { type: "DIRECT", subtype: "IDENTITY" };
  const masked = { type: "DIRECT", subtype: "TRANSFORMATION", masking: true };
  deepEqual(extract.outputs[0]?.facets?.["columnLineage"]?.["fields"], {
    id: { inputFields: [{ ...source, field: "id", transformations: [identity] }] },
    who: { inputFields: [{ ...source, field: "name", transformations: [masked] }] },
  });
  deepEqual(extract.run.facets["parent"]?.["run"], { runId: runUuid(run) });

  const model = ofJob(events, "COMPLETE shop.model:daily");
  deepEqual([model.inputs.map(shown), model.outputs.map(shown)], [
    [`${warehouse} shop.raw.orders`],
    [`${warehouse} shop.main.daily`],
  ]);
  equal(model.job.facets["sql"]?.["query"], "select 1");
  deepEqual(model.outputs[0]?.facets?.["schema"]?.["fields"], [
    { name: "n", type: "BIGINT", description: "how many" },
  ]);
  const raw = { namespace: warehouse, name: "shop.raw.orders" };
  const indirect = (...subtypes: string[]) => subtypes.map((subtype) => ({ type: "INDIRECT", subtype }));
  const counted = [{ type: "DIRECT", subtype: "AGGREGATION", masking: true }];
  const ofModel = model.outputs[0]?.facets?.["columnLineage"];
  deepEqual(ofModel?.["fields"], {
    n: {
      inputFields: [
        { ...raw, field: "who", transformations: counted },
        { ...raw, field: "id", transformations: indirect("WINDOW") },
      ],
    },
  });
  deepEqual(ofModel?.["dataset"], [
    { ...raw, field: "id", transformations: indirect("FILTER", "GROUP_BY") },
  ]);
  const load = ofJob(events, "COMPLETE shop.load:daily→lake");
  deepEqual([load.inputs.map(shown), load.outputs.map(shown)], [
    [`${warehouse} shop.main.daily`],
    ["s3://lake daily.parquet"],
  ]);
  equal(
    ofJob(events, "FAIL shop.load:daily→lake").run.facets["errorMessage"]?.["message"],
    "unavailable (reset)",
  );
  const ids = events.slice(1, -1).map(({ run: { runId } }) => runId);
  equal(new Set(ids).size, 4, "a step of an attempt has one id, for its begin and its end");
  for (const secret of ["4711", "4712", "4713", "ada"]) ok(!JSON.stringify(events).includes(secret), secret);
  deepEqual([telling.logged, await telling.problems()], [[], []]);
});

Deno.test("a run that fails, or is cancelled before it begins, tells so", async () => {
  await using fixture = new StoreFixture();
  const store = await openShop(fixture);
  await using receiver = new LineageReceiver();
  await using telling = await Telling.begin(store, address(receiver.url));
  const failed = await workRun(store, RUN, "fail");
  await store.runs.create(newRun(OTHER, { pipeline: "shop" }));
  await store.runs.cancelQueued(OTHER, NOW, "cancelled", "ada");
  await telling.caughtUp("lineage");
  deepEqual(receiver.faults, []);
  deepEqual(receiver.told.filter((told) => told.endsWith(" shop")), [
    "START shop",
    "FAIL shop",
    "ABORT shop",
  ]);
  equal(ofJob(receiver.events, "FAIL shop").run.runId, runUuid(failed));
});

Deno.test("what somebody retries is another run of the job", async () => {
  await using fixture = new StoreFixture();
  const store = await openShop(fixture);
  await using receiver = new LineageReceiver();
  await using telling = await Telling.begin(store, address(receiver.url));
  await workRun(store, RUN, "fail");
  await store.runs.retry(RUN, NOW + 60_000);
  await store.attempts.claim({ worker: "me", nowMs: NOW + 61_000, leaseUntilMs: NOW + 99_000, maxRuns: 1 });
  await store.attempts.finish(lease(RUN, 2), "succeed", outcome({ atMs: NOW + 62_000 }));
  await telling.caughtUp("lineage");
  const runs = receiver.events.filter(({ job }) => job.name === "shop");
  deepEqual(runs.map(({ eventType }) => eventType), ["START", "FAIL", "START", "COMPLETE"]);
  const [begin, end, again, done] = runs.map(({ run }) => run.runId);
  deepEqual([begin === end, again === done, begin === again], [true, true, false]);
  equal(receiver.events.filter(({ job }) => job.name === "shop.extract:orders").length, 2, "told once");
});

Deno.test("a receiver that is away, hangs or asks for a pause gets all of it later; it is said once", async () => {
  await using fixture = new StoreFixture();
  const store = await openShop(fixture);
  const probe = new LineageReceiver();
  const { port, url } = probe;
  await probe[Symbol.asyncDispose]();
  await using telling = await Telling.begin(store, address(url));
  await workRun(store, RUN);
  telling.telemetry.wake();
  await telling.until(async () => (await telling.problems()).length > 0);
  deepEqual(await telling.problems(), ["delivery: telemetry lineage delivery"]);
  const pause = new Response("", { status: 429, headers: { "retry-after": "1" } });
  await using receiver = new LineageReceiver([pause, new Response("", { status: 503 })], port);
  await telling.caughtUp("lineage");
  deepEqual(
    receiver.told.slice(0, 3),
    ["START shop", "START shop", "START shop"],
    "again and again, then on",
  );
  equal(receiver.told.at(-1), "COMPLETE shop");
  deepEqual(await telling.problems(), []);
  equal(telling.logged.length, 2, telling.logged.join("\n"));
});

Deno.test("a receiver that hangs keeps nobody from stopping", async () => {
  await using fixture = new StoreFixture();
  const store = await openShop(fixture);
  await using receiver = new LineageReceiver(["hang"]);
  {
    await using telling = await Telling.begin(store, address(receiver.url));
    await workRun(store, RUN);
    telling.telemetry.wake();
    await receiver.until(1);
  }
  await using telling = await Telling.begin(store, address(receiver.url));
  await telling.caughtUp("lineage");
  equal(receiver.told.at(-1), "COMPLETE shop");
});

Deno.test("an event that is refused is left out, and all others are told", async () => {
  await using fixture = new StoreFixture();
  const store = await openShop(fixture);
  await using receiver = new LineageReceiver([new Response("4711", { status: 422 })]);
  await using telling = await Telling.begin(store, address(receiver.url));
  await workRun(store, RUN);
  await telling.caughtUp("lineage");
  equal(receiver.told.length, 10);
  deepEqual(telling.logged.length, 1);
  match(
    telling.logged[0] ?? "",
    /^error OpenLineage events for .* were refused, and are left out 1 events: answered 422/,
  );
});

Deno.test("where lineage goes is said by the variables of OpenLineage", () => {
  const read = (variables: Readonly<Record<string, string>>) =>
    readTelemetrySettings((name) => variables[name]);
  deepEqual(read({ OPENLINEAGE_URL: "http://marquez:5000/" }).lineage, {
    ...{ url: "http://marquez:5000/api/v1/lineage", apiKey: undefined, namespace: "sluice" },
  });
  const all = {
    OPENLINEAGE_URL: "https://l.example.com",
    OPENLINEAGE_ENDPOINT: "/own/path",
    OPENLINEAGE_NAMESPACE: "prod",
    OPENLINEAGE_API_KEY: "k",
  };
  deepEqual(read(all).lineage, { url: "https://l.example.com/own/path", apiKey: "k", namespace: "prod" });
  deepEqual(read({ ...all, OPENLINEAGE_DISABLED: "true" }), { faults: [] });
  match(read({ OPENLINEAGE_URL: "marquez:5000" }).faults[0] ?? "", /^OPENLINEAGE_URL is no address/);
});

Deno.test("a run's id is a UUID of version 7 that follows from it", () => {
  const run = { id: RUN, created_at: "2026-03-02T08:00:00.000Z" };
  match(runUuid(run), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  equal(runUuid(run), runUuid({ ...run }));
  const ids = [run, { ...run, id: OTHER }, { ...run, retried_after: 1 }, { ...run, retried_after: 2 }].map(
    runUuid,
  );
  equal(new Set([...ids, runUuid({ ...run, id: "old" })]).size, 5);
});

Deno.test("a manual attempt's end without any step is told", async () => {
  await using fixture = new StoreFixture();
  const store = await openShop(fixture);
  await using receiver = new LineageReceiver();
  await using telling = await Telling.begin(store, address(receiver.url));
  await store.runs.create(newRun(RUN, { pipeline: "shop", createdAtMs: NOW }));
  await store.attempts.claim({ worker: "me", nowMs: NOW, leaseUntilMs: NOW + 9_000, maxRuns: 1 });
  await store.attempts.finish(lease(RUN), "cancel", outcome({ atMs: NOW + 1_000 }));
  await telling.caughtUp("lineage");
  deepEqual([receiver.faults, receiver.told], [[], ["START shop", "ABORT shop"]]);
});

Deno.test("a published model is called in who reads it as it is in who makes it", async () => {
  const names = createDatasetNames({
    connectors,
    references: { env: () => undefined, secrets: { get: () => Promise.resolve(undefined) } },
    store: { revisions: { connectors: () => Promise.resolve({}) } },
    projectDir: "/srv/shop",
    dataDir: "/srv/shop/.sluice",
    namespace: "sluice",
  });
  const { extract } = v.parse(pipelineSchema, {
    extract: { revenue: { connector: "sluice", stream: "shop.daily" } },
  });
  const stream = extract["revenue"] ?? fail();
  const address = {
    connector: "sluice",
    type: "sluice",
    part: { kind: "stream" as const, name: "revenue", stream },
  };
  const read = await names.of({ id: "rev", pipeline: "report" }, address);
  deepEqual(read, names.inWarehouse("shop", "main.daily"));
  deepEqual(read?.name, "shop.main.daily");
});
