import type { GetObjectCommand } from "@aws-sdk/client-s3";

/**
 * Has the runtime's own fetch() send the command's request, once the SDK has signed it: its answer can be read in large
 * pieces, where the SDK's handler takes several times as long for the same bytes.
 */
export function sendByFetch(command: GetObjectCommand, signal: AbortSignal): void {
  command.middlewareStack.add(
    (next) => async (args) => {
      const url = isSigned(args.request) ? urlOf(args.request) : undefined;
      if (!isSigned(args.request) || url === undefined) return await next(args);
      // The SDK reads the output from the response, outside of this.
      return { response: await answer(url, args.request.headers, signal), output: { $metadata: {} } };
    },
    { step: "deserialize", priority: "low", name: "sendByFetch" },
  );
}

/** What the SDK has made of a command. */
interface SignedRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

function isSigned(request: unknown): request is SignedRequest {
  return typeof request === "object" && request !== null && "method" in request && request.method === "GET" &&
    "hostname" in request && "path" in request && "headers" in request &&
    "query" in request && Object.values(request.query ?? {}).every((value) => typeof value === "string");
}

/** Undefined where fetch() would ask for another key, as for one with `..` in it. */
function urlOf({ protocol, hostname, port, path, query }: SignedRequest): URL | undefined {
  const asked = Object.entries(query).map(([name, value]) =>
    `${encodeURIComponent(name)}=${encodeURIComponent(value)}`
  );
  const target = asked.length === 0 ? path : `${path}?${asked.join("&")}`;
  const url = URL.parse(`${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${target}`);
  return url !== null && url.pathname + url.search === target ? url : undefined;
}

/** As the SDK's own handlers give it. */
async function answer(url: URL, signed: Readonly<Record<string, string>>, signal: AbortSignal) {
  // fetch() says the host itself. What a store has compressed is not to be unpacked on the way.
  const { host: _, ...headers } = signed;
  let response: Response;
  try {
    response = await fetch(url, {
      headers: { ...headers, "accept-encoding": "identity" },
      redirect: "manual",
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof TypeError)) throw error;
    // By this code the SDK knows what may pass by itself, and so do we.
    throw Object.assign(new Error(error.message, { cause: error }), { code: "ECONNRESET" });
  }
  return {
    statusCode: response.status,
    reason: response.statusText,
    headers: Object.fromEntries(response.headers),
    body: response.body ?? new ReadableStream({ start: (controller) => controller.close() }),
  };
}
