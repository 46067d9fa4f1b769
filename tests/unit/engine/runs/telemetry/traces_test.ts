import { deepEqual, equal, fail, match, notEqual, ok } from "node:assert/strict";
import { parseTraceparent } from "../../../../../contract/runs/traceparent.ts";
import { readTelemetrySettings } from "../../../../../engine/runs/telemetry/settings.ts";
import { hexOfUlid, runSpanId, traceIdOf } from "../../../../../engine/runs/telemetry/trace_ids.ts";
import { OtlpReceiver, type ReceivedSpan } from "../../../../support/otlp_receiver.ts";
import { claim, lease, outcome, StoreFixture } from "../../store/store_fixture.ts";
import { NOW, openShop, RUN, Telling, workRun } from "./telemetry_fixture.ts";

const OTHER = "01KJP4N4J00123456789ABCDEG";

const endpoint = (url: string) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url });

const byName = (spans: readonly ReceivedSpan[], name: string): ReceivedSpan =>
  spans.find((span) => span.name === name) ?? fail(`no span ${name}: ${spans.map((one) => one.name)}`);

Deno.test("a run's spans are sent when it has ended: the run, its attempts, what each worked on", async () => {
  await using fixture = new StoreFixture();
  const store = await openShop(fixture);
  await using receiver = new OtlpReceiver();
  await using telling = await Telling.begin(store, endpoint(receiver.url));
  await workRun(store, RUN);
  await telling.caughtUp();
  deepEqual(receiver.requests.map(({ path }) => path), ["/v1/traces"]);
  equal(receiver.requests[0]?.resource["service.name"], "sluice");
  equal(receiver.requests[0]?.resource["service.version"], "1.2.3");
  const { spans } = receiver;
  const run = byName(spans, "run shop");
  equal(run.traceId, hexOfUlid(RUN));
  equal(run.traceId.slice(0, 12), parseInt(run.traceId.slice(0, 12), 16).toString(16).padStart(12, "0"));
  deepEqual([run.parentId, run.startMs, run.endMs, run.statusCode], ["", NOW, NOW + 6_000, 0]);
  equal(run.attributes["sluice.run.state"], "succeeded");
  equal(run.attributes["sluice.rows.loaded"], 3);
  equal(run.attributes["sluice.revision"], "rev-shop");
  const attempts = spans.filter(({ name }) => name === "attempt");
  deepEqual(
    attempts.map((
      { attributes, statusCode, parentId },
    ) => [attributes["sluice.attempt"], statusCode, parentId]),
    [[1, 2, run.id], [2, 0, run.id]],
  );
  const extract = byName(spans, "extract:orders");
  deepEqual([extract.parentId, extract.kind], [attempts[0]?.id, 3]);
  equal(extract.attributes["sluice.rows"], 10);
  equal(extract.attributes["sluice.bytes"], 99);
  equal(extract.attributes["sluice.connector.type"], "postgres");
  equal(extract.attributes["db.system.name"], "postgresql");
  equal(extract.attributes["db.collection.name"], "orders");
  equal(byName(spans, "model:daily").kind, 1);
  const loads = spans.filter(({ name }) => name === "load:daily→lake");
  deepEqual(
    loads.map(({ statusCode, statusMessage, attributes }) => [
      statusCode,
      statusMessage,
      attributes["sluice.attempt"],
      attributes["error.type"],
      attributes["sluice.connector"],
    ]),
    [[2, "unavailable", 1, "unavailable", "lake"], [0, "", 2, undefined, "lake"]],
  );
  equal(spans.length, 7, "a step that did not begin has no span");
  ok(!JSON.stringify(spans).includes("4711"), "no value of a row, and no message that may have one");
  ok(!JSON.stringify(spans).includes("CRM_URL"));
  deepEqual([telling.logged, await telling.problems()], [[], []]);
});

Deno.test("what is sent again after a crash is the same spans", async () => {
  await using fixture = new StoreFixture();
  const store = await openShop(fixture);
  await using receiver = new OtlpReceiver();
  {
    await using _dead = await Telling.begin(store, endpoint(receiver.url));
    // It dies before it has written how far it is.
  }
  await workRun(store, RUN);
  const untold = {
    ...store,
    outbox: { ...store.outbox, advance: () => Promise.reject(new Error("killed")) },
  };
  {
    await using _dead = await Telling.begin(untold, endpoint(receiver.url));
    await receiver.until(1);
  }
  await using telling = await Telling.begin(store, endpoint(receiver.url));
  await telling.caughtUp();
  equal(receiver.requests.length, 2);
  deepEqual(receiver.requests[0]?.spans, receiver.requests[1]?.spans);
});

