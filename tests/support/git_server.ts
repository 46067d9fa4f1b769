import { join } from "node:path";
import { freePort } from "./free_port.ts";

/** Serves the bare repositories of a folder over HTTP by git's own `http-backend`, to who knows the token. */
export class GitServer implements AsyncDisposable {
  readonly #server: Deno.HttpServer;
  readonly #port: number;
  /** What a request gets in the place of the repository, while it is set. */
  answer: ((request: Request) => Response | undefined) | undefined;
  /** How many bytes of each answer arrive before the connection breaks; all by default. */
  breakAfter: number | undefined;
  readonly asked: string[] = [];

  constructor(folder: string, token: string | undefined) {
    this.#port = freePort();
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: this.#port, onListen: () => {} },
      async (request) => {
        const { pathname, search } = new URL(request.url);
        this.asked.push(`${request.method} ${pathname}${search}`);
        const given = this.answer?.(request);
        if (given !== undefined) return given;
        const [, encoded = ""] = /^Basic (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
        if (token !== undefined && atob(encoded).split(":")[1] !== token) {
          return new Response("who?", { status: 401, headers: { "www-authenticate": "Basic" } });
        }
        const { head, body } = await backend(folder, request);
        if (this.breakAfter === undefined || body.length <= this.breakAfter) return new Response(body, head);
        return new Response(broken(body.subarray(0, this.breakAfter)), head);
      },
    );
  }

  url(repository: string): string {
    return `http://127.0.0.1:${this.#port}/${repository}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function broken(beginning: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(beginning);
    },
    pull(controller) {
      controller.error(new Error("the line broke"));
    },
  });
}

async function backend(folder: string, request: Request) {
  const { pathname, search } = new URL(request.url);
  const child = new Deno.Command("git", {
    args: ["http-backend"],
    clearEnv: true,
    env: {
      PATH: Deno.env.get("PATH") ?? "",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: join(folder, "no-config"),
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers.get("content-type") ?? "",
      GIT_PROTOCOL: request.headers.get("git-protocol") ?? "",
    },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new Uint8Array(await request.arrayBuffer())).catch(() => {});
  await writer.close().catch(() => {});
  const { stdout } = await child.output();
  const text = new TextDecoder("latin1").decode(stdout);
  const end = text.indexOf("\r\n\r\n");
  const headers = new Headers();
  for (const line of text.slice(0, end).split("\r\n")) {
    const [name = "", value = ""] = line.split(/: */, 2);
    if (name !== "") headers.set(name, value);
  }
  const status = Number(headers.get("status")?.slice(0, 3) ?? 200);
  headers.delete("status");
  return { head: { status, headers }, body: new Uint8Array(stdout.subarray(end + 4)) };
}
