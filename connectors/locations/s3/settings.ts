import type { Secret } from "../../../contract/secret.ts";

/** One bucket, or a part of it, as a connector's config says it. */
export interface S3Settings {
  readonly bucket: string;
  readonly region: string;
  /** `https://host[:port]`; undefined for Amazon's own. */
  readonly endpoint: string | undefined;
  /** The bucket is in the path of a request and not in its host's name. */
  readonly isPathStyle: boolean;
  readonly credentials: S3Credentials;
  /** Taken with those credentials before the first request. */
  readonly role: S3Role | undefined;
  readonly isRequesterPays: boolean;
  readonly encryption: S3Encryption;
  /** Of a multipart upload; a file up to this size is put at once. */
  readonly partSizeBytes: number;
  /** The store keeps to If-Match and If-None-Match where it writes. */
  readonly hasConditionalWrites: boolean;
  /** PEM of the authorities to trust beside the system's. */
  readonly authorities: string | undefined;
}

export type S3Credentials =
  | {
    readonly type: "keys";
    readonly accessKeyId: string;
    readonly secretAccessKey: Secret;
    readonly sessionToken: Secret | undefined;
  }
  /** Where Amazon's own programs look for them. */
  | { readonly type: "default"; readonly profile: string | undefined }
  /** Requests are not signed. */
  | { readonly type: "anonymous" };

export interface S3Role {
  readonly arn: string;
  readonly sessionName: string;
  readonly externalId: string | undefined;
  /** `https://host[:port]` of the token service. */
  readonly endpoint: string;
}

export interface S3Encryption {
  /** By the server, as it is told where a file is written. */
  readonly server: "AES256" | "aws:kms" | "aws:kms:dsse" | undefined;
  readonly kmsKeyId: string | undefined;
  /** Base64 of 32 bytes, told with every request. */
  readonly customerKey: Secret | undefined;
}
