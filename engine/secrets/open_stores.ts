import type { Clock } from "../../contract/clock.ts";
import { AppError } from "../../contract/errors.ts";
import type { Log } from "../../contract/log.ts";
import { durationMs } from "../../contract/pipeline/words.ts";
import type { Variables } from "../../contract/settings/variables.ts";
import { cachedStore } from "./cached_store.ts";
import type { StoreKind } from "./resolve.ts";
import type { LeaseOffice, SecretStore } from "./secret_store.ts";
import type { VaultClient } from "./vault/client.ts";
import type { VaultTransit } from "./vault/transit.ts";

/** What the operator's policy says of secrets. */
export interface SecretRules {
  /** Undefined: whatever the server itself may have. */
  readonly vaultPathsAllow: readonly string[] | undefined;
  readonly awsSecretsAllow: readonly string[] | undefined;
  readonly secretCommandsAllow: readonly string[];
}

export interface StoresOptions {
  readonly env: Variables;
  readonly rules: SecretRules;
  readonly clock: Clock;
  readonly log: Log;
}

/** The stores of this server. Each is opened when it is first asked. Disposing of them signs out. */
export interface SecretStores extends AsyncDisposable {
  readonly stores: Readonly<Record<StoreKind, SecretStore>>;
  /** Where leases are renewed and revoked; undefined where no Vault is configured. */
  readonly vault: LeaseOffice | undefined;
  /** A key of Vault's transit engine. Throws `invalid` where no Vault is configured. */
  transit(path: string): Promise<VaultTransit>;
}

const DEFAULT_KEEP = "60s";

/** Throws `invalid` for a wrong variable. */
export function openSecretStores({ env, rules, clock, log }: StoresOptions): SecretStores {
  const given = (name: string) => env(name) || undefined;
  const keepMs = readKeepMs(env);
  const opened: (AsyncDisposable | Disposable)[] = [];
  const once = <T>(open: () => Promise<T>): () => Promise<T> => {
    let opening: Promise<T> | undefined;
    return () =>
      opening ??= open().catch((error) => {
        opening = undefined;
        throw error;
      });
  };
  const late = (open: () => Promise<SecretStore>): SecretStore => ({
    get: async (name, ask) => await (await open()).get(name, ask),
  });

  const client = once(async (): Promise<VaultClient> => {
    const { readVaultSettings } = await import("./vault/settings.ts");
    const settings = readVaultSettings(env);
    if (settings === undefined) {
      throw new AppError("invalid", "no Vault is configured: set VAULT_ADDR and what it is signed in with");
    }
    const { VaultClient } = await import("./vault/client.ts");
    const made = new VaultClient({ settings, clock, log });
    opened.push(made);
    return made;
  });
  const vaultStore = once(async () => {
    const { createVaultStore } = await import("./vault/vault_store.ts");
    return createVaultStore({ client: await client(), clock, pathsAllow: rules.vaultPathsAllow });
  });
  const aws = {
    region: given("AWS_REGION") ?? given("AWS_DEFAULT_REGION"),
    namesAllow: rules.awsSecretsAllow,
  };
  const address = given("VAULT_ADDR") ?? given("BAO_ADDR");
  const office: LeaseOffice | undefined = address === undefined ? undefined : {
    place: address,
    renew: async (id) => await (await vaultStore()).renew(id),
    revoke: async (id) => await (await vaultStore()).revoke(id),
  };
  const cached = (store: SecretStore) => cachedStore(store, { clock, keepMs });
  return {
    stores: {
      vault: { ...cached(late(vaultStore)), ...office },
      "aws-sm": cached(late(once(async () => {
        const { createSecretsManager } = await import("./aws/secrets_manager.ts");
        const store = createSecretsManager(aws);
        opened.push(store);
        return store;
      }))),
      "aws-ssm": cached(late(once(async () => {
        const { createParameterStore } = await import("./aws/parameter_store.ts");
        const store = createParameterStore(aws);
        opened.push(store);
        return store;
      }))),
      cmd: cached(late(once(async () => {
        const { createCommandStore } = await import("./command/command_store.ts");
        return createCommandStore({ commandsAllow: rules.secretCommandsAllow, home: given("HOME") });
      }))),
    },
    vault: office,
    async transit(path) {
      const { createVaultTransit } = await import("./vault/transit.ts");
      return createVaultTransit(await client(), path);
    },
    async [Symbol.asyncDispose]() {
      for (const store of opened.splice(0)) {
        if (Symbol.asyncDispose in store) await store[Symbol.asyncDispose]();
        else store[Symbol.dispose]();
      }
    },
  };
}

/** Stores that are not asked: no reference to them has a value, as for a check in CI that has none of them. */
export const UNASKED_STORES: Readonly<Record<StoreKind, SecretStore>> = (() => {
  const get = () => Promise.reject(new AppError("unavailable", "its store is not asked offline"));
  const store: SecretStore = { get };
  return { vault: store, "aws-sm": store, "aws-ssm": store, cmd: store };
})();

function readKeepMs(env: Variables): number {
  const text = env("SLUICE_SECRETS_CACHE") || DEFAULT_KEEP;
  if (text === "0") return 0;
  const ms = /^\d{1,6}(?:ms|s|m|h)$/.test(text) ? durationMs(text) : Number.NaN;
  if (ms <= 3_600_000) return ms;
  throw new AppError("invalid", `SLUICE_SECRETS_CACHE is "${text}", expected 0 or a time up to 1h, as 60s`);
}
