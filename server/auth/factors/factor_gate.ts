import type { Context } from "hono";
import type { Factors } from "../../../engine/control/factors/port.ts";
import type { Identity } from "../../../engine/store/ports/people.ts";
import type { HalfOpenSignIns } from "./half_open.ts";
import { type FactorRequirement, isFactorRequired } from "./requirement.ts";

export interface FactorGateOptions {
  readonly halves: HalfOpenSignIns;
  readonly factors: Pick<Factors, "kinds">;
  readonly requirement: FactorRequirement;
}

/** What SignIn asks after a right password: whether a factor is to follow. Then the sign-in is half open. */
export class FactorGate {
  readonly #options: FactorGateOptions;

  constructor(options: FactorGateOptions) {
    this.#options = options;
  }

  async stops(c: Context, identity: Identity): Promise<boolean> {
    const { halves, factors, requirement } = this.#options;
    const { user: { id }, roles } = identity;
    const purpose = (await factors.kinds(id)).length > 0
      ? "check"
      : isFactorRequired(requirement, (permission) =>
          roles.some(({ permissions }) => permissions.has(permission)))
      ? "enrol"
      : undefined;
    if (purpose === undefined) return false;
    await halves.open(c, id, purpose);
    return true;
  }
}
