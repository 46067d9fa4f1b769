import assert from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import { readProxySettings } from "../../../../server/http/proxy_settings.ts";

const read = (env: Record<string, string>, host: string) => readProxySettings((name) => env[name], host);

Deno.test("a server on loopback answers to no other name than localhost", () => {
  for (const host of ["127.0.0.1", "127.1.2.3", "localhost", "::1"]) {
    assert.deepEqual(read({}, host), { trustProxy: false, allowedHosts: [] });
  }
  assert.deepEqual(read({}, "0.0.0.0"), { trustProxy: false, allowedHosts: undefined });
});

Deno.test("a trusted proxy may pass any name on, and names can be told", () => {
  assert.deepEqual(read({ SLUICE_TRUST_PROXY: "1" }, "127.0.0.1"), {
    trustProxy: true,
    allowedHosts: undefined,
  });
  assert.deepEqual(
    read({ SLUICE_ALLOWED_HOSTS: " a.example, b.example ,", SLUICE_TRUST_PROXY: "0" }, "0.0.0.0"),
    {
      trustProxy: false,
      allowedHosts: ["a.example", "b.example"],
    },
  );
});

Deno.test("SLUICE_TRUST_PROXY takes nothing but 1 and 0", () => {
  assert.throws(
    () => read({ SLUICE_TRUST_PROXY: "yes" }, "127.0.0.1"),
    (error) => error instanceof AppError && error.code === "invalid" && error.message.includes('"yes"'),
  );
});
