import { deepEqual, equal, rejects } from "node:assert/strict";
import { Int32 } from "apache-arrow";
import * as v from "valibot";
import type { ApiRequest } from "../../../../connectors/http/rest/api_request.ts";
import { deliverRows } from "../../../../connectors/http/rest/load/deliver_rows.ts";
import { loadSchema } from "../../../../connectors/http/rest/load/target.ts";
import { batchOf, testColumn } from "../../../support/arrow_rows.ts";
import { never } from "../../../support/connections.ts";

/** Delivers rows of these ids to an API that answers so. */
async function deliver(
  endpoint: Readonly<Record<string, unknown>>,
  ids: readonly number[],
  answer: (request: ApiRequest) => { readonly status: number; readonly body?: unknown },
) {
  const sent: ApiRequest[] = [];
  const client = {
    send(request: ApiRequest, accepted: readonly number[]) {
      sent.push(request);
      const { status, body = "" } = answer(request);
      if (status >= 300 && !accepted.includes(status)) throw new Error(`${status} is not accepted`);
      const bytes = new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
      return Promise.resolve({ status, headers: new Headers(), bytes });
    },
  };
  const target = v.parse(loadSchema, { endpoint });
  const batches = [batchOf([testColumn("id", new Int32(), ids)])];
  const request = { target, idempotencyKey: "run/load:t->api/0+2" };
  const results = await deliverRows(new URL("https://api.test/v1/"), client, batches, request, never());
  return { sent, results };
}

Deno.test("deliverRows() throws where an answer does not say what became of each row", async () => {
  const cases = [
    [{}, { status: 207 }, /207 has a status for each row; say by the endpoint's results/],
    [
      { results: { error_path: "e" } },
      { status: 200, body: [{}] },
      /2 rows has 1 results, so that it is not/,
    ],
    [{ results: { error_path: "e" } }, { status: 200, body: "<html>" }, /the answer is no JSON/],
    [
      { results: { status_path: "s" } },
      { status: 200, body: [{ s: 200 }, {}] },
      /result 2 has no status at s/,
    ],
    [{ results: { selector: "x", error_path: "e" } }, { status: 200, body: {} }, /no list of results at x/],
  ] as const;
  for (const [more, answer, message] of cases) {
    await rejects(deliver({ path: "c", batch: 2, ...more }, [1, 2], () => answer), {
      code: "invalid",
      message,
    });
  }
});

Deno.test("deliverRows() takes answers for those of rows that are there only for a single row", async () => {
  const endpoint = {
    path: "c",
    batch: 2,
    response_actions: [{ status_code: 409, action: "ignore" }],
  };
  const { sent, results } = await deliver(
    endpoint,
    [1, 2],
    ({ body }) => ({ status: body?.includes('"id":2') ? 409 : 200 }),
  );
  deepEqual(sent.map(({ body }) => body), ['[{"id":1},{"id":2}]', '[{"id":1}]', '[{"id":2}]']);
  deepEqual(results, [{ type: "ok" }, { type: "ok" }]);
});

Deno.test("deliverRows() deletes what is gone already, and fails for an address without a row that is not there", async () => {
  const gone = () => ({ status: 404 });
  const { sent, results } = await deliver({ path: "c/{row.ID}", method: "DELETE" }, [7], gone);
  deepEqual(sent.map(({ method, url, body }) => [method, url.href, body]), [
    ["DELETE", "https://api.test/v1/c/7", null],
  ]);
  deepEqual(results, [{ type: "ok" }]);
  const put = await deliver({ path: "c/{row.id}", method: "PUT" }, [7], gone);
  equal(put.results[0]?.type, "rejected");
  await rejects(deliver({ path: "c" }, [7], gone), { message: "404 is not accepted" });
  await rejects(deliver({ path: "c/{row.none}" }, [7], gone), {
    code: "invalid",
    message: /rows have only id/,
  });
});

Deno.test("deliverRows() gives the same rows the same key, and others another one", async () => {
  const keys = async (ids: readonly number[]) => {
    const { sent } = await deliver(
      { path: "c", batch: 2, idempotency_header: "X-Key" },
      ids,
      () => ({ status: 200 }),
    );
    return sent.map(({ headers }) => headers["X-Key"]);
  };
  deepEqual(await keys([1, 2]), await keys([1, 2]));
  equal((await keys([1, 2]))[0] === (await keys([1, 3]))[0], false);
});
