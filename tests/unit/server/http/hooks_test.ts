import { deepEqual, equal } from "node:assert/strict";
import { createHmac } from "node:crypto";
import { gzipSync } from "node:zlib";
import * as v from "valibot";
import { webhook } from "../../../../connectors/webhook/connector.ts";
import { pipelineSchema } from "../../../../contract/pipeline/pipeline.ts";
import { WebhookReceiver } from "../../../../engine/runs/webhooks/receive.ts";
import { revision } from "../../engine/store/store_fixture.ts";
import { ApiFixture } from "./api_fixture.ts";

const SECRET = "s3cret";

async function withHooks(): Promise<ApiFixture> {
  const taken: { by?: WebhookReceiver } = {};
  const api = await ApiFixture.create({
    webhooks: {
      receive: (...post) => taken.by?.receive(...post) ?? Promise.reject(new Error("not yet")),
    },
  });
  const { store, clock } = api;
  taken.by = new WebhookReceiver({
    store,
    clock,
    secrets: { get: () => Promise.resolve(SECRET) },
    connectors: [webhook],
    onPost: () => {},
  });
  const secret = "${secret:HOOK}";
  const definition = v.parse(pipelineSchema, {
    webhooks: { plain: { secret }, signed: { secret, signature: "hmac-sha256" } },
    extract: { rows: { connector: "webhook", webhook: "plain", mode: "append" } },
  });
  await store.revisions.save(revision({ id: "hooked", definition }), []);
  await store.pipelines.put({ name: "p", origin: "files", revision: "hooked", faults: [] });
  return api;
}

const post = (api: ApiFixture, name: string, body: BodyInit, headers: Record<string, string>, more = {}) =>
  api.ask(`/hooks/p/${name}`, { method: "POST", body, headers, ...more });

Deno.test("a hundred posts at a time from one address are all taken, each as one of its own", async () => {
  await using api = await withHooks();
  const sent = Array.from({ length: 100 }, (_, n) => {
    const body = JSON.stringify({ n });
    const signature = createHmac("sha256", SECRET).update(body).digest("hex");
    return n % 2 === 0
      ? post(api, "plain", body, { authorization: `Bearer ${SECRET}` })
      : post(api, "signed", body, { "x-signature": signature });
  });
  const answers = await Promise.all(sent);
  const seqs = await Promise.all(answers.map(async (answer) => (await answer.json()).delivery));
  deepEqual(new Set(answers.map(({ status }) => status)), new Set([202]));
  equal(new Set(seqs).size, 100);
  deepEqual((await api.store.inbox.open()).map(({ count }) => count), [50, 50]);
});

Deno.test("an address that guesses secrets is slowed down, and nothing of its guesses is kept or logged", async () => {
  await using api = await withHooks();
  const statuses: number[] = [];
  for (let guess = 0; guess < 10; guess++) {
    const answer = await post(api, "plain", "{}", { authorization: `Bearer guess-${guess}` });
    statuses.push(answer.status);
    await answer.body?.cancel();
  }
  deepEqual(new Set(statuses), new Set([401]));
  const limited = post(api, "plain", "{}", { authorization: "Bearer guess-10" });
  while (api.clock.sleepers === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await api.clock.advance(50);
  equal((await limited).status, 429);
  const other = await post(api, "plain", "{}", { authorization: `Bearer ${SECRET}` }, {
    from: "198.51.100.7",
  });
  equal(other.status, 202);
  equal(api.logged.join("\n").includes("guess-"), false);
});

Deno.test("a body in gzip is unpacked once its signature is known, and none that would be too large", async () => {
  await using api = await withHooks();
  const authorization = `Bearer ${SECRET}`;
  const gzip = { authorization, "content-encoding": "gzip" };
  const packed = gzipSync(JSON.stringify({ n: 1 }));
  equal((await post(api, "plain", packed, gzip)).status, 202);
  const signature = createHmac("sha256", SECRET).update(packed).digest("hex");
  equal((await post(api, "signed", packed, { ...gzip, "x-signature": signature })).status, 202);
  for (const hook of ["p/plain", "p/signed"]) {
    equal(new TextDecoder().decode((await api.store.inbox.after(hook, 0))?.body), '{"n":1}');
  }
  const bomb = await post(api, "plain", gzipSync(new Uint8Array(30 * 1_024 * 1_024)), gzip);
  equal(bomb.status, 413);
  equal((await bomb.json()).detail, "The body is more than 20971520 bytes when it is no more compressed");
  equal((await post(api, "plain", packed.subarray(0, packed.length - 3), gzip)).status, 400);
  equal((await post(api, "plain", "{}", gzip)).status, 400);
  const stranger = await post(api, "plain", gzipSync(new Uint8Array(30 * 1_024 * 1_024)), {
    ...gzip,
    authorization: "Bearer no",
  });
  equal(stranger.status, 401, "nobody else makes the server unpack anything");
});

Deno.test("other methods, other encodings and what is too large are refused", async () => {
  await using api = await withHooks();
  const authorization = `Bearer ${SECRET}`;
  equal((await api.ask("/hooks/p/plain")).status, 405);
  equal((await post(api, "plain", "{}", { authorization, "content-encoding": "br" })).status, 415);
  equal((await post(api, "plain", " ".repeat(5 * 1024 * 1024 + 1), { authorization })).status, 413);
  equal((await post(api, "plain", "{}", { authorization, origin: "https://elsewhere.example" })).status, 403);
  deepEqual(await api.store.inbox.open(), []);
});