Deno.test("a run is a part of its request's trace, and what somebody retries is another span of it", async () => {
  await using fixture = new StoreFixture();
  const store = await openShop(fixture);
  await using receiver = new OtlpReceiver();
  await using telling = await Telling.begin(store, endpoint(receiver.url));
  const [traceId, caller] = ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"];
  await workRun(store, RUN, "fail", { traceparent: `00-${traceId}-${caller}-01` });
  await telling.caughtUp();
  await store.runs.retry(RUN, NOW + 60_000);
  await claim(store, "me", NOW + 61_000);
  await store.attempts.finish(lease(RUN, 2), "succeed", outcome({ atMs: NOW + 62_000 }));
  await workRun(store, OTHER, "fail", { parent: RUN });
  await telling.caughtUp();
  const { spans } = receiver;
  const [first = fail(), second = fail(), next = fail()] = spans.filter(({ name }) => name === "run shop");
  deepEqual([first.traceId, first.parentId], [traceId, caller]);
  deepEqual([second.traceId, second.parentId], [traceId, caller]);
  notEqual(first.id, second.id);
  deepEqual([second.startMs, second.endMs], [NOW + 61_000, NOW + 62_000]);
  const attempts = spans.filter(({ name }) => name === "attempt");
  deepEqual(attempts.map(({ parentId }) => parentId), [first.id, second.id, next.id]);
  deepEqual(next.links, [{ traceId, spanId: second.id }]);
  equal(next.traceId, hexOfUlid(OTHER));

  await workRun(store, `${RUN}-unsampled`, "fail", { traceparent: `00-${traceId}-${caller}-00` });
  await telling.caughtUp();
  equal(receiver.spans.length, spans.length, "the caller has decided that it is not sampled");
});

Deno.test("a collector that refuses, hangs or wants a pause is told all of it later, and it is said once", async () => {
  await using fixture = new StoreFixture();
  const store = await openShop(fixture);
  const probe = new OtlpReceiver();
  const { port, url } = probe;
  await probe[Symbol.asyncDispose]();
  // A second for a request, its own repeats among it.
  Deno.env.set("OTEL_EXPORTER_OTLP_TIMEOUT", "300");
  try {
    await using telling = await Telling.begin(store, endpoint(url));
    await workRun(store, RUN);
    telling.telemetry.wake();
    await telling.until(async () => (await telling.problems()).length > 0);
    deepEqual(await telling.problems(), ["delivery: telemetry traces delivery"]);
    const pause = new Response("", { status: 429, headers: { "retry-after": "1" } });
    await using receiver = new OtlpReceiver(
      ["hang", pause, new Response("", { status: 503 }), new Response("", { status: 401 })],
      port,
    );
    await telling.caughtUp();
    equal(receiver.requests.length, 5);
    equal(new Set(receiver.spans.map(({ traceId, id }) => traceId + id)).size, 7);
    deepEqual(await telling.problems(), []);
    const [away = "", back = "", ...more] = telling.logged;
    match(
      away,
      /^warn Traces for http:\/\/127\.0\.0\.1:\d+ are not taken; trying again until they are .*ECONNREFUSED/,
    );
    match(back, /^info Traces for .* are taken again/);
    deepEqual(more, []);
  } finally {
    Deno.env.delete("OTEL_EXPORTER_OTLP_TIMEOUT");
  }
});

Deno.test("what a collector will never take is left out, and the next run is told", async () => {
  await using fixture = new StoreFixture();
  const store = await openShop(fixture);
  await using receiver = new OtlpReceiver([new Response("row 12: 4711", { status: 400 })]);
  await using telling = await Telling.begin(store, endpoint(receiver.url));
  await workRun(store, RUN);
  await telling.caughtUp();
  await workRun(store, OTHER);
  await telling.caughtUp();
  deepEqual(receiver.requests.map(({ spans }) => spans[0]?.traceId), [hexOfUlid(RUN), hexOfUlid(OTHER)]);
  match(telling.logged[0] ?? "", /^error Traces for .* were refused, and are left out answered 400/);
  ok(!telling.logged.join().includes("4711"));
});

Deno.test("what is older than a day is left out where a collector comes back", async () => {
  await using fixture = new StoreFixture();
  const store = await openShop(fixture);
  await using receiver = new OtlpReceiver();
  await using telling = await Telling.begin(store, endpoint(receiver.url));
  await telling.clock.jump(25 * 3_600_000);
  await workRun(store, RUN);
  await telling.caughtUp();
  equal(receiver.requests.length, 0);
  match(telling.logged[0] ?? "", /^warn Traces for .* were not taken for a day: what is older is left out/);
  equal(telling.logged.length, 1);
});

