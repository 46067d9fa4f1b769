import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import * as v from "valibot";
import { configSchema, secretsOf } from "../../../connectors/s3/config.ts";
import { s3 } from "../../../connectors/s3/connector.ts";
import { S3_KEYS, S3Bucket, s3Url } from "../../support/s3_bucket.ts";
import { attemptInProcess, type WorkerProject } from "../../support/worker_process.ts";
import { S3Bench } from "./s3_bench.ts";

/** Sets variables of this process for a while. */
function variables(values: Readonly<Record<string, string>>): Disposable {
  const before = Object.keys(values).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(values)) Deno.env.set(name, value);
  return {
    [Symbol.dispose]() {
      for (const [name, value] of before) {
        if (value === undefined) Deno.env.delete(name);
        else Deno.env.set(name, value);
      }
    },
  };
}

async function runReading(bucket: S3Bucket, entry: Readonly<Record<string, unknown>>) {
  const folder = await Deno.makeTempDir({ prefix: "sluice-s3-" });
  try {
    const project: WorkerProject = {
      folder,
      connectors: { it: { type: "s3", bucket: bucket.name, endpoint: s3Url(), ...entry } },
      pipeline: { extract: { t: { connector: "it", path: "t.csv" } } },
    };
    return await attemptInProcess(project, { runId: "r", attempt: 1, models: {} });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("s3: a run's process has credentials of the environment where the connector asks for them, and else none", async () => {
  await using bucket = await S3Bucket.create();
  await bucket.put("t.csv", "id\n1\n");
  using _keys = variables({
    AWS_ACCESS_KEY_ID: S3_KEYS.access_key_id,
    AWS_SECRET_ACCESS_KEY: S3_KEYS.secret_access_key,
    AWS_EC2_METADATA_DISABLED: "true",
    HOME: "/no/such/home",
  });
  const found = await runReading(bucket, { credentials: "default" });
  strictEqual(found.error, null, found.log.join("\n"));
  strictEqual(found.steps.get("extract:t")?.rows, 1);
  Deno.env.delete("AWS_SECRET_ACCESS_KEY");
  const missing = await runReading(bucket, { credentials: "default" });
  strictEqual(missing.error?.code, "unauthorized");
  match(missing.error?.message ?? "", /no credentials were found where Amazon's programs look for them/);
});

Deno.test("s3: a run's process reads a profile of the user's files, and no other file", async () => {
  await using bucket = await S3Bucket.create();
  await bucket.put("t.csv", "id\n1\n");
  const home = await Deno.makeTempDir({ prefix: "sluice-home-" });
  try {
    await Deno.mkdir(`${home}/.aws`);
    await Deno.writeTextFile(
      `${home}/.aws/credentials`,
      `[shop]\naws_access_key_id = ${S3_KEYS.access_key_id}\naws_secret_access_key = ${S3_KEYS.secret_access_key}\n`,
    );
    using _home = variables({ HOME: home, AWS_EC2_METADATA_DISABLED: "true" });
    const found = await runReading(bucket, { credentials: "default", profile: "shop" });
    strictEqual(found.error, null, found.log.join("\n"));
    strictEqual(
      (await runReading(bucket, { credentials: "default", profile: "other" })).error?.code,
      "unauthorized",
    );
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("s3: access names what the credentials need, and nothing where there are keys", () => {
  const accessOf = (entry: Readonly<Record<string, unknown>>) => {
    const config = v.parse(configSchema, { bucket: "acme", region: "eu-west-1", ...entry });
    return s3.access(config, { kind: "discovery" }, { projectDir: "/project" });
  };
  const keys = { access_key_id: "a", secret_access_key: "b" };
  using _home = variables({ HOME: "/users/me" });
  deepStrictEqual(accessOf(keys), {
    hosts: ["acme.s3.eu-west-1.amazonaws.com:443"],
    read: [],
    write: [],
    config: [],
    plain: [],
  });
  deepStrictEqual(accessOf({ ...keys, endpoint: "http://minio:9000", ca: "tls/ca.pem" }), {
    hosts: ["minio:9000"],
    read: [],
    write: [],
    config: ["/project/tls/ca.pem"],
    plain: [{ host: "minio:9000", because: "endpoint begins with http://", advice: "write https://" }],
  });
  deepStrictEqual(accessOf({ ...keys, role_arn: "arn:aws:iam::123456789012:role/reader" }).hosts, [
    "acme.s3.eu-west-1.amazonaws.com:443",
    "sts.eu-west-1.amazonaws.com:443",
  ]);
  const chain = accessOf({ credentials: "default" });
  ok(chain.hosts.includes("169.254.169.254:80"));
  ok(chain.environment?.includes("AWS_SECRET_ACCESS_KEY"));
  deepStrictEqual(chain.config?.slice(0, 2), ["/users/me/.aws/config", "/users/me/.aws/credentials"]);
  using _off = variables({ AWS_EC2_METADATA_DISABLED: "true" });
  ok(!accessOf({ credentials: "default" }).hosts.includes("169.254.169.254:80"));
  using _secret = variables({ AWS_SESSION_TOKEN: "of the environment" });
  ok(
    secretsOf(v.parse(configSchema, { bucket: "acme", region: "eu-west-1", credentials: "default" }))
      .includes("of the environment"),
  );
});

Deno.test("s3: a role is taken with the keys, and its own keys sign", async () => {
  await using bench = await S3Bench.start({
    role_arn: "arn:aws:iam::123456789012:role/reader",
    sts_endpoint: s3Url(),
  });
  await bench.bucket.put("t.csv", "id\n1\n");
  deepStrictEqual((await bench.files.read("t.csv")).rows, [[1]]);
  const [asked] = bench.proxy.asked;
  ok(!String(asked?.headers["authorization"]).includes(`Credential=${S3_KEYS.access_key_id}/`));
  ok(asked?.headers["x-amz-security-token"] !== undefined);
});

Deno.test("s3: a role that cannot be taken is told", async () => {
  await using bench = await S3Bench.start({
    role_arn: "arn:aws:iam::123456789012:role/reader",
    sts_endpoint: "http://127.0.0.1:1",
  });
  match(
    await bench.files.failure("unavailable", bench.files.read("t.csv")),
    /Cannot take the role arn:aws:iam::123456789012:role\/reader: 127\.0\.0\.1:1 does not answer/,
  );
});

Deno.test("s3: anonymous requests are not signed; requester pays and a customer's key go with each", async () => {
  const key = new Uint8Array(32).fill(7).toBase64();
  await using open = await S3Bench.start({
    access_key_id: undefined,
    secret_access_key: undefined,
    credentials: "anonymous",
  });
  await open.files.read("t.csv").catch(() => {});
  strictEqual(open.proxy.asked[0]?.headers["authorization"], undefined);
  await using bench = await S3Bench.start({ requester_pays: true, customer_key: key });
  await bench.files.load("t.csv", "(1, 'a')");
  deepStrictEqual((await bench.files.read("t.csv")).rows, [[1, "a"]]);
  ok(bench.proxy.asked.some(({ method, url }) => method === "PUT" && url.includes("/t.csv?")));
  for (const { method, headers, url } of bench.proxy.asked) {
    strictEqual(headers["x-amz-request-payer"], "requester", `${method} ${url}`);
    const isOfBytes = ["GET", "HEAD", "PUT"].includes(method) && url.includes("/t.csv?");
    if (isOfBytes) {
      strictEqual(headers["x-amz-server-side-encryption-customer-key"], key, `${method} ${url}`);
    }
  }
});

Deno.test("s3: what is written is encrypted as the connector says", async () => {
  await using bench = await S3Bench.start({ encryption: "aws:kms", kms_key_id: "my-key" });
  await bench.files.load("t/", "(1, 'a')");
  const puts = bench.proxy.asked.filter(({ method }) => method === "PUT");
  ok(puts.length >= 2);
  for (const { headers } of puts) {
    strictEqual(headers["x-amz-server-side-encryption"], "aws:kms");
    strictEqual(headers["x-amz-server-side-encryption-aws-kms-key-id"], "my-key");
  }
});

for (
  const [entry, expected] of [
    [{}, /expected access_key_id and secret_access_key, or credentials/],
    [{ access_key_id: "a" }, /belong together/],
    [{ access_key_id: "a", secret_access_key: "b", credentials: "default" }, /or credentials/],
    [{ credentials: "default", endpoint: "minio:9000" }, /expected an address without a path/],
    [{ credentials: "default", endpoint: "http://u:p@minio:9000" }, /expected an address without a path/],
    [{ credentials: "default", prefix: "/a" }, /expected a prefix/],
    [{ credentials: "default", prefix: "a/../b" }, /expected a prefix/],
    [{ credentials: "default", part_size: "1MB" }, /expected 5MiB to 512MiB/],
    [{ credentials: "default", customer_key: "short" }, /expected 32 bytes as base64/],
    [{ credentials: "default", kms_key_id: "k" }, /kms_key_id needs encryption/],
    [{ credentials: "anonymous", role_arn: "arn:aws:iam::1:role/r" }, /other than anonymous/],
    [{ credentials: "anonymous", region: undefined }, /expected region/],
  ] as const
) {
  Deno.test(`s3: a config of ${JSON.stringify(entry)} is a fault`, () => {
    const parsed = v.safeParse(configSchema, { bucket: "acme", region: "eu-west-1", ...entry });
    match(parsed.issues?.map(({ message }) => message).join("\n") ?? "", expected);
  });
}
