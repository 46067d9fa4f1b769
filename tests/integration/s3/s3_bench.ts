import * as v from "valibot";
import { s3 } from "../../../connectors/s3/connector.ts";
import type { ConnectorContext } from "../../../contract/connector/connector.ts";
import { S3Bucket, s3Url } from "../../support/s3_bucket.ts";
import { S3Proxy } from "../../support/s3_proxy.ts";
import { connectorContext } from "../../support/connections.ts";
import { FileBench } from "../../unit/connectors/files/file_bench.ts";

/** A bucket, a proxy before it, and a connector that goes through the proxy. */
export class S3Bench implements AsyncDisposable {
  readonly bucket: S3Bucket;
  readonly proxy: S3Proxy;
  readonly files: FileBench;
  readonly logged: string[] = [];

  private constructor(bucket: S3Bucket, proxy: S3Proxy, files: FileBench, logged: string[]) {
    this.bucket = bucket;
    this.proxy = proxy;
    this.files = files;
    this.logged = logged;
  }

  static async start(
    config: Readonly<Record<string, unknown>> = {},
    context: Partial<ConnectorContext> = {},
  ): Promise<S3Bench> {
    const bucket = await S3Bucket.create();
    const proxy = await S3Proxy.start(s3Url());
    const folder = await Deno.makeTempDir({ prefix: "sluice-s3-" });
    const logged: string[] = [];
    const parsed = v.parse(s3.configSchema, bucket.config({ endpoint: proxy.url, ...config }));
    const connection = await s3.open(
      parsed,
      connectorContext(folder, { log: (_level, message) => logged.push(message), ...context }),
    );
    return new S3Bench(bucket, proxy, await FileBench.at(folder, connection), logged);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.proxy.rule = () => undefined;
    await this.files[Symbol.asyncDispose]();
    await this.proxy[Symbol.asyncDispose]();
    await this.bucket[Symbol.asyncDispose]();
  }
}

/** An error as the store writes it. */
export function storeError(status: number, code: string, message = code) {
  const body =
    `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return { type: "answer", status, body, headers: { "content-type": "application/xml" } } as const;
}
