/** Stands between a client and an HTTP server, and does to each request and answer what a test says. */
export interface HttpRelay extends AsyncDisposable {
  readonly url: string;
}

export interface RelayedRequest {
  /** As `/v3-protobuf/cursor`. */
  readonly path: string;
  /** The body's bytes, each as a character. */
  readonly text: string;
}

/** `pass` hands the request on, and gives the server's answer. */
export type Relaying = (
  request: RelayedRequest,
  pass: () => Promise<Response>,
) => Response | Promise<Response>;

export function startRelay(serverUrl: string, relaying: Relaying): HttpRelay {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const body = await request.bytes();
    const headers = new Headers(request.headers);
    headers.delete("host");
    const pass = () => fetch(`${serverUrl}${pathname}`, { method: request.method, headers, body });
    return await relaying({ path: pathname, text: new TextDecoder("latin1").decode(body) }, pass);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** The answer's status and its first bytes, then a cut connection. */
export async function cutAfter(response: Response, bytes: number): Promise<Response> {
  const whole = await response.bytes();
  let isSent = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (isSent || bytes === 0) controller.error(new Error("cut"));
      else controller.enqueue(whole.subarray(0, bytes));
      isSent = true;
    },
  });
  return new Response(body, { status: response.status, headers: { "content-type": "text/plain" } });
}

/** The same as an answer that is whole, for HTTP. */
export async function endAfter(response: Response, bytes: number): Promise<Response> {
  const whole = await response.bytes();
  return new Response(whole.subarray(0, bytes), { status: response.status });
}
