import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { AppError } from "../../../contract/errors.ts";
import { isAllowed } from "../allowed_names.ts";
import type { SecretStore } from "../secret_store.ts";
import { isNotFound, toAwsError } from "./aws_error.ts";
import { type AwsSettings, CLIENT_OPTIONS, regionOf } from "./settings.ts";

/** `${aws-ssm:/shop/password}`: a parameter of Systems Manager, decrypted. Disposing of it closes its connections. */
export function createParameterStore(settings: AwsSettings): SecretStore & Disposable {
  const clients = new Map<string | undefined, SSMClient>();
  const clientFor = (region: string | undefined): SSMClient => {
    const client = clients.get(region) ??
      new SSMClient({ ...CLIENT_OPTIONS, ...(region === undefined ? {} : { region }) });
    clients.set(region, client);
    return client;
  };
  return {
    async get(name) {
      if (!isAllowed(name, settings.namesAllow)) {
        throw new AppError("forbidden", "its name is not among aws_secrets_allow of the operator's policy");
      }
      try {
        const command = new GetParameterCommand({ Name: name, WithDecryption: true });
        return (await clientFor(regionOf(name, settings)).send(command)).Parameter?.Value;
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw toAwsError("AWS Systems Manager", error);
      }
    },
    [Symbol.dispose]() {
      for (const client of clients.values()) client.destroy();
    },
  };
}
