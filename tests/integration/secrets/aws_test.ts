import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { deepEqual, equal, match } from "node:assert/strict";
import { AppError } from "../../../contract/errors.ts";
import { createParameterStore } from "../../../engine/secrets/aws/parameter_store.ts";
import { createSecretsManager } from "../../../engine/secrets/aws/secrets_manager.ts";
import { resolveConnector } from "../../../engine/secrets/resolve.ts";

const URL_VARIABLE = "SLUICE_TEST_S3_URL";
const region = "eu-west-1";

const refusal = async (work: Promise<unknown>): Promise<string> => {
  try {
    return `gave ${await work}`;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return `${error.code} ${error.message}`;
  }
};

/** Amazon's own variables, as an operator sets them; the server of the tests speaks all of its services. */
async function withAws(work: (endpoint: string) => Promise<void>): Promise<void> {
  const endpoint = Deno.env.get(URL_VARIABLE);
  if (endpoint === undefined) throw new Error(`${URL_VARIABLE} is not set: run the tests by deno task test`);
  const values: Record<string, string> = {
    AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoint,
    AWS_ENDPOINT_URL_SSM: endpoint,
    AWS_ACCESS_KEY_ID: "AKIATEST",
    AWS_SECRET_ACCESS_KEY: "the-key-of-the-server",
    AWS_EC2_METADATA_DISABLED: "true",
  };
  for (const [name, value] of Object.entries(values)) Deno.env.set(name, value);
  try {
    await work(endpoint);
  } finally {
    for (const name of Object.keys(values)) Deno.env.delete(name);
  }
}

Deno.test("secrets and parameters of AWS are read by name, key, version and stage", async () => {
  await withAws(async () => {
    const name = `shop/${crypto.randomUUID()}`;
    const admin = new SecretsManagerClient({ region });
    const created = await admin.send(
      new CreateSecretCommand({ Name: name, SecretString: '{"user":"me","password":"old-pass"}' }),
    );
    await admin.send(
      new PutSecretValueCommand({
        SecretId: name,
        SecretString: '{"user":"me","password":"new-pass","port":5432}',
      }),
    );
    const bytes = await admin.send(
      new CreateSecretCommand({ Name: `${name}-bytes`, SecretBinary: new TextEncoder().encode("as bytes") }),
    );
    admin.destroy();
    const ssm = new SSMClient({ region });
    const parameter = `/${name}`;
    for (const Value of ["first", "second"]) {
      await ssm.send(
        new PutParameterCommand({ Name: parameter, Value, Type: "SecureString", Overwrite: true }),
      );
    }
    ssm.destroy();

    using manager = createSecretsManager({ region, namesAllow: undefined });
    using parameters = createParameterStore({ region, namesAllow: undefined });
    const sources = {
      env: () => undefined,
      secrets: { get: () => Promise.resolve(undefined) },
      stores: { "aws-sm": manager, "aws-ssm": parameters },
    };
    const { config } = await resolveConnector("shop", {
      type: "x",
      password: `\${aws-sm:${name}#password}`,
      port: `\${aws-sm:${name}#port}`,
      previous: `\${aws-sm:${name}?stage=AWSPREVIOUS#password}`,
      version: `\${aws-sm:${name}?version=${created.VersionId}#password}`,
      arn: `\${aws-sm:${created.ARN}#user}`,
      bytes: `\${aws-sm:${bytes.Name}}`,
      parameter: `\${aws-ssm:${parameter}}`,
      first: `\${aws-ssm:${parameter}:1}`,
    }, sources);
    deepEqual(config, {
      password: "new-pass",
      port: "5432",
      previous: "old-pass",
      version: "old-pass",
      arn: "me",
      bytes: "as bytes",
      parameter: "second",
      first: "first",
    });
    equal(await manager.get(`${name}-none`), undefined);
    equal(await parameters.get(`${parameter}-none`), undefined);
    using narrow = createSecretsManager({ region, namesAllow: ["other/*"] });
    match(await refusal(narrow.get(name)), /^forbidden its name is not among aws_secrets_allow/);
  });
});

Deno.test("what is wrong with AWS is told without the server's own key", async () => {
  await withAws(async () => {
    Deno.env.set("AWS_CONFIG_FILE", "/nowhere");
    using manager = createSecretsManager({ region: undefined, namesAllow: undefined });
    match(await refusal(manager.get("shop")), /^invalid AWS Secrets Manager needs a region: set AWS_REGION/);
    Deno.env.delete("AWS_CONFIG_FILE");
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    Deno.env.set("AWS_ENDPOINT_URL_SSM", `http://127.0.0.1:${listener.addr.port}`);
    listener.close();
    using parameters = createParameterStore({ region, namesAllow: undefined });
    const said = await refusal(parameters.get("/shop"));
    match(said, /^unavailable AWS Systems Manager cannot be asked: /);
    equal(said.includes("the-key-of-the-server"), false);
  });
});
