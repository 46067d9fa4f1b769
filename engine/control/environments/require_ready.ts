import { AppError } from "../../../contract/errors.ts";
import type { EnvironmentRecord } from "../../store/environments/port.ts";

/** Throws `conflict` for an environment that is not whole. */
export function requireReady({ name, state }: EnvironmentRecord): void {
  if (state === "ready") return;
  const wayOut = state === "creating"
    ? `sluice env create ${name} does the rest, sluice env delete ${name} begins anew`
    : `sluice env delete ${name} does the rest`;
  throw new AppError(
    "conflict",
    `The environment ${name} is not whole, as its ${
      state === "creating" ? "creation" : "removal"
    } did not end: ${wayOut}`,
  );
}
