import { toAppError } from "../../../../contract/errors.ts";
import { readSwitch, type Variables } from "../../../../contract/settings/variables.ts";
import { listWarehouses } from "../../../../engine/control/warehouses/local_warehouses.ts";
import { findCryptoModule } from "../../../../engine/runs/warehouses/crypto_module.ts";
import { keptInputs } from "../../../../engine/runs/warehouses/kept_inputs.ts";
import { formatBytes, formatPlural } from "../../../../text/format.ts";
import { listWords } from "../../../../text/suggest.ts";
import type { DoctorCheck } from "./doctor_check.ts";

/** Which warehouses are encrypted, whether that is what is wanted, and whether what encrypts is here. */
export async function checkWarehouses(
  dataDir: string,
  env: Variables,
): Promise<DoctorCheck> {
  const check = "warehouses";
  const all = await listWarehouses(dataDir);
  const plain = all.filter(({ encrypted }) => !encrypted).map(({ pipeline }) => pipeline);
  const encrypted = all.length - plain.length;
  const isWanted = readSwitch(env, "SLUICE_ENCRYPT_WAREHOUSES");
  if (encrypted > 0 || isWanted) {
    try {
      await findCryptoModule(env);
    } catch (error) {
      return { check, state: "failed", message: toAppError(error).message };
    }
  }
  if (isWanted && plain.length > 0) {
    return {
      check,
      state: "warning",
      message: `New ones are encrypted, and ${listWords(plain)} ${
        plain.length === 1 ? "is" : "are"
      } plain: sluice warehouse encrypt PIPELINE`,
    };
  }
  const { runs, bytes } = await keptInputs(dataDir);
  const kept = runs === 0 ? "" : `; inputs of ${formatPlural(runs, "run")} are kept, ${formatBytes(bytes)}`;
  return {
    check,
    state: "ok",
    message: `${formatPlural(all.length, "warehouse")}, ${
      encrypted === 0 ? "none" : encrypted
    } encrypted${kept}`,
  };
}
