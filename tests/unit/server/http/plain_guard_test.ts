import { deepEqual, match } from "node:assert/strict";
import { Hono } from "hono";
import type { AppEnv } from "../../../../server/http/app_env.ts";
import { createClientView } from "../../../../server/http/client_view.ts";
import { plainGuard, responseHeaders, SIGN_IN_PAGES } from "../../../../server/http/guards.ts";
import { problemResponse } from "../../../../server/http/problem.ts";
import { toAppError } from "../../../../contract/errors.ts";

interface Asked {
  readonly url?: string;
  readonly remoteAddress?: string;
  readonly headers?: Record<string, string>;
}

function ask(
  { trustProxy = false, allowsPlainHttp = false } = {},
  { url = "http://sluice.example/login", remoteAddress = "10.0.0.9", headers = {} }: Asked = {},
): Promise<Response> {
  const client = createClientView({ trustProxy, allowsPlainHttp });
  const app = new Hono<AppEnv>();
  app.use(responseHeaders({ ...client, seconds: 60 }));
  app.use(plainGuard(client, SIGN_IN_PAGES));
  app.all("*", (c) => c.text("form"));
  app.onError((error) => problemResponse(toAppError(error), "x"));
  return Promise.resolve(app.request(url, { headers }, { remoteAddress }));
}

Deno.test("nobody signs in over plain HTTP from another machine, unless the operator says that nobody listens", async () => {
  const status = async (...args: Parameters<typeof ask>) => (await ask(...args)).status;
  const refused = await ask();
  match(await refused.text(), /--tls-cert.*--trust-proxy.*SLUICE_ALLOW_PLAIN_HTTP=1/);
  deepEqual(
    [
      refused.status,
      await status({}, { url: "http://sluice.example/account/tokens" }),
      await status({}, { url: "http://sluice.example/password?link=x" }),
      await status({}, { remoteAddress: "::ffff:10.0.0.9" }),
      // Whatever a client says of itself.
      await status({}, { headers: { "x-forwarded-proto": "https", "x-forwarded-for": "127.0.0.1" } }),
      await status({}, { headers: { host: "localhost" } }),
    ],
    [403, 403, 403, 403, 403, 403],
  );
  deepEqual(
    [
      await status({}, { url: "https://sluice.example/login" }),
      await status({}, { remoteAddress: "127.0.0.1" }),
      await status({}, { remoteAddress: "::ffff:127.0.0.1" }),
      await status({ trustProxy: true }),
      await status({ allowsPlainHttp: true }),
      await status({}, { url: "http://sluice.example/loginx" }),
      await status({}, { url: "http://sluice.example/runs" }),
    ],
    [200, 200, 200, 200, 200, 200, 200],
  );
});

Deno.test("browsers are told to come back by https where they spoke it, and nowhere else", async () => {
  const told = async (...args: Parameters<typeof ask>) =>
    (await ask(...args)).headers.get("strict-transport-security");
  const forwarded = { headers: { "x-forwarded-proto": "https" } };
  deepEqual(
    [
      await told({}, { url: "https://sluice.example/" }),
      await told({ trustProxy: true }, forwarded),
      await told({}, forwarded),
      await told({ trustProxy: true }, { headers: { "x-forwarded-proto": "http" } }),
    ],
    ["max-age=60", "max-age=60", null, null],
  );
});
