import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { assumeRole } from "./assume_role.ts";
import type { S3Settings } from "./settings.ts";

/** Tries of one request; the SDK waits longer before each. */
const MAX_ATTEMPTS = 5;
const CONNECT_TIMEOUT_MS = 10_000;
const SOCKET_TIMEOUT_MS = 60_000;

/**
 * The SDK's client. Whatever it would look for in the environment or in files of the user's is said here: a run's
 * process may read neither, but for the credentials where the config asks for it. No I/O.
 */
export function createS3Client(settings: S3Settings): S3Client {
  const base = new S3Client(clientConfig(settings));
  const { role } = settings;
  if (role === undefined) return base;
  return new S3Client({
    ...clientConfig(settings),
    credentials: assumeRole(role, settings.region, () => base.config.credentials()),
  });
}

function clientConfig(settings: S3Settings): S3ClientConfig {
  const { region, endpoint, authorities } = settings;
  // Other stores do not all know the checksums that Amazon's takes.
  const checksums = endpoint === undefined ? "WHEN_SUPPORTED" : "WHEN_REQUIRED";
  return {
    region,
    endpoint: endpoint ?? amazonEndpoint("s3", region),
    forcePathStyle: settings.isPathStyle,
    ...credentialsOf(settings),
    maxAttempts: MAX_ATTEMPTS,
    retryMode: "standard",
    defaultsMode: "standard",
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    useArnRegion: false,
    disableS3ExpressSessionAuth: true,
    disableClockSkewCorrection: false,
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    sigv4aSigningRegionSet: [region],
    authSchemePreference: ["sigv4"],
    userAgentAppId: "sluice",
    defaultUserAgentProvider: () => Promise.resolve([["sluice", "1"]]),
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SOCKET_TIMEOUT_MS,
      ...(authorities === undefined
        ? {}
        : { httpsAgent: { keepAlive: true, maxSockets: 50, ca: authorities } }),
    },
  };
}

function credentialsOf(
  { credentials }: S3Settings,
): Pick<S3ClientConfig, "credentials" | "profile" | "signer"> {
  switch (credentials.type) {
    case "keys": {
      const { accessKeyId, secretAccessKey, sessionToken } = credentials;
      return {
        credentials: {
          accessKeyId,
          secretAccessKey: secretAccessKey.reveal(),
          ...(sessionToken === undefined ? {} : { sessionToken: sessionToken.reveal() }),
        },
      };
    }
    case "default":
      return credentials.profile === undefined ? {} : { profile: credentials.profile };
    case "anonymous":
      return {
        credentials: { accessKeyId: "", secretAccessKey: "" },
        signer: { sign: (request) => Promise.resolve(request) },
      };
  }
}

/** `https://s3.eu-west-1.amazonaws.com`, in China under another name. */
export function amazonEndpoint(service: string, region: string): string {
  return `https://${service}.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}
