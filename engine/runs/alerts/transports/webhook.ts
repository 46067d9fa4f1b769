import type { SmsNotifier, WebhookNotifier } from "../../../../contract/alerts/notifiers.ts";
import { isSigningHeader } from "../../../../connectors/network/credentials.ts";
import { fillTemplate, fillValue } from "../../../../text/template.ts";
import { bodyValues, type Message, textOf } from "../messages.ts";
import { type AlertWay, commonHeaders, type Receipt, sendAll, type Transport } from "./transport.ts";

/** Any receiver that takes a request: with Sluice's own body, or with one of the project's making. */
export const sendWebhook: Transport<WebhookNotifier> = async (notifier, message, way, signal) => {
  const { body, contentType } = bodyOf(notifier, bodyValues(message)) ??
    { body: JSON.stringify(ownBody(message)), contentType: "application/json" };
  const headers = {
    ...commonHeaders(message),
    "content-type": contentType,
    ...signIn(notifier),
    ...notifier.headers,
    ...(notifier.secret === undefined
      ? {}
      : { "x-sluice-signature": await signature(notifier.secret, body) }),
  };
  const { url, method = "POST" } = notifier;
  return await way.post({ url, method, headers, body, signsIn: signsIn(notifier) }, signal);
};

/** A provider of text messages: one request for each number. */
export const sendSms: Transport<SmsNotifier> = (notifier, message, way, signal) => {
  const numbers = typeof notifier.to === "string" ? [notifier.to] : notifier.to;
  return sendAll(numbers.map((to) => () => sendTo(to, notifier, message, way, signal)));
};

function sendTo(
  to: string,
  notifier: SmsNotifier,
  message: Message,
  way: AlertWay,
  signal: AbortSignal,
): Promise<Receipt> {
  const from = notifier.from ?? "";
  const { body, contentType } = bodyOf(notifier, { ...bodyValues(message), to, from }) ??
    { body: JSON.stringify({ to, from, text: shortText(message) }), contentType: "application/json" };
  const headers = {
    ...commonHeaders(message),
    // Each number has its own message.
    "idempotency-key": `${message.id} ${to}`,
    "content-type": contentType,
    ...signIn(notifier),
    ...notifier.headers,
  };
  return way.post({ url: notifier.url, headers, body, signsIn: signsIn(notifier) }, signal);
}

/** A message of several parts costs several times as much. */
const SMS_LENGTH = 160;

function shortText(message: Message): string {
  const whole = message.events.length === 1 && message.lines[0] !== undefined
    ? `${message.isRepeated ? "[repeated] " : ""}${message.lines[0]}`
    : message.title;
  return whole.length <= SMS_LENGTH ? whole : `${whole.slice(0, SMS_LENGTH - 1)}…`;
}

/** The project's own body; undefined where it has none. */
function bodyOf(
  { json, form }: Pick<WebhookNotifier, "json" | "form">,
  values: Readonly<Record<string, string>>,
): { readonly body: string; readonly contentType: string } | undefined {
  if (form !== undefined) {
    const fields = Object.entries(form).map(([name, template]) => [name, fillTemplate(template, values)]);
    return {
      body: new URLSearchParams(fields).toString(),
      contentType: "application/x-www-form-urlencoded",
    };
  }
  if (json === undefined) return undefined;
  return { body: JSON.stringify(fillValue(json, values)), contentType: "application/json" };
}

function ownBody(message: Message) {
  return {
    id: message.id,
    notifier: message.notifier,
    attempt: message.attempt,
    repeated: message.isRepeated,
    title: message.title,
    text: textOf(message),
    created_at: new Date(message.createdAtMs).toISOString(),
    events: message.events.map((event) => ({ ...event, url: message.link(event) ?? null })),
  };
}

const signsIn = (
  { username, password, headers = {} }: Pick<WebhookNotifier, "username" | "password" | "headers">,
) => (username ?? password) !== undefined || Object.keys(headers).some(isSigningHeader);

function signIn(
  { username, password }: Pick<WebhookNotifier, "username" | "password">,
): Record<string, string> {
  if (username === undefined && password === undefined) return {};
  const bytes = new TextEncoder().encode(`${username ?? ""}:${password ?? ""}`);
  return { authorization: `Basic ${bytes.toBase64()}` };
}

/** `sha256=` and the HMAC of the body, in hexadecimal, as GitHub signs. */
async function signature(secret: string, body: string): Promise<string> {
  const encoder = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign"]);
  const bytes = new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(body)));
  return `sha256=${bytes.toHex()}`;
}
