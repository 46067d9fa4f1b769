import { join, resolve } from "node:path";
import { AppError } from "../../contract/errors.ts";
import type { Variables } from "../../contract/settings/variables.ts";
import { createKeyFile, readKeyFile } from "./key_file.ts";
import { type TransitKey, vaultRootKey } from "./vault_key.ts";
import { parseRootKey, type RootKey } from "./root_key.ts";

/** The variables that say where the root key is. */
export const KEY_FILE_VARIABLE = "SLUICE_KEY_FILE";
export const KEY_VARIABLE = "SLUICE_KEY";
export const KEY_VAULT_VARIABLE = "SLUICE_KEY_VAULT";
/** The name that systemd's LoadCredential gives it. */
export const KEY_CREDENTIAL = "sluice-key";
/** The file that is made in the data folder where no key is named. */
export const DATA_FOLDER_KEY = "sluice.key";

/** One place where a root key may be. */
export interface KeySource {
  /** For people: `SLUICE_KEY`. */
  readonly name: string;
  /** Undefined where it is not there; throws where it is and cannot be used. */
  read(): Promise<RootKey | undefined>;
}

export interface KeySourceOptions {
  readonly env: Variables;
  readonly dataDir: string;
  readonly projectDir: string;
  /** A key of Vault's transit engine, as `transit/sluice`. */
  readonly transit: (path: string) => Promise<TransitKey>;
}

/** All the places in the order in which they are asked; the data folder's own file is the last. */
export function keySources({ env, dataDir, projectDir, transit }: KeySourceOptions): KeySource[] {
  const file = env(KEY_FILE_VARIABLE);
  const text = env(KEY_VARIABLE);
  const credentials = env("CREDENTIALS_DIRECTORY");
  const sources: KeySource[] = [];
  if (file) {
    sources.push({
      name: KEY_FILE_VARIABLE,
      // Named and not there is a fault: the next place would have another key.
      read: () => readKeyFile(resolve(file), { source: KEY_FILE_VARIABLE, projectDir }),
    });
  }
  if (text) sources.push({ name: KEY_VARIABLE, read: () => parseRootKey(text, KEY_VARIABLE) });
  if (credentials) {
    const source = "systemd's credential";
    sources.push({
      name: source,
      read: () => ifThere(readKeyFile(join(credentials, KEY_CREDENTIAL), { source, projectDir })),
    });
  }
  const vault = env(KEY_VAULT_VARIABLE);
  if (vault) {
    sources.push({
      name: KEY_VAULT_VARIABLE,
      read: () => vaultRootKey(vault, KEY_VAULT_VARIABLE, transit),
    });
  }
  const source = "the data folder";
  const path = dataFolderKey(dataDir);
  sources.push({
    name: source,
    async read() {
      const key = await ifThere(readKeyFile(path, { source, projectDir, mayLieInProject: true }));
      return key && { ...key, liesWithData: true };
    },
  });
  return sources;
}

/** Makes the data folder's own key, where it has none. Throws `unavailable`. */
export async function createDataFolderKey(dataDir: string): Promise<void> {
  await createKeyFile(dataFolderKey(dataDir));
}

const dataFolderKey = (dataDir: string): string => join(dataDir, DATA_FOLDER_KEY);

async function ifThere(key: Promise<RootKey>): Promise<RootKey | undefined> {
  try {
    return await key;
  } catch (error) {
    if (error instanceof AppError && error.code === "not_found") return undefined;
    throw error;
  }
}
