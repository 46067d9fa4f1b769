import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { createS3Client } from "../../connectors/locations/s3/s3_client.ts";
import { Secret } from "../../contract/secret.ts";

/** Keys of the tests' S3 server; one from outside has its own in the environment. */
export const S3_KEYS = {
  access_key_id: Deno.env.get("SLUICE_TEST_S3_ACCESS_KEY") ?? "testing",
  secret_access_key: Deno.env.get("SLUICE_TEST_S3_SECRET_KEY") ?? "s3cret-of-the-tests",
} as const;

/** The address of the tests' S3 server. */
export function s3Url(): string {
  const url = Deno.env.get("SLUICE_TEST_S3_URL");
  if (!url) throw new Error("SLUICE_TEST_S3_URL is not set: run the tests with deno task test");
  return url;
}

/** A bucket for one test alone, seen with other eyes than the connector's. Disposing of it removes it. */
export class S3Bucket implements AsyncDisposable {
  readonly name: string;
  readonly client: S3Client;

  private constructor(name: string, client: S3Client) {
    this.name = name;
    this.client = client;
  }

  static async create(): Promise<S3Bucket> {
    const client = createS3Client({
      bucket: "",
      region: "us-east-1",
      endpoint: s3Url(),
      isPathStyle: true,
      credentials: {
        type: "keys",
        accessKeyId: S3_KEYS.access_key_id,
        secretAccessKey: new Secret(S3_KEYS.secret_access_key),
        sessionToken: undefined,
      },
      role: undefined,
      isRequesterPays: false,
      encryption: { server: undefined, kmsKeyId: undefined, customerKey: undefined },
      partSizeBytes: 16 * 1024 * 1024,
      hasConditionalWrites: true,
      authorities: undefined,
    });
    const name = `sluice-${crypto.randomUUID()}`;
    await client.send(new CreateBucketCommand({ Bucket: name }));
    return new S3Bucket(name, client);
  }

  /** An entry of connectors.yaml, without its type. */
  config(more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
    return { bucket: this.name, endpoint: s3Url(), ...S3_KEYS, ...more };
  }

  async put(key: string, content: string | Uint8Array): Promise<void> {
    await this.client.send(new PutObjectCommand({ Bucket: this.name, Key: key, Body: content }));
  }

  async bytes(key: string): Promise<Uint8Array> {
    const found = await this.client.send(new GetObjectCommand({ Bucket: this.name, Key: key }));
    return await found.Body?.transformToByteArray() ?? new Uint8Array();
  }

  async text(key: string): Promise<string> {
    return new TextDecoder().decode(await this.bytes(key));
  }

  /** Of all objects, sorted. */
  async keys(prefix = ""): Promise<string[]> {
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const page = await this.client.send(
        new ListObjectsV2Command({
          Bucket: this.name,
          Prefix: prefix,
          EncodingType: "url",
          ...(token === undefined ? {} : { ContinuationToken: token }),
        }),
      );
      for (const { Key = "" } of page.Contents ?? []) keys.push(decodeURIComponent(Key.replaceAll("+", " ")));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return keys.sort();
  }

  /** Keys of uploads in parts that are not ended. */
  async uploads(): Promise<string[]> {
    const { Uploads = [] } = await this.client.send(new ListMultipartUploadsCommand({ Bucket: this.name }));
    return Uploads.map(({ Key = "" }) => Key);
  }

  async remove(key: string): Promise<void> {
    await this.client.send(new DeleteObjectCommand({ Bucket: this.name, Key: key }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const key of await this.keys()) await this.remove(key);
    await this.client.send(new DeleteBucketCommand({ Bucket: this.name }));
    this.client.destroy();
  }
}
