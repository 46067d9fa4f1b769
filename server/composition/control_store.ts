import { join, resolve } from "node:path";
import { AppError } from "../../contract/errors.ts";
import type { Sealer } from "../../contract/keys/sealer.ts";
import { plainFault } from "../../engine/grants/plain_lines.ts";
import type { Policy } from "../../engine/grants/policy.ts";
import type { MigrateOptions } from "../../engine/store/migrate.ts";
import type { Store } from "../../engine/store/store.ts";
import type { ProjectPlace } from "../backend.ts";
import { createPrivateFile } from "../close_to_others.ts";
import { env } from "./environment.ts";

/** The operator's own store; undefined: the one in the data folder. */
const sharedStoreUrl = (): string | undefined => env("SLUICE_STORE_URL") || undefined;

/** The store in the data folder comes with that folder's lock; one elsewhere may have other servers. */
export const isStoreAlone = (): boolean => sharedStoreUrl() === undefined;

/** Whether there is no store yet; one elsewhere is taken for one that is there. */
export async function isNewStore({ dataDir }: ProjectPlace): Promise<boolean> {
  if (!isStoreAlone()) return false;
  return await Deno.stat(join(dataDir, "sluice.db")).then(() => false, () => true);
}

/** Throws as `openStore` does. Without a sealer it is for what is not sealed by the store itself. */
export async function openControlStore(
  { dataDir }: ProjectPlace,
  upgrade: MigrateOptions,
  sealer?: Sealer,
): Promise<Store> {
  const { fileStoreUrl, openStore } = await import("../../engine/store/open.ts");
  const authToken = env("SLUICE_STORE_TOKEN");
  const sharedUrl = sharedStoreUrl();
  const storePath = join(dataDir, "sluice.db");
  if (sharedUrl === undefined) await createPrivateFile(storePath);
  const url = sharedUrl ?? fileStoreUrl(storePath);
  return await openStore(url, {
    upgrade,
    ...(sealer === undefined ? {} : { sealer }),
    ...(authToken === undefined ? {} : { authToken }),
  });
}

/** Throws `invalid` where the token of the operator's own store would go as others can read it. */
export function requireStoreLine(policy: Policy): void {
  const url = sharedStoreUrl();
  if (url === undefined || !env("SLUICE_STORE_TOKEN")) return;
  const fault = plainFault(policy, url);
  if (fault !== undefined) {
    throw new AppError("invalid", `SLUICE_STORE_URL, with SLUICE_STORE_TOKEN, ${fault}`);
  }
}

/** A store that is a file of its own; one in the data folder lies with all the rest there. */
export function storePlace(): { storePath?: string } {
  const path = /^file:(?:\/\/)?([^?]+)/.exec(sharedStoreUrl() ?? "")?.[1];
  return path === undefined ? {} : { storePath: resolve(decodeURIComponent(path)) };
}
