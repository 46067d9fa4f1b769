import { join } from "node:path";

/** Where Amazon's programs look for credentials, and so the SDK where a connector says `credentials: default`. */

/** Variables that the SDK reads. */
export const CREDENTIAL_VARIABLES = [
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_CREDENTIAL_EXPIRATION",
  "AWS_CREDENTIAL_SCOPE",
  "AWS_ACCOUNT_ID",
  "AWS_PROFILE",
  "AWS_REGION",
  "AWS_DEFAULT_REGION",
  "AWS_SDK_LOAD_CONFIG",
  "AWS_CONFIG_FILE",
  "AWS_SHARED_CREDENTIALS_FILE",
  "AWS_ROLE_ARN",
  "AWS_ROLE_SESSION_NAME",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "AWS_STS_REGIONAL_ENDPOINTS",
  "AWS_ENDPOINT_URL",
  "AWS_ENDPOINT_URL_STS",
  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_CONTAINER_CREDENTIALS_FULL_URI",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
  "AWS_EC2_METADATA_DISABLED",
  "AWS_EC2_METADATA_SERVICE_ENDPOINT",
  "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
  "HOME",
] as const;

/** Those of them that nobody may see. */
export const SECRET_VARIABLES = [
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN",
] as const;

type Variable = (typeof CREDENTIAL_VARIABLES)[number];
export type Environment = (name: Variable) => string | undefined;

/** The process's own; a variable that it may not see has no value. */
export function readVariable(name: Variable): string | undefined {
  try {
    return Deno.env.get(name) || undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/** The files that the SDK reads where they are there. Absolute. */
export function credentialFiles(env: Environment): string[] {
  const home = env("HOME");
  const inHome = (name: string) => home === undefined ? undefined : join(home, ".aws", name);
  const files = [
    env("AWS_CONFIG_FILE") ?? inHome("config"),
    env("AWS_SHARED_CREDENTIALS_FILE") ?? inHome("credentials"),
    env("AWS_WEB_IDENTITY_TOKEN_FILE"),
    env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
  ];
  return files.filter((file): file is string => file !== undefined && file.startsWith("/"));
}

/** Who gives credentials to whom they know, as `host:port`. */
export function credentialHosts(env: Environment, region: string): string[] {
  const hosts = [tokenServiceHost(region), "sts.amazonaws.com:443"];
  for (const name of ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"] as const) {
    const host = hostOf(env(name));
    if (host !== undefined) hosts.push(host);
  }
  const container = hostOf(env("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
  if (container !== undefined) hosts.push(container);
  if (env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") !== undefined) hosts.push("169.254.170.2:80");
  if (env("AWS_EC2_METADATA_DISABLED")?.toLowerCase() !== "true") {
    hosts.push(hostOf(env("AWS_EC2_METADATA_SERVICE_ENDPOINT")) ?? "169.254.169.254:80");
  }
  return hosts;
}

export function tokenServiceHost(region: string): string {
  return `sts.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}:443`;
}

/** `https://host` → `host:443`; undefined for what is no address. */
export function hostOf(url: string | undefined): string | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined;
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port === "" ? (protocol === "http:" ? 80 : 443) : port}`;
}
