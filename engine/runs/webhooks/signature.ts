import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { WebhookDefinition } from "../../../contract/triggers/webhooks.ts";

/** A post as it came; names of headers in lower case. */
export interface Post {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What Stripe's own libraries allow between the signing of a post and its coming. */
const STRIPE_TOLERANCE_MS = 300_000;
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

/**
 * Whether a push was told of by who knows the secret, as GitHub, Gitea and Forgejo sign it, or with the secret itself, as
 * GitLab sends it: https://docs.gitlab.com/user/project/integrations/webhooks.
 */
export function isSignedPush(secret: string, { headers, body }: Post): boolean {
  const token = headers["x-gitlab-token"];
  if (token !== undefined) return timingSafeEqual(digestOf(token), digestOf(secret));
  return isHmac(headers["x-hub-signature-256"] ?? headers["x-gitea-signature"], secret, body);
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
  if (!/^\d{1,12}$/.test(time) || Math.abs(nowMs - Number(time) * 1_000) > STRIPE_TOLERANCE_MS) return false;
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
