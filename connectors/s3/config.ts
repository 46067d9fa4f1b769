import * as v from "valibot";
import { Secret } from "../../contract/secret.ts";
import { parseSize, SIZE_PATTERN } from "../../text/size.ts";
import type { S3Credentials, S3Encryption } from "../locations/s3/settings.ts";
import { hostOf, readVariable, SECRET_VARIABLES } from "./environment.ts";

/** A bucket, or the part of it behind a prefix, as connectors.yaml says it. */
export interface S3Config {
  readonly bucket: string;
  readonly region: string;
  readonly endpoint: string | undefined;
  readonly isPathStyle: boolean;
  /** Empty, or with a slash at its end. */
  readonly prefix: string;
  readonly credentials: S3Credentials;
  readonly role: {
    readonly arn: string;
    readonly sessionName: string;
    readonly externalId: string | undefined;
  } | undefined;
  readonly stsEndpoint: string | undefined;
  readonly isRequesterPays: boolean;
  readonly encryption: S3Encryption;
  readonly partSizeBytes: number;
  readonly hasConditionalWrites: boolean;
  /** The file with authorities to trust, absolute or relative to the project. */
  readonly ca: string | undefined;
}

const MIN_PART_BYTES = 5 * 1024 * 1024;
const MAX_PART_BYTES = 512 * 1024 * 1024;
const DEFAULT_PART_SIZE = "16MiB";
/** What stores take that have no regions of their own. */
const DEFAULT_REGION = "us-east-1";

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
const endpointUrl = v.pipe(
  text,
  v.check(isEndpoint, "expected an address without a path, as https://minio.example.com:9000"),
);

const entrySchema = v.strictObject({
  bucket: v.pipe(
    text,
    v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/, "expected the name of a bucket"),
    v.description("The bucket's name."),
  ),
  region: v.optional(
    v.pipe(
      text,
      v.regex(/^[a-z0-9-]+$/i, "expected a region, as eu-west-1"),
      v.description(
        "The bucket's region, as eu-west-1; needed where there is no endpoint, else us-east-1 by default.",
      ),
    ),
  ),
  endpoint: v.optional(
    v.pipe(endpointUrl, v.description("Another store than Amazon's own, as https://minio.example.com:9000.")),
  ),
  path_style: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        "Whether the bucket is in the path of addresses, not in the host's name; by default with an endpoint.",
      ),
    ),
  ),
  prefix: v.optional(
    v.pipe(
      text,
      v.description("The folder of the bucket that paths are relative to; the whole bucket by default."),
    ),
  ),
  access_key_id: v.optional(v.pipe(text, v.description("With secret_access_key: who signs the requests."))),
  secret_access_key: v.optional(v.pipe(text, v.description("Best a reference, as ${secret:S3_SECRET_KEY}."))),
  session_token: v.optional(v.pipe(text, v.description("Of keys that are lent for a time."))),
  credentials: v.optional(
    v.pipe(
      v.picklist(["default", "anonymous"]),
      v.description(
        "Instead of keys: default takes them from where Amazon's programs do (environment, profile, web identity, container, instance); anonymous does not sign.",
      ),
    ),
  ),
  profile: v.optional(
    v.pipe(
      text,
      v.description("With credentials: default, the profile of ~/.aws/config and ~/.aws/credentials."),
    ),
  ),
  role_arn: v.optional(
    v.pipe(
      text,
      v.regex(/^arn:[^:]+:iam::\d+:role\/.+$/, "expected a role, as arn:aws:iam::123456789012:role/reader"),
      v.description("A role that is taken with those credentials."),
    ),
  ),
  role_session_name: v.optional(
    v.pipe(
      text,
      v.regex(/^[\w+=,.@-]{2,64}$/, "expected 2 to 64 letters, digits or +=,.@-"),
      v.description("What the store's log shows of the role's user; sluice by default."),
    ),
  ),
  external_id: v.optional(v.pipe(text, v.description("What the role's owner asks for."))),
  sts_endpoint: v.optional(
    v.pipe(endpointUrl, v.description("Where the role is taken; Amazon's of the region by default.")),
  ),
  requester_pays: v.optional(
    v.pipe(
      v.boolean(),
      v.description("Whether this side pays for the requests, which such buckets ask for."),
    ),
    false,
  ),
  encryption: v.optional(
    v.pipe(
      v.picklist(["AES256", "aws:kms", "aws:kms:dsse"]),
      v.description("How the store is to encrypt what is written; as the bucket says by default."),
    ),
  ),
  kms_key_id: v.optional(
    v.pipe(text, v.description("With encryption: aws:kms, the key; the bucket's by default.")),
  ),
  customer_key: v.optional(
    v.pipe(
      text,
      v.check(isCustomerKey, "expected 32 bytes as base64"),
      v.description(
        "A key of this side's, as base64 of 32 bytes, that files are encrypted with: best a reference.",
      ),
    ),
  ),
  part_size: v.optional(
    v.pipe(
      text,
      v.regex(SIZE_PATTERN, "expected a size, as 16MiB"),
      v.check(isPartSize, "expected 5MiB to 512MiB"),
      v.description(`What is sent at a time of a larger file, as 64MiB; ${DEFAULT_PART_SIZE} by default.`),
    ),
    DEFAULT_PART_SIZE,
  ),
  conditional_writes: v.optional(
    v.pipe(
      v.boolean(),
      v.description("false for a store that answers If-Match or If-None-Match of a write with an error."),
    ),
    true,
  ),
  ca: v.optional(
    v.pipe(text, v.description("A PEM file with the authorities to trust; the system's by default.")),
  ),
});
type Entry = v.InferOutput<typeof entrySchema>;

