import { join, resolve } from "node:path";
import { AppError } from "../../contract/errors.ts";
import type { Variables } from "../../contract/settings/variables.ts";
import { SECRET_NAME_PATTERN } from "./references.ts";
import type { SecretStore } from "./secret_store.ts";

/** A store of secrets that are one text each. */
export interface NamedSecrets extends SecretStore {
  get(name: string): Promise<string | undefined>;
}

/** `SLUICE_SECRET_<name>` first, then the variable `<name>` itself. */
export function environmentSecrets(env: Variables): NamedSecrets {
  return {
    get(name) {
      if (!SECRET_NAME_PATTERN.test(name)) return Promise.resolve(undefined);
      return Promise.resolve(env(`SLUICE_SECRET_${name}`) ?? projectVariable(env, name));
    },
  };
}

/**
 * What the server signs in or seals with itself, as variables and as credentials of systemd's (`sluice-key`): no definition
 * of a project gets it to send it elsewhere.
 */
const SERVERS_OWN =
  /^(?:SLUICE_(?!SECRET_)|sluice-|(?:VAULT|BAO)_(?:TOKEN|CLIENT_KEY)|OTEL_EXPORTER_OTLP|OPENLINEAGE_)/;

/** A variable of the environment that a project may refer to; undefined for one of the server's own. */
export function projectVariable(
  env: Variables,
  name: string,
): string | undefined {
  return isServersOwn(name) ? undefined : env(name);
}

export const isServersOwn = (name: string): boolean => SERVERS_OWN.test(name);

/** No secret is longer; a larger file is a mistake. */
const MAX_SECRET_BYTES = 1024 * 1024;

/** One file a secret in the folder but for those that are hidden, its name the secret's; one newline at the end is not part of it. */
export function folderSecrets(folder: string, isHidden = (_path: string) => false): NamedSecrets {
  return {
    async get(name) {
      if (!SECRET_NAME_PATTERN.test(name) || isServersOwn(name) || isHidden(join(folder, name))) {
        return undefined;
      }
      const path = join(folder, name);
      try {
        const info = await Deno.stat(path);
        if (!info.isFile) return undefined;
        if (info.size > MAX_SECRET_BYTES) {
          throw new AppError("invalid", `Cannot read the secret ${name}: ${path} is larger than 1 MB`);
        }
        return (await Deno.readTextFile(path)).replace(/\r?\n$/, "");
      } catch (error) {
        if (error instanceof AppError) throw error;
        if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
          return undefined;
        }
        throw new AppError("unavailable", `Cannot read the secret ${name} from ${path}`, { cause: error });
      }
    },
  };
}

/** The first store that has it wins. */
export function chainSecrets(stores: readonly NamedSecrets[]): NamedSecrets {
  return {
    async get(name) {
      for (const store of stores) {
        const value = await store.get(name);
        if (value !== undefined) return value;
      }
      return undefined;
    },
  };
}

/** Variables that name a file which is for the server alone. */
const OWN_FILES = [
  "SLUICE_KEY_FILE",
  "SLUICE_TLS_KEY",
  "SLUICE_VAULT_SECRET_ID_FILE",
  "SLUICE_VAULT_JWT_FILE",
  "VAULT_TOKEN_FILE",
  "BAO_TOKEN_FILE",
  "VAULT_CLIENT_KEY",
  "BAO_CLIENT_KEY",
];

/** One of the places where `${secret:NAME}` is looked for. */
export interface NamedPlace {
  /** For people: `the control store`, a folder, `the environment`. */
  readonly place: string;
  readonly secrets: NamedSecrets;
}

/**
 * What `${secret:NAME}` is looked for in, in order: the control store's own (`stored`, where there is one), the folders that
 * are named (SLUICE_SECRETS_DIR, CREDENTIALS_DIRECTORY of systemd's LoadCredential, /run/secrets of containers), the
 * environment.
 */
export function namedPlaces(
  env: Variables,
  stored?: NamedSecrets,
): readonly NamedPlace[] {
  // A file that the server itself reads may lie among those for projects.
  const own = new Set(OWN_FILES.flatMap((name) => env(name) || []).map((path) => resolve(path)));
  const isHidden = (path: string) => own.has(resolve(path));
  return [
    ...(stored === undefined ? [] : [{ place: "the control store", secrets: stored }]),
    ...secretFolders(env).map((folder) => ({ place: folder, secrets: folderSecrets(folder, isHidden) })),
    { place: "the environment", secrets: environmentSecrets(env) },
  ];
}

/** All of them in one. */
export function defaultSecrets(
  env: Variables,
  stored?: NamedSecrets,
): NamedSecrets {
  return chainSecrets(namedPlaces(env, stored).map(({ secrets }) => secrets));
}

/** The folders with a file for each secret, in the order in which they are asked. */
export function secretFolders(env: Variables): string[] {
  const folders = [env("SLUICE_SECRETS_DIR"), env("CREDENTIALS_DIRECTORY"), "/run/secrets"];
  return folders.filter((folder): folder is string => folder !== undefined && folder !== "");
}
