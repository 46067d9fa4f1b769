import { userInfo } from "node:os";
import type { Principal } from "../access/principal.ts";
import type { AuditActor } from "./entry.ts";

/** Whoever asks, as the audit log tells of them. */
export function actorOf({ id, name, kind, address, tokenId, sessionId }: Principal): AuditActor {
  return { id, name, kind, address, tokenId, sessionId };
}

/** A user by itself, where it is the address that is known of the request and no token or session yet. */
export function userActor(
  { id, name, kind }: Pick<Principal, "id" | "name" | "kind">,
  address: string | undefined,
): AuditActor {
  return { id, name, kind, address };
}

/** The server itself. */
export const SERVER_ACTOR: AuditActor = { id: null, name: "sluice", kind: "server" };

/**
 * Whoever may write the data folder, by a command that no server is asked for: `local:ann` for the system's user ann. No
 * user's name has a colon.
 */
export function localActor(): AuditActor {
  return { id: null, name: `local:${systemUser()}`, kind: "server" };
}

/** Whose process it is, as the system says: a container's user may have no name. */
export function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${Deno.uid() ?? "unknown"}`;
  }
}
