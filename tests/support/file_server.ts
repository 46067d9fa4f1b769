import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { AddressInfo } from "node:net";

/** What a file's answers are like; by default as of a good server: ranges, a strong ETag, its length. */
export interface ServedFile {
  bytes: Uint8Array;
  etag?: string | null;
  modified?: string;
  contentType?: string;
  hasRanges?: boolean;
  /** Without it the body comes in chunks. */
  hasLength?: boolean;
  /** Answers instead of the server's own; true where it did. */
  instead?: (request: IncomingMessage, response: ServerResponse, count: number) => boolean;
}

export interface Asked {
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A web server of files, on a port of its own, that does as it is told. */
export class FileServer implements AsyncDisposable {
  readonly files = new Map<string, ServedFile>();
  readonly asked: Asked[] = [];
  readonly #server = createServer((request, response) => this.#answer(request, response));
  #url = "";

  static async start(files: Readonly<Record<string, ServedFile | string>> = {}): Promise<FileServer> {
    const server = new FileServer();
    for (const [path, file] of Object.entries(files)) {
      server.files.set(path, typeof file === "string" ? { bytes: new TextEncoder().encode(file) } : file);
    }
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    // A server that listens on a port has such an address.
    const { port } = server.#server.address() as AddressInfo;
    server.#url = `http://127.0.0.1:${port}`;
    return server;
  }

  get url(): string {
    return this.#url;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = request.url ?? "/";
    const path = url.split("?")[0] ?? url;
    this.asked.push({ url, headers: request.headers });
    const file = this.files.get(path);
    if (file === undefined) {
      response.writeHead(404).end("nothing here");
      return;
    }
    if (file.instead?.(request, response, this.asked.filter((asked) => asked.url === url).length)) return;
    const { bytes, etag = `"${bytes.length}"`, hasRanges = true, hasLength = true } = file;
    const headers: Record<string, string> = {
      ...(etag === null ? {} : { etag }),
      ...(file.modified === undefined ? {} : { "last-modified": file.modified }),
      "content-type": file.contentType ?? "application/octet-stream",
    };
    if (request.headers["if-match"] !== undefined && request.headers["if-match"] !== etag) {
      response.writeHead(412, headers).end();
      return;
    }
    const range = hasRanges ? /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") : null;
    if (range === null) {
      response.writeHead(200, hasLength ? { ...headers, "content-length": String(bytes.length) } : headers);
      response.end(bytes);
      return;
    }
    const [first, last] = [Number(range[1]), Math.min(Number(range[2]), bytes.length - 1)];
    if (first >= bytes.length) {
      response.writeHead(416, { ...headers, "content-range": `bytes */${bytes.length}` }).end();
      return;
    }
    const part = bytes.subarray(first, last + 1);
    response.writeHead(206, {
      ...headers,
      "content-range": `bytes ${first}-${last}/${bytes.length}`,
      "content-length": String(part.length),
    });
    response.end(part);
  }
}
