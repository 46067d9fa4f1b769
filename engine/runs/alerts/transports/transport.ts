import type { PlainLine } from "../../../../contract/connector/connector.ts";
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
  /** Whether the address or a header has a secret in it: over plain HTTP it goes to this machine only, or where the policy says. */
  readonly signsIn: boolean;
}

/** The ways out of the server: every host is judged by the operator's policy, at every connection. */
export interface AlertWay {
  /** Follows no redirect. Throws `forbidden` and `unavailable` with what is against the host, and `timeout`. */
  post(request: Outgoing, signal: AbortSignal): Promise<Receipt>;
  /**
   * The addresses that a host, `name:port`, may be connected to at. `plain`: what is to sign in there without encryption.
   * Throws likewise.
   */
  judge(host: string, plain?: Omit<PlainLine, "host">): Promise<readonly string[]>;
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
  // Whoever knows the address, or the key in the body, may post there.
  return way.post({ url, headers, body: JSON.stringify(body), signsIn: true }, signal);
}
