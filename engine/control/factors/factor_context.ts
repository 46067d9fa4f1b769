import type { AuditTrail } from "../../../contract/audit/entry.ts";
import type { Clock } from "../../../contract/clock.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import type { Sealer } from "../../../contract/keys/sealer.ts";
import type { Log } from "../../../contract/log.ts";
import { type FactorStore, type SignInStore, totpPlace, type TotpRecord } from "../../store/factors/port.ts";
import type { RelyingParty, RelyingPartyOr } from "./relying_party.ts";

export interface FactorContext {
  readonly factors: FactorStore;
  readonly signIns: SignInStore;
  readonly sealer: Sealer;
  readonly audit: AuditTrail;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  readonly relyingParty: () => RelyingPartyOr;
}

/** Loaded where a passkey is first asked for. */
export const passkeyLibrary = () => import("./passkey_library.ts");

export const noPasskey = () => new AppError("not_found", "There is no such passkey");

/** Throws conflict where passkeys cannot be. */
export function requireParty({ relyingParty }: Pick<FactorContext, "relyingParty">): RelyingParty {
  const party = relyingParty();
  if ("id" in party) return party;
  throw new AppError("conflict", `There are no passkeys here: ${party.unavailable}`);
}

/** The secret of a user's app. Throws `unavailable` where its key is not here. */
export async function openTotp(
  { sealer, log }: Pick<FactorContext, "sealer" | "log">,
  user: string,
  { secret }: Pick<TotpRecord, "secret">,
): Promise<string> {
  try {
    return await sealer.open(secret, totpPlace(user));
  } catch (thrown) {
    const { message, reason } = toAppError(thrown);
    log("error", "The secret of an authenticator app does not open", { user, error: message });
    throw new AppError("unavailable", `Codes cannot be checked now: ${message}`, {
      cause: thrown,
      ...(reason === undefined ? {} : { reason }),
    });
  }
}