/** `unknown` in, an S3Config out. */
export const configSchema = v.pipe(
  entrySchema,
  v.rawTransform<Entry, S3Config>(({ dataset, addIssue, NEVER }) => {
    const faults = faultsOf(dataset.value);
    for (const message of faults) addIssue({ message });
    return faults.length === 0 ? toConfig(dataset.value) : NEVER;
  }),
);

function faultsOf(entry: Entry): string[] {
  const faults: string[] = [];
  const hasKeys = entry.access_key_id !== undefined;
  if (hasKeys !== (entry.secret_access_key !== undefined)) {
    faults.push("access_key_id and secret_access_key belong together");
  } else if (hasKeys === (entry.credentials !== undefined)) {
    faults.push("expected access_key_id and secret_access_key, or credentials: default or anonymous");
  }
  if (entry.session_token !== undefined && !hasKeys) faults.push("session_token needs access_key_id");
  if (entry.profile !== undefined && entry.credentials !== "default") {
    faults.push("profile needs credentials: default");
  }
  if (entry.role_arn !== undefined && entry.credentials === "anonymous") {
    faults.push("role_arn needs credentials other than anonymous");
  }
  if (entry.region === undefined && entry.endpoint === undefined) {
    faults.push("expected region, as eu-west-1, or the endpoint of another store");
  }
  if (entry.kms_key_id !== undefined && entry.encryption?.startsWith("aws:kms") !== true) {
    faults.push("kms_key_id needs encryption: aws:kms");
  }
  if (entry.customer_key !== undefined && entry.encryption !== undefined) {
    faults.push("customer_key and encryption exclude each other");
  }
  if (entry.prefix !== undefined && /^\/|(?:^|\/)\.{1,2}(?:\/|$)|\/\//.test(entry.prefix)) {
    faults.push('expected a prefix as raw/shop, without a slash before it and without "..", "." and "//"');
  }
  return faults;
}

function toConfig(entry: Entry): S3Config {
  const secret = (value: string | undefined) => value === undefined ? undefined : new Secret(value);
  return {
    bucket: entry.bucket,
    region: entry.region ?? DEFAULT_REGION,
    endpoint: entry.endpoint?.replace(/\/$/, ""),
    isPathStyle: entry.path_style ?? (entry.endpoint !== undefined || entry.bucket.includes(".")),
    prefix: entry.prefix === undefined || entry.prefix.endsWith("/")
      ? entry.prefix ?? ""
      : `${entry.prefix}/`,
    credentials: credentialsOf(entry),
    role: entry.role_arn === undefined ? undefined : {
      arn: entry.role_arn,
      sessionName: entry.role_session_name ?? "sluice",
      externalId: entry.external_id,
    },
    stsEndpoint: entry.sts_endpoint?.replace(/\/$/, ""),
    isRequesterPays: entry.requester_pays,
    encryption: {
      server: entry.encryption,
      kmsKeyId: entry.kms_key_id,
      customerKey: secret(entry.customer_key),
    },
    partSizeBytes: parseSize(entry.part_size) ?? MIN_PART_BYTES,
    hasConditionalWrites: entry.conditional_writes,
    ca: entry.ca,
  };
}

function credentialsOf(
  { access_key_id, secret_access_key, session_token, credentials, profile }: Entry,
): S3Credentials {
  if (access_key_id !== undefined && secret_access_key !== undefined) {
    return {
      type: "keys",
      accessKeyId: access_key_id,
      secretAccessKey: new Secret(secret_access_key),
      sessionToken: session_token === undefined ? undefined : new Secret(session_token),
    };
  }
  return credentials === "anonymous" ? { type: "anonymous" } : { type: "default", profile };
}

/** Values that must never be printed; those too that the environment has for `credentials: default`. */
export function secretsOf({ credentials, encryption }: S3Config): string[] {
  const secrets = credentials.type === "keys"
    ? [credentials.secretAccessKey.reveal(), credentials.sessionToken?.reveal()]
    : credentials.type === "default"
    ? SECRET_VARIABLES.map(readVariable)
    : [];
  return [...secrets, encryption.customerKey?.reveal()].filter((secret) => secret !== undefined);
}

function isEndpoint(url: string): boolean {
  if (hostOf(url) === undefined) return false;
  const { protocol, pathname, search, hash, username, password } = new URL(url);
  return ["http:", "https:"].includes(protocol) && pathname === "/" &&
    [search, hash, username, password].every((part) => part === "");
}

function isCustomerKey(key: string): boolean {
  try {
    return Uint8Array.fromBase64(key).length === 32;
  } catch {
    return false;
  }
}

function isPartSize(size: string): boolean {
  const bytes = parseSize(size) ?? 0;
  return bytes >= MIN_PART_BYTES && bytes <= MAX_PART_BYTES;
}
