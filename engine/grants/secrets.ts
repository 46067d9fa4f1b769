import { join } from "node:path";
import { AppError } from "../../contract/errors.ts";

/** Where secrets come from. Another kind of store (a vault) is another implementation. */
export interface SecretStore {
  /** `undefined` where it has none of that name. Throws unavailable where it cannot be asked. */
  get(name: string): Promise<string | undefined>;
}

/** The names of environment variables and secrets; no `/` and no leading dot, so that a file's name is safe. */
export const SECRET_NAME_PATTERN = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;

/** `SLUICE_SECRET_<name>` first, then the variable `<name>` itself. */
export function environmentSecrets(env: (name: string) => string | undefined): SecretStore {
  return {
    get(name) {
      if (!SECRET_NAME_PATTERN.test(name)) return Promise.resolve(undefined);
      return Promise.resolve(env(`SLUICE_SECRET_${name}`) ?? env(name));
    },
  };
}

/** No secret is longer; a larger file is a mistake. */
const MAX_SECRET_BYTES = 1024 * 1024;

/** One file a secret in the folder, its name the secret's; one newline at the end is not part of it. */
export function folderSecrets(folder: string): SecretStore {
  return {
    async get(name) {
      if (!SECRET_NAME_PATTERN.test(name)) return undefined;
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
export function chainSecrets(stores: readonly SecretStore[]): SecretStore {
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

/**
 * What a server uses: the environment, then the folders that are named: SLUICE_SECRETS_DIR,
 * CREDENTIALS_DIRECTORY (systemd's LoadCredential) and /run/secrets (containers).
 */
export function defaultSecrets(env: (name: string) => string | undefined): SecretStore {
  return chainSecrets([environmentSecrets(env), ...secretFolders(env).map(folderSecrets)]);
}

/** The folders with a file for each secret, in the order in which they are asked. */
export function secretFolders(env: (name: string) => string | undefined): string[] {
  const folders = [env("SLUICE_SECRETS_DIR"), env("CREDENTIALS_DIRECTORY"), "/run/secrets"];
  return folders.filter((folder): folder is string => folder !== undefined && folder !== "");
}
