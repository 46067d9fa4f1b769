import { deepEqual, equal } from "node:assert/strict";
import { formatFault } from "../../../../../text/fault.ts";
import { parseNamedEntries, type TypedEntry } from "../../../../../engine/definitions/named_entries.ts";
import { plainSecrets } from "../../../../../engine/definitions/secrets/plain_secrets.ts";

/** What is said of the text of connectors.yaml. */
function warningsOf(text: string): string[] {
  const parsed = parseNamedEntries<TypedEntry>(text, "connectors.yaml", "connector", (_name, entry) => entry);
  deepEqual(parsed.faults, []);
  return plainSecrets(parsed).map(formatFault);
}

/** The keys that are warned of in one entry. */
const keysIn = (entry: string): string[] =>
  warningsOf(`shop: ${entry}`).map((text) => /shop\.([^:]+): the/.exec(text)?.[1] ?? text);

Deno.test("a secret that is written out is warned of at its place, with the reference for it and without its value", () => {
  const warnings = warningsOf(`files: { type: file }
shop:
  type: postgres
  host: db.example.com
  password: hunter2-canary
orders: { type: mysql, url: "mysql://ada:hunter2-canary@db.example.com/shop" }
my-api: { type: http, base_url: https://api.example.com, auth: { type: bearer, token: hunter2-canary } }
lake: { type: libsql, url: "https://db.example.com?authToken=hunter2-canary" }
`);
  deepEqual(warnings, [
    "connectors.yaml:5:13: warning: shop.password: the password stands in the file in plain text; put it into ${secret:SHOP_PASSWORD}",
    "connectors.yaml:6:29: warning: orders.url: the password in the address stands in the file in plain text; put the whole address into ${secret:ORDERS_URL}",
    "connectors.yaml:7:87: warning: my-api.auth.token: the token stands in the file in plain text; put it into ${secret:MY_API_TOKEN}",
    "connectors.yaml:8:28: warning: lake.url: the secret in the address stands in the file in plain text; put the whole address into ${secret:LAKE_URL}",
  ]);
  equal(warnings.join().includes("canary"), false);
});

Deno.test("secrets of all kinds of entries are found by their keys", () => {
  deepEqual(
    keysIn(
      "{ type: s3, access_key_id: A, secret_access_key: b, session_token: c, customer_key: d, bucket: e }",
    ),
    ["secret_access_key", "session_token", "customer_key"],
  );
  deepEqual(
    keysIn(
      "{ type: sftp, host: h.example.com, private_key: x, passphrase: y, host_key: z, private_key_file: f }",
    ),
    ["private_key", "passphrase"],
  );
  deepEqual(
    keysIn(
      '{ type: http, base_url: "https://a.example", headers: { Authorization: "Bearer x", X-Api-Key: y, Accept: z } }',
    ),
    ["headers.Authorization", "headers.X-Api-Key"],
  );
  deepEqual(keysIn('{ type: http, base_url: "https://a.example", params: { key: x, page: "1" } }'), [
    "params.key",
  ]);
  deepEqual(
    keysIn("{ type: singer, config: { clientSecret: a, start_date: b, nested: [{ api_key: c }] } }"),
    [
      "config.clientSecret",
      "config.nested.0.api_key",
    ],
  );
  deepEqual(keysIn("{ type: slack, url: https://hooks.example.com/T1/B2/x }"), ["url"]);
  deepEqual(keysIn("{ type: pagerduty, key: abc }"), ["key"]);
  deepEqual(keysIn("{ type: sentry, dsn: https://abc@sentry.example.com/4 }"), ["dsn"]);
  deepEqual(keysIn("{ type: webhook, url: https://a.example, secret: abc }"), ["secret"]);
  deepEqual(keysIn('{ type: postgres, ssl_key: "-----BEGIN PRIVATE KEY-----\\nabc" }'), ["ssl_key"]);
  deepEqual(keysIn("{ type: file, mask_salt: pepper }"), ["mask_salt"]);
});

Deno.test("references, options and addresses without a secret are not warned of", () => {
  for (
    const entry of [
      '{ type: postgres, password: "${secret:P}" }',
      '{ type: postgres, password: "${env:P}" }',
      '{ type: postgres, password: "" }',
      '{ type: postgres, url: "postgres://${env:USER}:${secret:P}@db.example.com/shop" }',
      '{ type: postgres, url: "postgres://ada@db.example.com:5432/shop?sslmode=require" }',
      '{ type: postgres, url: "${secret:URL}" }',
      '{ type: http, base_url: "https://a.example/x:y@z", headers: { Authorization: "Bearer ${vault:a/b#c}" } }',
      "{ type: s3, bucket: b, credentials: anonymous }",
      "{ type: webhook, url: https://a.example/in }",
      '{ type: sms, url: https://a.example, form: { Body: "{{title}}", To: "{{to}}" } }',
      "{ type: http, auth: { type: oauth2_refresh_token, access_token_url: https://a.example/token } }",
    ]
  ) deepEqual(keysIn(entry), [], entry);
});

Deno.test("systems of this machine are not warned of", () => {
  deepEqual(keysIn("{ type: postgres, host: 127.0.0.1, password: x }"), []);
  deepEqual(keysIn('{ type: postgres, url: "postgres://u:p@localhost:5432/shop" }'), []);
  deepEqual(keysIn('{ type: mysql, url: "mysql://u:p@[::1]/shop" }'), []);
  deepEqual(keysIn("{ type: http, base_url: http://localhost:8080, auth: { type: bearer, token: x } }"), []);
  deepEqual(keysIn('{ type: postgres, url: "postgres://u:p@localhost.example.com/shop" }'), ["url"]);
  deepEqual(keysIn('{ type: postgres, url: "postgres://u:p@ss@localhost@db.example.com/shop" }'), ["url"]);
});
