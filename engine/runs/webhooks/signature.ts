import { Buffer } from "node:buffer";
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { WebhookDefinition } from "../../../contract/triggers/webhooks.ts";

/** A post as it came; names of headers in lower case. */
export interface Post {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What Stripe's own libraries, and those of Standard Webhooks, allow between the signing of a post and its coming. */
const TOLERANCE_MS = 300_000;
const DEFAULT_HEADER = "x-signature";

/**
 * Whether the post shows that its sender knows the secret. The time that it takes says nothing of the secret.
 *
 * github: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries; stripe:
 * https://docs.stripe.com/webhooks/signatures.
 */
export function isSigned(webhook: WebhookDefinition, secret: string, post: Post, nowMs: number): boolean {
  const { headers, body } = post;
  // Anybody could sign with none.
  if (secret === "") return false;
  switch (webhook.signature) {
    case "none": {
      const [, token] = /^Bearer +(\S+) *$/i.exec(headers["authorization"] ?? "") ?? [];
      return token !== undefined && timingSafeEqual(digestOf(token), digestOf(secret));
    }
    case "hmac-sha256":
      return isHmac(headers[webhook.header?.toLowerCase() ?? DEFAULT_HEADER], secret, body);
    case "github":
      return isHmac(headers["x-hub-signature-256"], secret, body);
    case "stripe":
      return isStripe(headers["stripe-signature"], secret, body, nowMs);
  }
}

/** By GitHub, Gitea and Forgejo; by Gitea; by Gogs; by Bitbucket. GitHub's own of the last name is SHA-1, and none. */
const PUSH_HEADERS = ["x-hub-signature-256", "x-gitea-signature", "x-gogs-signature", "x-hub-signature"];

/**
 * Whether a push was told of by who knows the secret: with a signature of the body, as most sign it; with one of Standard
 * Webhooks, as GitLab does by its signing token; or with the secret itself, GitLab's secret token.
 *
 * https://docs.gitlab.com/user/project/integrations/webhooks, https://www.standardwebhooks.com, and Bitbucket:
 * https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks.
 */
export function isSignedPush(secret: string, { headers, body }: Post, nowMs: number): boolean {
  if (secret === "") return false;
  const token = headers["x-gitlab-token"];
  if (token !== undefined && timingSafeEqual(digestOf(token), digestOf(secret))) return true;
  return PUSH_HEADERS.some((name) => isHmac(headers[name], secret, body)) ||
    isStandardWebhook(secret, { headers, body }, nowMs);
}

function isStandardWebhook(secret: string, { headers, body }: Post, nowMs: number): boolean {
  const { "webhook-id": id = "", "webhook-timestamp": time = "", "webhook-signature": written = "" } =
    headers;
  if (id === "" || !/^\d{1,12}$/.test(time) || Math.abs(nowMs - Number(time) * 1_000) > TOLERANCE_MS) {
    return false;
  }
  // The specification writes the key in base64 behind a prefix; some sign by the text as it is.
  const [, base64] = /^whsec_([A-Za-z0-9+/]{22,}={0,2})$/.exec(secret) ?? [];
  const keys = [secret, ...(base64 === undefined ? [] : [Buffer.from(base64, "base64")])];
  const expected = keys.map((key) =>
    createHmac("sha256", key).update(`${id}.${time}.`).update(body).digest("base64")
  );
  const given = written.split(" ").filter((one) => one.startsWith("v1,")).map((one) =>
    one.slice("v1,".length)
  );
  return given.some((one) => expected.some((other) => timingSafeEqual(digestOf(one), digestOf(other))));
}

/**
 * What tells a delivery from its repeats: of a signed one only what is signed, since anybody who has seen it could send it
 * again with other headers. Where nothing is signed the sender may name it in Idempotency-Key; without that each is
 * another one.
 */
export function deliveryKey({ signature }: WebhookDefinition, { headers, body }: Post): string {
  if (signature === "none") {
    const given = headers["idempotency-key"];
    return given === undefined ? `new ${crypto.randomUUID()}` : `id ${digestOf(given).toString("hex")}`;
  }
  // An event that is sent again may say something else of its own delivery.
  const event = signature === "stripe" ? eventIdOf(body) : undefined;
  return event === undefined ? `body ${digestOf(body).toString("hex")}` : `event ${event}`;
}

/** Of the secret that the post has in it, for this hook; undefined for a post that is signed, which has none. */
export function secretKey(
  { signature }: WebhookDefinition,
  hook: string,
  { headers }: Post,
): string | undefined {
  if (signature !== "none") return undefined;
  return digestOf(`${hook} ${headers["authorization"] ?? ""}`).toString("hex");
}

const digestOf = (value: string | Uint8Array) => createHash("sha256").update(value).digest();

function isHmac(
  written: string | undefined,
  secret: string,
  ...parts: readonly (string | Uint8Array)[]
): boolean {
  const [, hex] = /^(?:sha256=)?([0-9a-f]{64})$/i.exec(written?.trim() ?? "") ?? [];
  if (hex === undefined) return false;
  const hmac = createHmac("sha256", secret);
  for (const part of parts) hmac.update(part);
  return timingSafeEqual(Uint8Array.fromHex(hex), hmac.digest());
}

function isStripe(written: string | undefined, secret: string, body: Uint8Array, nowMs: number): boolean {
  const items = (written ?? "").split(",").map((item) => item.trim().split("="));
  const time = items.find(([key]) => key === "t")?.[1] ?? "";
  if (!/^\d{1,12}$/.test(time) || Math.abs(nowMs - Number(time) * 1_000) > TOLERANCE_MS) return false;
  // While a secret is changed there are signatures by both.
  return items.some(([key, value]) => key === "v1" && isHmac(value, secret, `${time}.`, body));
}

function eventIdOf(body: Uint8Array): string | undefined {
  try {
    const event: unknown = JSON.parse(new TextDecoder().decode(body));
    const id = typeof event === "object" && event !== null && "id" in event ? event.id : undefined;
    return typeof id === "string" && /^\w{1,100}$/.test(id) ? id : undefined;
  } catch {
    return undefined;
  }
}
