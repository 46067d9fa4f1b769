import { createHash, createHmac } from "node:crypto";
import { AppError } from "../../../contract/errors.ts";
import type { S3Role } from "./settings.ts";

/** Keys as the SDK knows them. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/**
 * A provider of the role's keys, taken with the base's. The SDK calls it again before they expire. Throws
 * `unauthorized` where the role is refused, `unavailable` where the token service cannot be reached.
 */
export function assumeRole(
  role: S3Role,
  region: string,
  base: () => Promise<AwsKeys>,
): () => Promise<AwsKeys> {
  return async () => {
    const body = new URLSearchParams({
      Action: "AssumeRole",
      Version: "2011-06-15",
      RoleArn: role.arn,
      RoleSessionName: role.sessionName,
      ...(role.externalId === undefined ? {} : { ExternalId: role.externalId }),
    }).toString();
    const url = new URL(role.endpoint);
    const headers = signedHeaders(url, body, region, await base(), new Date());
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, { method: "POST", body, headers, redirect: "error" });
      text = await response.text();
    } catch (error) {
      throw new AppError("unavailable", `Cannot take the role ${role.arn}: ${url.host} does not answer`, {
        cause: error,
      });
    }
    const keys = {
      id: tag(text, "AccessKeyId"),
      secret: tag(text, "SecretAccessKey"),
      token: tag(text, "SessionToken"),
    };
    if (!response.ok || keys.id === undefined || keys.secret === undefined || keys.token === undefined) {
      const why = tag(text, "Message") ?? `${url.host} answered with status ${response.status}`;
      throw new AppError(
        response.status >= 500 ? "unavailable" : "unauthorized",
        `Cannot take the role ${role.arn}: ${why}`,
      );
    }
    const expiration = tag(text, "Expiration");
    return {
      accessKeyId: keys.id,
      secretAccessKey: keys.secret,
      sessionToken: keys.token,
      ...(expiration === undefined ? {} : { expiration: new Date(expiration) }),
    };
  };
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Uint8Array, text: string) => createHmac("sha256", key).update(text).digest();

/** Signature Version 4 of a form (docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html). */
function signedHeaders(
  url: URL,
  body: string,
  region: string,
  keys: AwsKeys,
  at: Date,
): Record<string, string> {
  const time = at.toISOString().replace(/[:-]|\.\d{3}/g, "");
  const scope = `${time.slice(0, 8)}/${region}/sts/aws4_request`;
  const headers: Record<string, string> = {
    "content-type": "application/x-www-form-urlencoded",
    host: url.host,
    "x-amz-date": time,
    ...(keys.sessionToken === undefined ? {} : { "x-amz-security-token": keys.sessionToken }),
  };
  const names = Object.keys(headers).sort();
  const canonical = [
    "POST",
    url.pathname,
    "",
    ...names.map((name) => `${name}:${headers[name]}`),
    "",
    names.join(";"),
    sha256(body),
  ].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n");
  const key = [time.slice(0, 8), region, "sts", "aws4_request"].reduce<string | Uint8Array>(
    hmac,
    `AWS4${keys.secretAccessKey}`,
  );
  const signature = createHmac("sha256", key).update(toSign).digest("hex");
  const { host: _host, ...sent } = headers;
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 Credential=${keys.accessKeyId}/${scope}, SignedHeaders=${
      names.join(";")
    }, Signature=${signature}`,
  };
}

function tag(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
}
