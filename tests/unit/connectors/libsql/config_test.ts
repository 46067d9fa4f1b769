import { deepStrictEqual, equal, match, ok } from "node:assert/strict";
import * as v from "valibot";
import { configSchema, databaseOf, hostOf } from "../../../../connectors/libsql/config.ts";
import { libsql } from "../../../../connectors/libsql/connector.ts";

Deno.test("configSchema takes a database's address in each of its forms", () => {
  const addresses: [Record<string, unknown>, string, string][] = [
    [{ url: "libsql://shop-me.turso.io" }, "https://shop-me.turso.io", "shop-me.turso.io:443"],
    [{ url: "LIBSQL://Shop.example:8443/" }, "https://shop.example:8443", "shop.example:8443"],
    [{ url: "https://db.example/dev/shop/" }, "https://db.example/dev/shop", "db.example:443"],
    [{ url: "http://127.0.0.1:8080" }, "http://127.0.0.1:8080", "127.0.0.1:8080"],
    [{ url: "http://localhost" }, "http://localhost", "localhost:80"],
    [{ url: "http://[::1]:8080" }, "http://[::1]:8080", "[::1]:8080"],
    [{ url: "http://db.internal:8080", tls: false }, "http://db.internal:8080", "db.internal:8080"],
    [{ url: "libsql://db.internal:8080", tls: false }, "http://db.internal:8080", "db.internal:8080"],
  ];
  for (const [entry, url, host] of addresses) {
    const config = v.parse(configSchema, entry);
    deepStrictEqual([config.url, hostOf(config)], [url, host]);
  }
});

Deno.test("configSchema refuses what would show a token or is no server, and shows no value", () => {
  const faults: [Record<string, unknown>, RegExp][] = [
    [{ url: "http://db.internal:8080" }, /use https:\/\/, or allow it by tls: false/],
    [{ url: "http://10.0.0.1:8080" }, /the server is not this machine/],
    [{ url: "http://127.0.0.1.example.com" }, /the server is not this machine/],
    [{ url: "libsql://db.example?authToken=s3cret" }, /put a token into auth_token/],
    [{ url: "https://user:s3cret@db.example" }, /put a token into auth_token/],
    [{ url: "file:data/shop.db" }, /use type: sqlite/],
    [{ url: "./shop.db" }, /use type: sqlite/],
    [{ url: "wss://db.example" }, /begins with libsql:\/\/, https:\/\/ or http:\/\//],
    [{ url: "db.example" }, /begins with libsql:\/\//],
    [{ url: "https://" }, /url is no address/],
    [{ url: "https://db.example", auth_token: "" }, /expected some text/],
    [{ url: "https://db.example", auth_token: "s3cret\ns3cret" }, /characters that no token has/],
  ];
  for (const [entry, message] of faults) {
    const { success, issues } = v.safeParse(configSchema, entry);
    equal(success, false, JSON.stringify(entry));
    const messages = (issues ?? []).map((issue) => issue.message).join("; ");
    match(messages, message);
    ok(!messages.includes("s3cret"), messages);
  }
});

Deno.test("the token is a secret, and does not print", () => {
  const config = v.parse(configSchema, { url: "https://db.example", auth_token: "s3cret\n" });
  deepStrictEqual(libsql.secrets(config), ["s3cret"]);
  ok(!`${JSON.stringify(config)} ${Deno.inspect(config)}`.includes("s3cret"));
});

Deno.test("access() names the host alone, and the tables as SQLite compares names", () => {
  const config = v.parse(configSchema, { url: "http://127.0.0.1:8080" });
  const stream = v.parse(libsql.streamSchema, { stream: "Orders" });
  deepStrictEqual(libsql.access(config, { kind: "source", stream }), {
    hosts: ["127.0.0.1:8080"],
    plain: [],
    read: [],
    write: [],
    tables: [
      { action: "read", database: "libsql localhost:8080", table: "orders" },
      { action: "read", database: "libsql localhost:8080", table: "orders" },
    ],
  });
  equal(databaseOf(v.parse(configSchema, { url: "http://localhost:8080" })), "libsql localhost:8080");
});
