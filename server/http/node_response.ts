import type { ServerResponse } from "node:http";

export interface SendOptions {
  /** A client that takes nothing for so long is gone. */
  readonly stallMs: number;
}

/**
 * Sends the response as the client takes it, with its length where all of it is there at once. A client
 * that goes away or stalls cancels the body. Resolves when nothing more is to be sent.
 */
export async function sendResponse(
  response: Response,
  outgoing: ServerResponse,
  { stallMs }: SendOptions,
): Promise<void> {
  const headers: string[] = [];
  for (const [name, value] of response.headers) headers.push(name, value);
  const reader = response.body?.getReader();
  if (outgoing.destroyed) return await reader?.cancel();
  if (reader === undefined) {
    if (canHaveLength(response) && outgoing.req.method !== "HEAD") headers.push("content-length", "0");
    outgoing.writeHead(response.status, headers).end();
    return;
  }
  // Which makes a read that waits end.
  outgoing.once("close", () => void reader.cancel().catch(() => {}));
  const first = await reader.read();
  let next: Promise<ReadableStreamReadResult<Uint8Array>> = first.done
    ? Promise.resolve(first)
    : reader.read();
  if (await isEndSoon(next)) {
    const bytes = first.value ?? new Uint8Array();
    if (canHaveLength(response)) headers.push("content-length", String(bytes.byteLength));
    outgoing.writeHead(response.status, headers).end(bytes);
    return;
  }
  outgoing.writeHead(response.status, headers);
  for (let part: ReadableStreamReadResult<Uint8Array> = first; !part.done;) {
    if (!outgoing.write(part.value) && !await drained(outgoing, stallMs)) return;
    part = await next;
    if (!part.done) next = reader.read();
  }
  outgoing.end();
}

function canHaveLength({ status, headers }: Response): boolean {
  return status !== 204 && status !== 304 && !headers.has("content-length");
}

/** Whether the read ends the stream without anything to wait for, as that of a text does. */
async function isEndSoon(read: Promise<ReadableStreamReadResult<unknown>>): Promise<boolean> {
  const turn = async () => {
    for (let count = 0; count < 10; count++) await undefined;
    return false;
  };
  return await Promise.race([read.then(({ done }) => done), turn()]);
}

/** Waits until the client has taken what was written; false where it went away or stalled. */
async function drained(outgoing: ServerResponse, stallMs: number): Promise<boolean> {
  if (outgoing.destroyed) return false;
  const outcome = Promise.withResolvers<boolean>();
  const onDrain = () => outcome.resolve(true);
  const onClose = () => outcome.resolve(false);
  outgoing.once("drain", onDrain);
  outgoing.once("close", onClose);
  const timer = setTimeout(() => {
    outgoing.destroy();
    outcome.resolve(false);
  }, stallMs);
  try {
    return await outcome.promise;
  } finally {
    clearTimeout(timer);
    outgoing.off("drain", onDrain);
    outgoing.off("close", onClose);
  }
}
