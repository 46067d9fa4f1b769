import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";

/** What a request is, as rules see it. */
export interface Asked {
  readonly method: string;
  /** With its query, as it was sent. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** How many requests came before it that the same rule took. */
  readonly earlier: number;
}

/**
 * What becomes of a request: `answer` says something of its own instead, `cut` ends the connection after so many bytes
 * of the body, `lose` lets the request through and ends the connection without its answer, `before` waits for something
 * first.
 */
export type Fate =
  | {
    readonly type: "answer";
    readonly status: number;
    readonly body?: string;
    readonly headers?: Record<string, string>;
  }
  | { readonly type: "cut"; readonly afterBytes: number }
  | { readonly type: "lose" }
  | { readonly type: "refuse" }
  | { readonly type: "before"; wait(): Promise<void> };

/** Undefined lets the request through. */
export type Rule = (asked: Asked) => Fate | undefined;

/** Stands before an S3 server and does what goes wrong on the way. */
export class S3Proxy implements AsyncDisposable {
  readonly url: string;
  readonly asked: Asked[] = [];
  rule: Rule = () => undefined;
  readonly #server: Server;
  #taken = 0;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  /** With a certificate, of `localhost`, it speaks TLS. */
  static async start(
    target: string,
    certificate?: { readonly cert: string; readonly key: string },
  ): Promise<S3Proxy> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const server = certificate === undefined ? createServer() : createTlsServer(certificate);
    server.listen(0, "127.0.0.1", resolve);
    await promise;
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy has no port");
    const origin = certificate === undefined ? "http://127.0.0.1" : "https://localhost";
    const proxy = new S3Proxy(server, `${origin}:${address.port}`);
    server.on("request", (incoming, outgoing) => void proxy.#serve(new URL(target), incoming, outgoing));
    return proxy;
  }

  async #serve(target: URL, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = "GET", url = "/", headers } = incoming;
    const asked = { method, url, headers, earlier: this.#taken };
    this.asked.push(asked);
    const fate = this.rule(asked);
    if (fate !== undefined) this.#taken++;
    if (fate?.type === "before") await fate.wait();
    if (fate?.type === "refuse") return void incoming.socket.destroy();
    if (fate?.type === "answer") {
      incoming.resume();
      outgoing.writeHead(fate.status, fate.headers);
      return void outgoing.end(method === "HEAD" ? undefined : fate.body);
    }
    const onward = request(
      { host: target.hostname, port: target.port, method, path: url, headers },
      (answer) => {
        if (fate?.type === "lose") {
          answer.resume();
          answer.on("end", () => incoming.socket.destroy());
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        let left = fate?.type === "cut" ? fate.afterBytes : Number.POSITIVE_INFINITY;
        answer.on("data", (chunk: Uint8Array) => {
          if (left <= 0) return;
          outgoing.write(chunk.subarray(0, left));
          left -= chunk.length;
          if (left <= 0) setTimeout(() => incoming.socket.destroy(), 5);
        });
        answer.on("end", () => {
          if (left > 0) outgoing.end();
        });
      },
    );
    onward.on("error", () => incoming.socket.destroy());
    incoming.pipe(onward);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
