import assert from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import { readProxySettings } from "../../../../server/http/proxy_settings.ts";

const read = (
  env: Record<string, string>,
  host: string,
  options: { allowHost?: string[]; trustProxy?: boolean } = {},
) => {
  const { trustProxy, allowedHosts } = readProxySettings(
    { allowHost: [], trustProxy: false, host, ...options },
    (name) => env[name],
  );
  return { trustProxy, allowedHosts };
};

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

Deno.test("SLUICE_TRUST_PROXY takes nothing that is neither yes nor no", () => {
  assert.throws(
    () => read({ SLUICE_TRUST_PROXY: "perhaps" }, "127.0.0.1"),
    (error) => error instanceof AppError && error.code === "invalid" && error.message.includes('"perhaps"'),
  );
});

Deno.test("the options go before the variables", () => {
  const env = { SLUICE_ALLOWED_HOSTS: "a.example", SLUICE_TRUST_PROXY: "0" };
  assert.deepEqual(read(env, "127.0.0.1", { allowHost: ["b.example", "c.example"], trustProxy: true }), {
    trustProxy: true,
    allowedHosts: ["b.example", "c.example"],
  });
});

Deno.test("a name that no browser could use is refused", () => {
  for (const name of ["http://a.example", "a.example:80", "a b", "a.example/", "-a", "é.example"]) {
    assert.throws(
      () => read({}, "127.0.0.1", { allowHost: [name] }),
      (error) => error instanceof AppError && error.code === "invalid" && error.message.includes(name),
    );
  }
});

Deno.test("HSTS is for a year unless SLUICE_HSTS says otherwise, and plain HTTP is not for passwords", () => {
  const settings = (env: Record<string, string>) => {
    const { strictSeconds, allowsPlainHttp } = readProxySettings(
      { allowHost: [], trustProxy: false, host: "127.0.0.1" },
      (name) => env[name],
    );
    return [strictSeconds, allowsPlainHttp];
  };
  assert.deepEqual(settings({}), [31_536_000, false]);
  assert.deepEqual(settings({ SLUICE_HSTS: "0", SLUICE_ALLOW_PLAIN_HTTP: "1" }), [0, true]);
  for (const env of [{ SLUICE_HSTS: "1y" }, { SLUICE_ALLOW_PLAIN_HTTP: "perhaps" }]) {
    assert.throws(() => settings(env as Record<string, string>), /expected/);
  }
});