Deno.test("sampling goes by the variables, and by the caller's decision", async () => {
  await using fixture = new StoreFixture();
  const store = await openShop(fixture);
  await using receiver = new OtlpReceiver();
  for (const sampler of ["always_off", "parentbased_always_off", "traceidratio"]) {
    await using telling = await Telling.begin(store, {
      ...endpoint(receiver.url),
      OTEL_TRACES_SAMPLER: sampler,
      OTEL_TRACES_SAMPLER_ARG: "0",
    });
    await workRun(store, `${RUN}-${sampler}`);
    await telling.caughtUp();
  }
  equal(receiver.requests.length, 0);
});

Deno.test("a server that is to send no traces keeps nothing for them", async () => {
  await using fixture = new StoreFixture();
  const store = await openShop(fixture);
  await using receiver = new OtlpReceiver();
  {
    await using _telling = await Telling.begin(store, endpoint(receiver.url));
  }
  await workRun(store, RUN);
  {
    await using _telling = await Telling.begin(store, {});
  }
  await using telling = await Telling.begin(store, endpoint(receiver.url));
  await claim(store, "me", NOW);
  await telling.caughtUp();
  equal(receiver.requests.length, 0, "it begins with what happens from now on");
});

Deno.test("variables that are not understood are said to be so, without what may be a secret in them", () => {
  const read = (variables: Readonly<Record<string, string>>) =>
    readTelemetrySettings((name) => variables[name]);
  deepEqual(read({}), { faults: [] });
  deepEqual(read({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318/" }).traces, {
    ...{ url: "http://c:4318/v1/traces", sampler: "parentbased_always_on", ratio: 1 },
  });
  const own = {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://c/own",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://d",
  };
  equal(read(own).traces?.url, "https://c/own");
  const ratio = { ...own, OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.25" };
  equal(read(ratio).traces?.ratio, 0.25);
  for (const off of [{ OTEL_SDK_DISABLED: "true" }, { OTEL_TRACES_EXPORTER: "none" }]) {
    deepEqual(read({ ...own, ...off }), { faults: [] });
  }
  for (
    const [variables, words] of [
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: "user:secret@c:4318" }, /^OTEL_EXPORTER_OTLP_ENDPOINT is no address/],
      [{ ...own, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, /http\/protobuf alone.*4318/],
      [{ ...own, OTEL_TRACES_EXPORTER: "zipkin" }, /expected otlp or none/],
    ] as const
  ) {
    const { traces, faults: [fault = "", ...more] } = read(variables);
    equal(traces, undefined);
    deepEqual(more, []);
    match(fault, words);
    ok(!fault.includes("secret"));
  }
  const wrong = read({ ...own, OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "2" });
  deepEqual([wrong.traces?.ratio, wrong.faults.length], [1, 1]);
  equal(read({ ...own, OTEL_TRACES_SAMPLER: "jaeger" }).traces?.sampler, "parentbased_always_on");
});

Deno.test("a request's traceparent is read as the standard has it, and everything else is none", () => {
  const [traceId, spanId] = ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"];
  const parent = { traceId, spanId, isSampled: true };
  deepEqual(parseTraceparent(`00-${traceId}-${spanId}-01`), parent);
  deepEqual(parseTraceparent(`00-${traceId}-${spanId}-00`), { ...parent, isSampled: false });
  deepEqual(parseTraceparent(`cc-${traceId}-${spanId}-01-what-comes`), parent, "a later version");
  for (
    const none of [
      undefined,
      "",
      `ff-${traceId}-${spanId}-01`,
      `00-${traceId}-${spanId}-01-more`,
      `00-${"0".repeat(32)}-${spanId}-01`,
      `00-${traceId}-${"0".repeat(16)}-01`,
      `00-${traceId.toUpperCase()}-${spanId}-01`,
      `00-${traceId}-${spanId}`,
      `cc-${traceId}-${spanId}-01-${"x".repeat(300)}`,
    ]
  ) equal(parseTraceparent(none), undefined, none);
});

Deno.test("a trace's id is the run's own, and every part of a run has another span", () => {
  equal(hexOfUlid("00000000000000000000000000"), undefined);
  equal(hexOfUlid("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), "f".repeat(32));
  equal(hexOfUlid("nothing"), undefined);
  match(traceIdOf({ id: "nothing" }), /^[0-9a-f]{32}$/);
  match(runSpanId({ id: RUN }), /^[0-9a-f]{16}$/);
  notEqual(runSpanId({ id: RUN }), runSpanId({ id: OTHER }));
  notEqual(runSpanId({ id: RUN }), runSpanId({ id: RUN, retried_after: 2 }));
});
