import { systemClock } from "../../contract/clock.ts";
import { toAppError } from "../../contract/errors.ts";
import type { OpenedSecrets, OpenSecretsOptions } from "../../engine/control/secrets/open_secrets.ts";
import type { NamedSecrets } from "../../engine/secrets/named_secrets.ts";
import type { OpenSecrets } from "../../engine/secrets/open_secrets.ts";
import type { ProjectPlace } from "../backend.ts";
import { isNewStore, openControlStore } from "./control_store.ts";
import { env } from "./environment.ts";
import { once } from "./once.ts";

/** What the store keeps secret. Loaded when one is first asked for, or something is sealed or opened. */
export async function openSecrets(
  { dataDir, projectDir }: ProjectPlace,
  others: Pick<OpenSecretsOptions, "store" | "transit">,
): Promise<OpenedSecrets> {
  const { openSecrets } = await import("../../engine/control/secrets/open_secrets.ts");
  return openSecrets({ ...others, clock: systemClock, env, dataDir, projectDir });
}

/** The secrets of the store as a command has them that opens no engine: a store that is not there has none. */
export function secretsBeside(
  place: ProjectPlace,
  transit: OpenSecrets["transit"],
): NamedSecrets & AsyncDisposable {
  const opened = once(async () => {
    if (await isNewStore(place)) return undefined;
    try {
      const store = await openControlStore(place, { isForbidden: true });
      return { store, ...await openSecrets(place, { store, transit }) };
    } catch (error) {
      // Of an older version, which had none.
      if (toAppError(error).code === "conflict") return undefined;
      throw error;
    }
  });
  let isOpened = false;
  return {
    async get(name) {
      isOpened = true;
      return await (await opened())?.stored.get(name);
    },
    async [Symbol.asyncDispose]() {
      if (isOpened) await (await opened().catch(() => undefined))?.store[Symbol.asyncDispose]();
    },
  };
}
