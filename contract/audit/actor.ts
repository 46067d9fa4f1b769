import type { Principal } from "../access/principal.ts";
import { LOCAL_TOKEN_NAME } from "../names.ts";
import type { AuditActor } from "./entry.ts";

/** Whoever asks, as the audit log tells of them. */
export function actorOf({ id, name, kind, address, tokenId, sessionId }: Principal): AuditActor {
  return { id, name, kind, address, tokenId, sessionId };
}

/** A user by itself, where it is the address that is known of the request and no token or session yet. */
export function userActor(
  { id, name, kind }: Pick<Principal, "id" | "name" | "kind">,
  address: string,
): AuditActor {
  return { id, name, kind, address };
}

/** Whoever may write the data folder, by a command that no server is asked for. */
export const LOCAL_ACTOR: AuditActor = { id: null, name: LOCAL_TOKEN_NAME, kind: "server" };
