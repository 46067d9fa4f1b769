import type { Message } from "../messages.ts";

/** What a receiver said to a message. */
export interface Receipt {
  readonly isTaken: boolean;
  /** What it said, for a person; without secrets but for those that it has sent back itself. */
  readonly words: string;
  /** Where it did not take it: whether it will not take it the next time either. */
  readonly isFinal?: boolean;
  /** Where it has asked for a pause. */
  readonly retryAfterMs?: number;
}

/** A request to a receiver over HTTP. */
export interface Outgoing {
  readonly url: string;
  readonly method?: "POST" | "PUT";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The ways out of the server: every host is judged by the operator's policy, at every connection. */
export interface AlertWay {
  /** Follows no redirect. Throws `forbidden` and `unavailable` with what is against the host, and `timeout`. */
  post(request: Outgoing, signal: AbortSignal): Promise<Receipt>;
  /** The addresses that a host, `name:port`, may be connected to at. Throws likewise. */
  judge(host: string): Promise<readonly string[]>;
}

/** Sends a message as one kind of receiver takes it. Throws what the way throws. */
export type Transport<N> = (
  notifier: N,
  message: Message,
  way: AlertWay,
  signal: AbortSignal,
) => Promise<Receipt>;

/** Sends one after the other, as far as they are taken; returns the first that was not, else the last. */
export async function sendAll(sends: Iterable<() => Promise<Receipt>>): Promise<Receipt> {
  let receipt: Receipt = { isTaken: true, words: "there was nothing to send" };
  for (const send of sends) {
    receipt = await send();
    if (!receipt.isTaken) return receipt;
  }
  return receipt;
}

/** What every receiver over HTTP gets beside its body: a repeat has the same key. */
export function commonHeaders(message: Message): Record<string, string> {
  return {
    "user-agent": "Sluice",
    "idempotency-key": message.id,
    "x-sluice-delivery": message.id,
    "x-sluice-repeated": String(message.isRepeated),
  };
}

export function postJson(
  way: AlertWay,
  { url, body, message }: { readonly url: string; readonly body: unknown; readonly message: Message },
  signal: AbortSignal,
): Promise<Receipt> {
  const headers = { ...commonHeaders(message), "content-type": "application/json" };
  return way.post({ url, headers, body: JSON.stringify(body) }, signal);
}
