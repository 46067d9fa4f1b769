import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { AppError } from "../../../contract/errors.ts";
import { isAllowed } from "../allowed_names.ts";
import type { SecretStore } from "../secret_store.ts";
import { isNotFound, toAwsError } from "./aws_error.ts";
import { type AwsSettings, CLIENT_OPTIONS, regionOf } from "./settings.ts";

/** `${aws-sm:name}` and `${aws-sm:name#field}` of one in JSON. Disposing of it closes its connections. */
export function createSecretsManager(settings: AwsSettings): SecretStore & Disposable {
  const clients = new Map<string | undefined, SecretsManagerClient>();
  const clientFor = (region: string | undefined): SecretsManagerClient => {
    const client = clients.get(region) ??
      new SecretsManagerClient({ ...CLIENT_OPTIONS, ...(region === undefined ? {} : { region }) });
    clients.set(region, client);
    return client;
  };
  return {
    async get(name, { version, stage } = {}) {
      if (!isAllowed(name, settings.namesAllow)) {
        throw new AppError("forbidden", "its name is not among aws_secrets_allow of the operator's policy");
      }
      try {
        const found = await clientFor(regionOf(name, settings)).send(
          new GetSecretValueCommand({
            SecretId: name,
            ...(version === undefined ? {} : { VersionId: version }),
            ...(stage === undefined ? {} : { VersionStage: stage }),
          }),
        );
        return found.SecretString ?? textOf(found.SecretBinary);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw toAwsError("AWS Secrets Manager", error);
      }
    },
    [Symbol.dispose]() {
      for (const client of clients.values()) client.destroy();
    },
  };
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new AppError("invalid", "the secret is binary, and no text");
  }
}
