import { orderRecord } from "./order_record.ts";

/**
 * `api_server.ts RECORDS PER_PAGE`: an API whose records come in pages, as `{"data":[…],"next":…}`; prints the port. The pages are
 * made beforehand. Ends with its standard input.
 */
const [records = "", perPage = ""] = Deno.args;
const [total, size] = [Number(records), Number(perPage)];

const pages = Array.from({ length: Math.ceil(total / size) }, (_, page) => {
  const data = Array.from(
    { length: Math.min(size, total - page * size) },
    (_, i) => orderRecord(page * size + i),
  );
  const next = (page + 1) * size < total ? `/orders?page=${page + 1}` : null;
  return new TextEncoder().encode(JSON.stringify({ data, next }));
});

const server = Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(port),
  handler: ({ url }) => {
    const page = pages[Number(new URL(url).searchParams.get("page") ?? 0)];
    return new Response(page, {
      status: page === undefined ? 404 : 200,
      headers: { "content-type": "application/json" },
    });
  },
});
for await (const _ of Deno.stdin.readable) { /* until it ends */ }
await server.shutdown();
