import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import * as v from "valibot";
import { AppError } from "../../../../contract/errors.ts";
import { runSchema } from "../../../../contract/run.ts";
import { type ApiClient, createApiClient, read } from "../../../../server/cli/client/api_client.ts";
import { pipelineSegment, segment } from "../../../../server/cli/client/paths.ts";

/** Answers each request by `respond`, at an address of this machine. */
async function withServer(
  respond: (request: Request) => Response | Promise<Response>,
  work: (api: ApiClient) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, respond);
  try {
    await work(createApiClient({ url: `http://127.0.0.1:${server.addr.port}`, token: "slc_test" }));
  } finally {
    await server.shutdown();
  }
}

Deno.test("the client writes path, query, header and body as the server reads them", async () => {
  const seen: unknown[] = [];
  const respond = async (request: Request) => {
    const { pathname, search } = new URL(request.url);
    const { headers, method } = request;
    seen.push([method, pathname + search, headers.get("authorization"), headers.get("idempotency-key")]);
    seen.push(await request.text());
    return Response.json([]);
  };
  await withServer(respond, async ({ routes }) => {
    const first = await routes.runs.$get({ query: { limit: 3, tag: "a b&c", before: undefined } });
    await first.body?.cancel();
    const second = await routes.pipelines[":name"].runs.$post({
      param: { name: pipelineSegment("ä/:id?#") },
      header: { "idempotency-key": "k" },
      json: { tags: ["x"], note: undefined },
    });
    await second.body?.cancel();
  });
  deepStrictEqual(seen, [
    ["GET", "/api/runs?limit=3&tag=a+b%26c", "Bearer slc_test", null],
    "",
    ["POST", "/api/pipelines/%C3%A4%2F%3Aid%3F%23/runs", "Bearer slc_test", "k"],
    '{"tags":["x"]}',
  ]);
});

Deno.test("the client sends large bodies in gzip, since a server takes no more than 5 MiB as they are", async () => {
  const seen: unknown[] = [];
  const respond = async (request: Request) => {
    const bytes = new Uint8Array(await request.arrayBuffer());
    const encoding = request.headers.get("content-encoding");
    const text = new TextDecoder().decode(encoding === "gzip" ? gunzipSync(bytes) : bytes);
    seen.push([encoding, request.headers.get("content-type"), bytes.length < 100_000, text.length]);
    return Response.json([]);
  };
  await withServer(respond, async ({ routes }) => {
    for (const length of [10, 8 * 1_024 * 1_024]) {
      const response = await routes.pipelines[":name"].runs.$post({
        param: { name: pipelineSegment("p") },
        header: {},
        json: { note: "ä".repeat(length) },
      });
      await response.body?.cancel();
    }
  });
  deepStrictEqual(seen, [
    [null, "application/json", true, 21],
    ["gzip", "application/json", true, 8 * 1_024 * 1_024 + 11],
  ]);
});

Deno.test("the client refuses what would be another path", () => {
  for (const value of ["", ".", "..", "\ud800"]) {
    throws(() => segment("run", value), (error) => isError(error, "not_found"));
    throws(() => pipelineSegment(value), (error) => isError(error, "invalid"));
  }
});

Deno.test("read() names the path of a response that its schema does not fit", async () => {
  await withServer(() => Response.json([{ id: 1 }]), async ({ routes, url }) => {
    await rejects(
      read(v.array(runSchema), routes.runs.$get()),
      (error) =>
        isError(error, "internal") && error.message.startsWith(`The server at ${url}`) &&
        error.message.includes(" /api/runs ") && error.detail !== undefined,
    );
  });
});

Deno.test("the client says of a proxy's page which status it had", async () => {
  await withServer(() => new Response("<h1>Bad gateway</h1>", { status: 502 }), async ({ routes }) => {
    await rejects(routes.runs.$get(), (error) => isError(error, "internal") && /502/.test(error.message));
  });
});

Deno.test("a wrong path, parameter, body or schema does not compile", () => {
  // Never called: the compiler is what is tested.
  const wrong = ({ routes }: ApiClient) => {
    // @ts-expect-error -- there is no such path
    routes.rnus.$get();
    // @ts-expect-error -- there is no such method there
    routes.runs.$put();
    // @ts-expect-error -- no such parameter of the query
    routes.runs.$get({ query: { offset: 3 } });
    // @ts-expect-error -- not one of the states
    routes.runs.$get({ query: { state: "done" } });
    // @ts-expect-error -- an id that is not encoded
    routes.runs[":id"].$get({ param: { id: "a/b" } });
    // @ts-expect-error -- the id is missing
    routes.runs[":id"].$get();
    // @ts-expect-error -- paused is no text
    routes.pipelines[":name"].$patch({ param: { name: pipelineSegment("a") }, json: { paused: "yes" } });
    // @ts-expect-error -- a key that the body does not have
    routes.tokens.$post({ json: { name: "a", role: "admin", for: "ever" } });
    // @ts-expect-error -- runs are not a number
    void read(v.number(), routes.runs.$get());
  };
  strictEqual(typeof wrong, "function");
});

function isError(error: unknown, code: string): error is AppError {
  return error instanceof AppError && error.code === code;
}
