/** `file_server.ts FOLDER` serves its files, whole and in parts; prints the port. Ends with its standard input. */
import { join } from "node:path";

const [folder = "."] = Deno.args;
const PIECE_BYTES = 256 * 1024;

async function serve(request: Request): Promise<Response> {
  const path = join(folder, decodeURIComponent(new URL(request.url).pathname));
  const { size, mtime } = await Deno.stat(path);
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "") ?? [];
  const start = Number(first ?? 0);
  const end = last === undefined || last === "" ? size : Math.min(Number(last) + 1, size);
  const headers = {
    "content-length": String(end - start),
    "last-modified": mtime?.toUTCString() ?? "",
    etag: `"${size}-${mtime?.getTime()}"`,
    ...(first === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${size}` }),
  };
  return new Response(streamOf(pieces(path, start, end)), {
    status: first === undefined ? 200 : 206,
    headers,
  });
}

async function* pieces(path: string, start: number, end: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  using file = await Deno.open(path);
  await file.seek(start, Deno.SeekMode.Start);
  for (let left = end - start; left > 0;) {
    const bytes = new Uint8Array(Math.min(PIECE_BYTES, left));
    const count = await file.read(bytes);
    if (count === null) return;
    left -= count;
    yield bytes.subarray(0, count);
  }
}

/** `ReadableStream.from`, which TypeScript's own types do not have. */
function streamOf(pieces: AsyncGenerator<Uint8Array<ArrayBuffer>>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
}

const server = Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(port),
  handler: async (request) => {
    try {
      return await serve(request);
    } catch {
      return new Response(null, { status: 404 });
    }
  },
});
for await (const _ of Deno.stdin.readable) { /* until it ends */ }
await server.shutdown();
