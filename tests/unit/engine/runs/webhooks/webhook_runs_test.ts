import { deepEqual, equal, rejects } from "node:assert/strict";
import * as v from "valibot";
import { AppError } from "../../../../../contract/errors.ts";
import { pipelineSchema } from "../../../../../contract/pipeline/pipeline.ts";
import { webhook } from "../../../../../connectors/webhook/connector.ts";
import { WebhookReceiver } from "../../../../../engine/runs/webhooks/receive.ts";
import { WebhookRuns } from "../../../../../engine/runs/webhooks/webhook_runs.ts";
import type { Store } from "../../../../../engine/store/store.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";
import { newRun, revision, StoreFixture } from "../../store/store_fixture.ts";

const { signal } = new AbortController();
const how = {
  signal,
  judge: (_key: string | undefined, isSigned: () => boolean) => Promise.resolve(isSigned()),
};
const bytes = (text: string) => new TextEncoder().encode(text);
const SECRET = "${secret:HOOK}";

async function withHooks(store: Store, more = {}): Promise<void> {
  const definition = v.parse(pipelineSchema, {
    webhooks: { orders: { secret: SECRET }, ping: { secret: SECRET } },
    extract: { orders: { connector: "webhook", webhook: "orders", mode: "append" } },
    ...more,
  });
  await store.revisions.save(revision({ id: "hooked", definition }), []);
  await store.pipelines.put({ name: "a", origin: "files", revision: "hooked", faults: [] });
}

/** Takes posts and looks at them; `committed` is how far the stream is. */
function hooks(store: Store) {
  const clock = new FakeClock(1_000);
  const state = { committed: 0, runs: [] as string[] };
  const receiver = new WebhookReceiver({
    store,
    clock,
    secrets: { get: (name) => Promise.resolve(name === "HOOK" ? "s3cret" : undefined) },
    connectors: [webhook],
    onPost: () => {},
  });
  const service = new WebhookRuns({
    store,
    clock,
    log: (_level, message, fields) => void state.runs.push(`${message} ${JSON.stringify(fields)}`),
    streams: {
      get: (_pipeline, stream) =>
        Promise.resolve(
          state.committed === 0 ? undefined : {
            stream,
            run: "r",
            committed_at: "",
            cursor: null,
            state: JSON.stringify({ seq: state.committed }),
          },
        ),
    },
    async trigger(_pipeline, _webhook, key, traceparent) {
      const { run, created } = await store.runs.create(
        newRun(`run ${state.runs.length}`, {
          ...{ revision: "hooked", idempotencyKey: key, requestHash: "h" },
          ...(traceparent === undefined ? {} : { traceparent }),
        }),
      );
      if (created) state.runs.push(run.id);
    },
  });
  const post = (name: string, body: string, headers: Record<string, string> = {}) =>
    receiver.receive("a", name, {
      headers: { authorization: "Bearer s3cret", "content-type": "application/json", ...headers },
      body: bytes(body),
    }, how);
  return { state, service, post, receiver };
}

const has = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;

Deno.test("one run is for all posts that wait, and what came while it went on gets one when it has ended", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await withHooks(store);
  const { state, service, post } = hooks(store);
  const first = await post("orders", '{"id":1}');
  const second = await post("orders", '{"id":2}');
  await service.look();
  await service.look();
  deepEqual(state.runs, ["run 0"]);
  const third = await post("orders", '{"id":3}');
  await service.look();
  deepEqual(state.runs, ["run 0"], "it is queued, and may read the third as well");
  state.committed = second.seq;
  await store.runs.cancelQueued("run 0", 1, "asked", null);
  await service.look();
  deepEqual(state.runs, ["run 0", "run 1"]);
  equal((await store.inbox.open())[0]?.count, 1);
  state.committed = third.seq;
  await store.runs.cancelQueued("run 1", 1, "asked", null);
  await service.look();
  await service.look();
  deepEqual([state.runs.length, await store.inbox.open()], [2, []]);
  equal((await store.inbox.after("a/orders", 0))?.seq, first.seq, "a full refresh can read it again");
});

Deno.test("a run is a part of the trace of the first post that waits for it", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await withHooks(store);
  const { state, service, post } = hooks(store);
  const traceparent = (digit: string) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`;
  const told = async (run: string) => (await store.runs.get(run))?.traceparent;
  const first = await post("orders", "[]", { traceparent: traceparent("a") });
  await post("orders", "[]", { traceparent: traceparent("b") });
  await service.look();
  equal(await told("run 0"), traceparent("a"));
  await store.runs.cancelQueued("run 0", 1, "asked", null);
  state.committed = first.seq;
  await service.look();
  equal(await told("run 1"), traceparent("b"));
  await store.runs.cancelQueued("run 1", 1, "asked", null);
  state.committed = first.seq + 1;
  await post("ping", "", { traceparent: "nonsense" });
  await service.look();
  equal(await told("run 2"), undefined);
});

Deno.test("a run that failed is not started again for the same posts; a paused pipeline keeps them", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await withHooks(store);
  const { state, service, post } = hooks(store);
  await store.pipelines.setPaused("a", true);
  await post("orders", "[]");
  await service.look();
  deepEqual(state.runs, []);
  await store.pipelines.setPaused("a", false);
  await service.look();
  await store.runs.cancelQueued("run 0", 1, "asked", null);
  await service.look();
  deepEqual(state.runs, ["run 0"]);
  await post("orders", "[]");
  await service.look();
  deepEqual(state.runs, ["run 0", "run 1"]);
});

Deno.test("a webhook that no stream reads takes any body, and is settled with its run", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await withHooks(store);
  const { state, service, post } = hooks(store);
  await post("ping", "", { "content-type": "image/png" });
  await service.look();
  deepEqual([state.runs, await store.inbox.open()], [["run 0"], []]);
});

Deno.test("messages of a webhook or a pipeline that is no more wait for nobody", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await withHooks(store);
  const { state, service, post } = hooks(store);
  await post("orders", "{}");
  await store.pipelines.put({ name: "a", origin: "files", revision: "rev-a", faults: [] });
  await service.look();
  deepEqual([state.runs, await store.inbox.open()], [[], []]);
});

Deno.test("receive() refuses what is not signed, not known or not to be read, and keeps none of it", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await withHooks(store);
  const { post, receiver } = hooks(store);
  await rejects(post("orders", "{}", { authorization: "Bearer guess" }), has("unauthorized"));
  await rejects(post("none", "{}"), has("not_found"));
  await rejects(post("__proto__", "{}"), has("not_found"));
  await rejects(
    receiver.receive("z\0", "orders", { headers: {}, body: bytes("") }, how),
    has("not_found"),
  );
  await rejects(post("orders", "{"), has("invalid"));
  await rejects(post("orders", "x", { "content-type": "image/png" }), has("invalid"));
  deepEqual(await store.inbox.open(), []);
});

Deno.test("an Idempotency-Key makes a repeat the same delivery, and another body a conflict", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await withHooks(store);
  const { post } = hooks(store);
  const first = await post("orders", "{}", { "idempotency-key": "k" });
  const again = await post("orders", "{}", { "idempotency-key": "k" });
  deepEqual([first.isRepeat, again], [false, { seq: first.seq, isRepeat: true }]);
  await rejects(post("orders", '{"a":1}', { "idempotency-key": "k" }), has("conflict"));
  equal((await post("orders", "{}")).isRepeat, false);
  equal((await post("orders", "{}")).isRepeat, false, "without a key each is another one");
});
