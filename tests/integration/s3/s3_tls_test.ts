import { equal, match } from "node:assert/strict";
import { makeCertificate } from "../../support/postgres.ts";
import { S3Bucket, s3Url } from "../../support/s3_bucket.ts";
import { S3Proxy } from "../../support/s3_proxy.ts";
import { attemptInProcess, succeed, type WorkerProject } from "../../support/worker_process.ts";

/** A store behind a certificate that no system knows, as a company's own has. */

Deno.test("s3: a store with a private authority is trusted by the connector that names it, and by no other", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-s3-tls-" });
  try {
    await Deno.mkdir(`${folder}/project/tls`, { recursive: true });
    const store = await makeCertificate(folder, "localhost");
    const other = await makeCertificate(folder, "other");
    await Deno.copyFile(store.certificate, `${folder}/project/tls/store.pem`);
    await Deno.copyFile(other.certificate, `${folder}/project/tls/other.pem`);
    const [cert, key] = await Promise.all(
      [store.certificate, store.key].map((path) => Deno.readTextFile(path)),
    );
    await using bucket = await S3Bucket.create();
    await using proxy = await S3Proxy.start(s3Url(), { cert: cert ?? "", key: key ?? "" });
    await bucket.put("in.csv", "id\n1\n2\n");
    const projectWith = (more: Readonly<Record<string, unknown>>): WorkerProject => ({
      folder,
      connectors: { store: { type: "s3", ...bucket.config({ endpoint: proxy.url, ...more }) } },
      pipeline: {
        extract: { t: { connector: "store", path: "in.csv" } },
        load: { t: { connector: "store", path: "out/" } },
      },
    });
    await succeed(projectWith({ ca: "tls/store.pem" }), { runId: "a", attempt: 1, models: {} });
    equal((await bucket.keys("out/")).length, 2);
    const asked = proxy.asked.length;
    for (const [runId, more] of Object.entries({ none: {}, other: { ca: "tls/other.pem" } })) {
      const { error } = await attemptInProcess(projectWith(more), { runId, attempt: 1, models: {} });
      equal(error?.code, "unavailable", JSON.stringify(error));
      match(error?.message ?? "", /certificate/i);
      match(error?.message ?? "", /\bca\b/);
    }
    equal(proxy.asked.length, asked, "nothing was asked of a store that is not trusted");
    const { error } = await attemptInProcess(projectWith({ ca: "tls/none.pem" }), {
      runId: "missing",
      attempt: 1,
      models: {},
    });
    match(error?.message ?? "", /tls\/none\.pem/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
