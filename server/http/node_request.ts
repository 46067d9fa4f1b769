import type { IncomingMessage } from "node:http";
import { HttpError } from "./problem.ts";

/** A host name or address as RFC 3986 has it, with or without a port. */
const HOST = /^(?:[A-Za-z0-9._~!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
/** The Fetch standard knows no request of these. */
const FORBIDDEN_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);

/**
 * The request as web standards have it, of https where it came over TLS. `take` is told of each part of the body that has
 * come; what it throws ends the body. Throws status 400 or 501 for what cannot be a request.
 */
export function toRequest(
  incoming: IncomingMessage,
  isSecure = false,
  take: (bytes: number) => void = () => {},
): Request {
  const method = incoming.method ?? "GET";
  if (FORBIDDEN_METHODS.has(method.toUpperCase())) {
    throw new HttpError(501, "invalid", `The method ${method} is not supported`);
  }
  const headers = new Headers();
  const raw = incoming.rawHeaders;
  let hosts = 0;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? "";
    if (name.toLowerCase() === "host") hosts++;
    try {
      headers.append(name, raw[index + 1] ?? "");
    } catch (cause) {
      throw new HttpError(
        400,
        "invalid",
        "A header of the request has characters that no header may have",
        {},
        {
          cause,
        },
      );
    }
  }
  const url = `${isSecure ? "https" : "http"}://${readHost(headers, hosts, incoming)}${
    readPath(incoming.url)
  }`;
  const hasBody = method !== "GET" && method !== "HEAD" && hasBodyHeaders(incoming);
  return new Request(url, hasBody ? { method, headers, body: bodyOf(incoming, take) } : { method, headers });
}

/** Whether a body follows the headers, RFC 9112, 6.3. */
export function hasBodyHeaders(incoming: IncomingMessage): boolean {
  const { "content-length": length, "transfer-encoding": encoding } = incoming.headers;
  return encoding !== undefined || (length !== undefined && Number(length) !== 0);
}

function readHost(headers: Headers, count: number, incoming: IncomingMessage): string {
  const host = headers.get("host");
  // HTTP/1.0 has no such header: what is asked for is at the address itself.
  if (host === null) {
    const { localAddress = "127.0.0.1", localPort = 80 } = incoming.socket;
    return `${localAddress.includes(":") ? `[${localAddress}]` : localAddress}:${localPort}`;
  }
  if (count > 1 || !HOST.test(host) || !URL.canParse(`http://${host}/`)) {
    throw new HttpError(400, "invalid", "The request's Host header is no host name or address");
  }
  return host;
}

/** The path and query of a request target in origin form or absolute form (RFC 9112, 3.2). */
function readPath(target: string | undefined): string {
  if (target?.startsWith("/")) return target;
  if (target === "*") return "/";
  if (target !== undefined && /^https?:/i.test(target) && URL.canParse(target)) {
    const { pathname, search } = new URL(target);
    return `${pathname}${search}`;
  }
  throw new HttpError(400, "invalid", "The request's target is no path");
}

/** The body, read from the socket as fast as it is pulled. What nobody reads is read and dropped. */
function bodyOf(
  incoming: IncomingMessage,
  take: (bytes: number) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let isOver = false;
  return new ReadableStream({
    start(controller) {
      const end = (finish: () => void) => {
        if (!isOver) finish();
        isOver = true;
      };
      incoming.on("data", (chunk: Uint8Array) => {
        if (isOver) return;
        try {
          take(chunk.length);
        } catch (error) {
          return end(() => controller.error(error));
        }
        controller.enqueue(new Uint8Array(chunk));
        if ((controller.desiredSize ?? 0) <= 0) incoming.pause();
      });
      incoming.once("end", () => end(() => controller.close()));
      incoming.once("close", () => end(() => controller.error(cutError())));
      incoming.once("error", (cause: Error) => end(() => controller.error(cutError(cause))));
      incoming.pause();
    },
    pull() {
      incoming.resume();
    },
    cancel() {
      isOver = true;
      incoming.resume();
    },
  });
}

function cutError(cause?: Error): HttpError {
  return new HttpError(
    400,
    "invalid",
    "The request's body was cut off",
    {},
    cause === undefined ? {} : { cause },
  );
}
