import { AppError } from "../../../contract/errors.ts";
import type { Variables } from "../../../contract/settings/variables.ts";

/** Says who must have a second factor beside a password. */
export const REQUIRE_FACTOR_NAME = "SLUICE_REQUIRE_SECOND_FACTOR";

/** admins: those who may manage people or secrets. */
export type FactorRequirement = "nobody" | "admins" | "all";

/** `1`, `admins`, or nobody by `0`, an empty text and none. Throws invalid. */
export function readFactorRequirement(env: Variables): FactorRequirement {
  const text = env(REQUIRE_FACTOR_NAME) ?? "";
  if (text === "" || text === "0") return "nobody";
  if (text === "1") return "all";
  if (text === "admins") return "admins";
  throw new AppError("invalid", `${REQUIRE_FACTOR_NAME} is "${text}", expected 1, admins or 0`);
}

/** Whether somebody must have one; `may` says what they may. */
export function isFactorRequired(
  requirement: FactorRequirement,
  may: (permission: "people:manage" | "secrets:manage") => boolean,
): boolean {
  if (requirement !== "admins") return requirement === "all";
  return may("people:manage") || may("secrets:manage");
}
