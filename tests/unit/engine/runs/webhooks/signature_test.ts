import { equal, notEqual } from "node:assert/strict";
import * as v from "valibot";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { webhookSchema } from "../../../../../contract/triggers/webhooks.ts";
import { deliveryKey, isSigned, isSignedPush } from "../../../../../engine/runs/webhooks/signature.ts";

const webhook = (signature: string, more = {}) =>
  v.parse(webhookSchema, { secret: "${secret:HOOK}", signature, ...more });
const bytes = (text: string) => new TextEncoder().encode(text);
const NOW = 1_700_000_000_000;

Deno.test("github: the example of its own manual is right, and no other body or secret", () => {
  // https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
  const secret = "It's a Secret to Everybody";
  const headers = {
    "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
  };
  const post = { headers, body: bytes("Hello, World!") };
  equal(isSigned(webhook("github"), secret, post, NOW), true);
  equal(isSigned(webhook("github"), "another", post, NOW), false);
  equal(isSigned(webhook("github"), secret, { ...post, body: bytes("Hello, World?") }, NOW), false);
  equal(isSigned(webhook("github"), secret, { headers: {}, body: post.body }, NOW), false);
  equal(isSigned(webhook("github"), "", post, NOW), false);
});

Deno.test("hmac-sha256: hex in X-Signature or in the header that is named, for RFC 4231's second case", () => {
  const body = bytes("what do ya want for nothing?");
  const hex = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
  equal(isSigned(webhook("hmac-sha256"), "Jefe", { headers: { "x-signature": hex }, body }, NOW), true);
  const named = webhook("hmac-sha256", { header: "X-Shop-Hmac" });
  equal(isSigned(named, "Jefe", { headers: { "x-shop-hmac": `sha256=${hex}` }, body }, NOW), true);
  equal(isSigned(named, "Jefe", { headers: { "x-signature": hex }, body }, NOW), false);
  equal(isSigned(named, "Jefe", { headers: { "x-shop-hmac": hex.slice(2) }, body }, NOW), false);
});

Deno.test("stripe: time and body are signed, by one of several signatures, and five minutes are enough", () => {
  const body = bytes('{"id":"evt_1","type":"charge.succeeded"}');
  const t = NOW / 1_000;
  const sign = (secret: string) => createHmac("sha256", secret).update(`${t}.`).update(body).digest("hex");
  const signed = (header: string, nowMs = NOW) =>
    isSigned(webhook("stripe"), "whsec_a", { headers: { "stripe-signature": header }, body }, nowMs);
  equal(signed(`t=${t},v1=${sign("whsec_a")}`), true);
  equal(signed(`t=${t},v1=${sign("whsec_old")},v1=${sign("whsec_a")},v0=00`), true);
  equal(signed(`t=${t},v1=${sign("whsec_old")}`), false);
  equal(signed(`t=${t},v0=${sign("whsec_a")}`), false);
  equal(signed(`t=${t + 1},v1=${sign("whsec_a")}`), false, "the time is signed too");
  equal(signed(`t=${t},v1=${sign("whsec_a")}`, NOW + 300_001), false);
  equal(signed(`t=${t},v1=${sign("whsec_a")}`, NOW - 300_001), false);
});

Deno.test("none: the secret itself is the bearer token", () => {
  const signed = (authorization: string) =>
    isSigned(webhook("none"), "s3cret", { headers: { authorization }, body: bytes("{}") }, NOW);
  equal(signed("Bearer s3cret"), true);
  equal(signed("bearer s3cret"), true);
  equal(signed("Bearer s3cre"), false);
  equal(signed("s3cret"), false);
});

Deno.test("a push is told of as each of the servers of repositories signs it", () => {
  const [secret, body] = ["It's a Secret to Everybody", bytes("Hello, World!")];
  const hex = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  const signed = (headers: Record<string, string>, sent = body) =>
    isSignedPush(secret, { headers, body: sent }, NOW);
  const ways = {
    "GitHub, Forgejo": { "x-hub-signature-256": `sha256=${hex}`, "x-hub-signature": "sha1=01dc" },
    Gitea: { "x-gitea-signature": hex },
    Gogs: { "x-gogs-signature": hex },
    Bitbucket: { "x-hub-signature": `sha256=${hex}` },
  };
  for (const [server, headers] of Object.entries(ways)) {
    equal(signed(headers), true, server);
    equal(signed(headers, bytes("Hello, World?")), false, server);
  }
  equal(signed({ "x-gitlab-token": secret }), true);
  equal(signed({ "x-gitlab-token": `${secret} ` }), false);
  equal(signed({}), false);
  equal(isSignedPush("", { headers: { "x-gitlab-token": "" }, body }, NOW), false);

  // By the text, and by what it is the base64 of.
  const key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const [id, time] = ["msg_1", String(NOW / 1_000)];
  for (const bytesOfKey of [Buffer.from(key, "base64"), `whsec_${key}`]) {
    const sign = createHmac("sha256", bytesOfKey).update(`${id}.${time}.`).update(body).digest("base64");
    const headers = {
      "webhook-id": id,
      "webhook-timestamp": time,
      "webhook-signature": `v1,AAAA v1,${sign}`,
    };
    const standard = (more = {}, nowMs = NOW) =>
      isSignedPush(`whsec_${key}`, { headers: { ...headers, ...more }, body }, nowMs);
    equal(standard(), true);
    equal(standard({ "webhook-id": "msg_2" }), false);
    const empty = createHmac("sha256", "").update(`${id}.${time}.`).update(body).digest("base64");
    for (const secret of ["whsec_!!", "!!", "whsec_"]) {
      const post = { headers: { ...headers, "webhook-signature": `v1,${empty}` }, body };
      equal(isSignedPush(secret, post, NOW), false, "what is no base64 is no key of no bytes");
    }
    equal(standard({ "webhook-signature": `v2,${sign}` }), false);
    equal(standard({}, NOW + 300_001), false, "a post that was overheard is not sent again");
  }
});

Deno.test("what tells a delivery from its repeats is signed where anything is", () => {
  const body = bytes('{"id":"evt_1","n":1}');
  const key = (signature: string, headers: Record<string, string>, sent = body) =>
    deliveryKey(webhook(signature), { headers, body: sent });
  equal(key("github", { "x-github-delivery": "1" }), key("github", { "x-github-delivery": "2" }));
  notEqual(key("github", {}), key("github", {}, bytes("{}")));
  equal(key("stripe", {}), key("stripe", {}, bytes('{"id":"evt_1","n":2}')));
  notEqual(key("none", {}), key("none", {}));
  equal(key("none", { "idempotency-key": "k" }), key("none", { "idempotency-key": "k" }));
});
