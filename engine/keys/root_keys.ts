import { AppError, toAppError } from "../../contract/errors.ts";
import { WRONG_KEY } from "../../contract/keys/sealer.ts";
import type { KeySource } from "./key_sources.ts";
import type { RootKey } from "./root_key.ts";

/** The root keys that are here. They are read each time: one that was put back is seen without a restart. */
export interface RootKeys {
  /** The first that is named, which wraps new data keys; undefined where none is. Throws what is wrong with it. */
  first(): Promise<RootKey | undefined>;
  /** The one with the id. Throws `invalid` (reason wrong_key), which says which are here instead. */
  withId(id: string): Promise<RootKey>;
}

export function createRootKeys(sources: readonly KeySource[]): RootKeys {
  return {
    async first() {
      for (const source of sources) {
        const key = await source.read();
        if (key !== undefined) return key;
      }
      return undefined;
    },

    async withId(id) {
      const found: string[] = [];
      for (const source of sources) {
        try {
          const key = await source.read();
          if (key?.id === id) return key;
          if (key !== undefined) found.push(`${key.source} is the key ${key.id}`);
        } catch (error) {
          const { code, message } = toAppError(error);
          if (code === "unavailable") throw error;
          found.push(message);
        }
      }
      throw new AppError(
        "invalid",
        `The key ${id} is wanted and not here: ${found.length === 0 ? "no key is" : found.join("; ")}. ` +
          "Put that key back where it was: SLUICE_KEY_FILE, or sluice.key in the data folder. " +
          "Where it is lost, `sluice keys rotate --lost` begins with another, and what it sealed has to be set again",
        { reason: WRONG_KEY },
      );
    },
  };
}
