import type { Sealer } from "../../../contract/keys/sealer.ts";
import { secretPlace, type SecretRecords } from "../../store/ports/secrets.ts";

/** The values of the control store's secrets, for those who may use them. Throws as Sealer.open does. */
export function storedSecrets(
  records: SecretRecords,
  sealer: Sealer,
): { get(name: string): Promise<string | undefined> } {
  return {
    async get(name) {
      const record = await records.find(name);
      return record && await sealer.open(record.sealed, secretPlace(name));
    },
  };
}
