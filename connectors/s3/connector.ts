import { isAbsolute, join } from "node:path";
import type {
  Access,
  Connector,
  ConnectorContext,
  ConnectorUse,
  PlainLine,
} from "../../contract/connector/connector.ts";
import { AppError } from "../../contract/errors.ts";
import { fileCapabilities, FileConnection } from "../files/file_connection.ts";
import { type FileStream, type FileTarget, pathOfUse } from "../files/options.ts";
import { plainAddress } from "../network/guarded_fetch.ts";
import { readPem } from "../network/credentials.ts";
import type { FilePaths } from "../locations/file_paths.ts";
import type { S3Settings } from "../locations/s3/settings.ts";
import { configSchema, type S3Config, secretsOf } from "./config.ts";
import {
  CREDENTIAL_VARIABLES,
  credentialFiles,
  credentialHosts,
  hostOf,
  readVariable,
  tokenServiceHost,
} from "./environment.ts";

/** Files in a bucket of Amazon S3, or of another store that speaks its protocol, in all formats of files. */
export const s3 = {
  name: "s3",
  description:
    "Files in S3 and stores that speak its protocol: CSV, TSV, NDJSON, JSON, Parquet and Arrow, also compressed.",
  configSchema,
  ...fileCapabilities,
  movesParts: () => true,
  secrets: secretsOf,
  dataset({ bucket, prefix }, use) {
    const path = pathOfUse(use);
    if (path === undefined) return undefined;
    return { namespace: `s3://${bucket}`, name: `${prefix}${path}`.replace(/^\/+/, "") };
  },
  access,
  open,
} satisfies Connector<S3Config, FileStream, FileTarget>;

/** The bucket's host; and where credentials are looked for, their hosts, files and variables. */
function access(
  config: S3Config,
  _use: ConnectorUse<FileStream, FileTarget>,
  place: { readonly projectDir: string },
): Access {
  const { credentials, region, role, stsEndpoint, ca } = config;
  const hosts = [bucketHost(config)];
  if (role !== undefined) hosts.push(hostOf(stsEndpoint) ?? tokenServiceHost(region));
  const isDefault = credentials.type === "default";
  return {
    plain: plainLinesOf(config),
    hosts: isDefault ? [...hosts, ...credentialHosts(readVariable, region)] : hosts,
    read: [],
    write: [],
    config: [
      ...(ca === undefined ? [] : [pathIn(place.projectDir, ca)]),
      ...(isDefault ? credentialFiles(readVariable) : []),
    ],
    ...(isDefault ? { environment: CREDENTIAL_VARIABLES } : {}),
  };
}

/** Keys that sign are not sent themselves; tokens that are lent, customers' keys and the rows are. */
function plainLinesOf({ endpoint, stsEndpoint, credentials }: S3Config): PlainLine[] {
  const named = { endpoint, sts_endpoint: stsEndpoint };
  if (credentials.type === "anonymous") return [];
  return Object.entries(named).flatMap(([key, url]) =>
    url === undefined ? [] : plainAddress(new URL(url), `${key} begins with http://`, "write https://")
  );
}

function bucketHost({ bucket, region, endpoint, isPathStyle }: S3Config): string {
  const host = hostOf(endpoint) ?? `s3.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}:443`;
  return isPathStyle ? host : `${bucket}.${host}`;
}

const pathIn = (folder: string, path: string) => isAbsolute(path) ? path : join(folder, path);

async function open(config: S3Config, context: ConnectorContext): Promise<FileConnection> {
  // The server wants the schemas only; the SDK is for the run's process.
  const { createS3Client } = await import("../locations/s3/s3_client.ts");
  const { S3Location } = await import("../locations/s3/s3_location.ts");
  const settings = await settingsOf(config, context);
  const client = createS3Client(settings);
  const { scratchDir, clock, budget, signal } = context;
  const place = { client, settings, prefix: config.prefix, scratchDir };
  const log = (message: string) => context.log("warn", message);
  // Each use has its files to itself.
  const location = () => new S3Location(place, { clock, budget, signal, log });
  return new FileConnection({
    paths: pathsOf(config),
    scratchDir,
    location: () => Promise.resolve(location()),
    reach: () => location().reach(),
    close: () => client.destroy(),
  });
}

async function settingsOf(config: S3Config, { projectDir, name }: ConnectorContext): Promise<S3Settings> {
  const { bucket, region, endpoint, isPathStyle, credentials, isRequesterPays, encryption } = config;
  return {
    bucket,
    region,
    endpoint,
    isPathStyle,
    credentials,
    role: config.role === undefined ? undefined : {
      ...config.role,
      endpoint: config.stsEndpoint ?? `https://${tokenServiceHost(region).replace(/:443$/, "")}`,
    },
    isRequesterPays,
    encryption,
    partSizeBytes: config.partSizeBytes,
    hasConditionalWrites: config.hasConditionalWrites,
    authorities: await readPem(
      name,
      "ca",
      config.ca === undefined ? undefined : pathIn(projectDir, config.ca),
    ),
  };
}

/** A load names keys as they are usual; a stream reads whatever there is. */
function pathsOf({ bucket, prefix }: S3Config): FilePaths {
  return {
    root: `/${prefix.replace(/\/$/, "")}`,
    targetPath(path) {
      const segments = path.replace(/\/$/, "").split("/");
      if (segments.some((segment) => ["", ".", ".."].includes(segment))) {
        throw new AppError(
          "invalid",
          `Cannot write "${path}": write the key as out/orders.csv, without "..", "." and empty parts`,
        );
      }
      return `/${prefix}${segments.join("/")}`;
    },
    shown: (path) => `s3://${bucket}${path}`,
  };
}
