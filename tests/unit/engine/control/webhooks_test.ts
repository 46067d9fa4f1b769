import { deepEqual, equal, rejects } from "node:assert/strict";
import * as v from "valibot";
import { webhook } from "../../../../connectors/webhook/connector.ts";
import { AppError, type ErrorCode } from "../../../../contract/errors.ts";
import { pipelineSchema } from "../../../../contract/pipeline/pipeline.ts";
import { LocalWebhooks } from "../../../../engine/control/webhooks/local_webhooks.ts";
import { WebhookReceiver } from "../../../../engine/runs/webhooks/receive.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { claim, newRun, revision, StoreFixture } from "../store/store_fixture.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const failsWith = (code: ErrorCode, message: RegExp) => (error: unknown) =>
  error instanceof AppError && error.code === code && message.test(error.message);

async function withWebhooks(
  work: (given: {
    readonly store: Store;
    readonly webhooks: LocalWebhooks;
    readonly post: (body: string, headers?: Record<string, string>) => Promise<number>;
    readonly state: { committed: number };
    readonly logged: string[];
    readonly clock: FakeClock;
  }) => Promise<void>,
): Promise<void> {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const secret = "${secret:HOOK}";
  const definition = v.parse(pipelineSchema, {
    webhooks: { orders: { secret }, ping: { secret, signature: "github" } },
    extract: { orders: { connector: "webhook", webhook: "orders", mode: "append" } },
  });
  await store.revisions.save(revision({ id: "hooked", definition }), []);
  await store.pipelines.put({ name: "a", origin: "files", revision: "hooked", faults: [] });
  const receiver = new WebhookReceiver({
    store,
    clock,
    secrets: { get: () => Promise.resolve("s3cret") },
    connectors: [webhook],
    onPost: () => {},
  });
  const state = { committed: 0 };
  const logged: string[] = [];
  const webhooks = new LocalWebhooks({
    store,
    clock,
    receiver,
    publicUrl: "https://sluice.example/",
    log: (level, message, fields) => void logged.push(`${level} ${message} ${JSON.stringify(fields)}`),
    streams: {
      get: (_, stream) =>
        Promise.resolve({
          stream,
          run: "r",
          committed_at: "",
          cursor: null,
          state: JSON.stringify({ seq: state.committed }),
        }),
    },
  });
  const post = async (body: string, headers: Record<string, string> = {}) => {
    const sent = {
      body: bytes(body),
      headers: { authorization: "Bearer s3cret", "content-type": "application/json", ...headers },
    };
    const how = {
      signal: AbortSignal.any([]),
      judge: (_key: string | undefined, isSigned: () => boolean) => Promise.resolve(isSigned()),
    };
    return (await receiver.receive("a", "orders", sent, how)).seq;
  };
  await work({ store, webhooks, post, state, logged, clock });
}

Deno.test("webhooks say what waits, and what was last taken and refused", async () => {
  await withWebhooks(async ({ webhooks, post, state, clock }) => {
    await post('{"n":1}');
    await clock.advance(1_000);
    await post('{"n":22}');
    await post('{"n":3}', { authorization: "Bearer no" }).catch(() => {});
    state.committed = 1;
    const [orders, ping] = await webhooks.list("a");
    deepEqual(orders, {
      name: "orders",
      signature: "none",
      address: "https://sluice.example/hooks/a/orders",
      streams: ["orders"],
      waiting: 1,
      waiting_bytes: 8,
      waiting_since: "2026-01-01T00:00:01.000Z",
      accepted_at: "2026-01-01T00:00:01.000Z",
      refused_at: "2026-01-01T00:00:01.000Z",
      refused_why: "Send the webhook's secret: Authorization: Bearer …",
    });
    deepEqual([ping?.signature, ping?.streams, ping?.waiting, ping?.accepted_at], ["github", [], 0, null]);
    const states = (await webhooks.posts("a", "orders", {})).map((
      one,
    ) => [one.post, one.state, one.size_bytes]);
    deepEqual(states, [[2, "waiting", 8], [1, "read", 7]]);
    deepEqual((await webhooks.posts("a", "orders", { isWaiting: true })).map((one) => one.post), [2]);
    deepEqual((await webhooks.posts("a", "orders", { before: 2, limit: 1 })).map((one) => one.post), [1]);
    const { body, contentType } = await webhooks.body("a", "orders", 2);
    deepEqual([new TextDecoder().decode(body), contentType], ['{"n":22}', "application/json"]);
    await rejects(
      webhooks.posts("a", "order", {}),
      failsWith("not_found", /no webhook "order" \(did you mean orders/),
    );
    await rejects(webhooks.body("a", "orders", 9), failsWith("not_found", /no post 9/));
    await rejects(webhooks.list("b"), failsWith("not_found", /no pipeline "b"/));
  });
});

Deno.test("a post that waits is dropped, is read by nobody, and does not come back by a repeat", async () => {
  await withWebhooks(async ({ store, webhooks, post, state, logged }) => {
    const key = { "idempotency-key": "k" };
    await post('{"bad":1}', key);
    await post('{"n":2}');
    const dropped = await webhooks.drop("a", "orders", 1, "Ann");
    deepEqual([dropped.state, dropped.dropped_by, dropped.size_bytes], ["dropped", "Ann", 0]);
    equal((await store.inbox.after("a/orders", 0))?.seq, 2);
    equal(await post('{"bad":1}', key), 1, "the sender is told that it came");
    equal((await store.inbox.after("a/orders", 0))?.seq, 2);
    equal(logged.length, 1);
    equal(
      logged[0],
      'warn a post to a webhook was dropped {"pipeline":"a","webhook":"orders","post":1,"by":"Ann","bytes":9}',
    );
    await rejects(webhooks.drop("a", "orders", 1, "Ann"), failsWith("conflict", /it is dropped already/));
    await rejects(webhooks.body("a", "orders", 1), failsWith("not_found", /was dropped by Ann/));
    state.committed = 2;
    await rejects(webhooks.drop("a", "orders", 2, "Ann"), failsWith("conflict", /it is read already/));
    await rejects(webhooks.drop("a", "ping", 2, "Ann"), failsWith("not_found", /no post 2/));
  });
});

Deno.test("a post is not dropped while a run may have it", async () => {
  await withWebhooks(async ({ store, webhooks, post }) => {
    await post('{"n":1}');
    await store.runs.create(newRun("run 1", { pipeline: "a", revision: "hooked" }));
    equal((await claim(store, "w", 2_000))?.id, "run 1");
    await rejects(
      webhooks.drop("a", "orders", 1, "Ann"),
      failsWith("conflict", /the run run 1 may read it just now/),
    );
  });
});
