import type { ConnectionCheck } from "../../../contract/discovery.ts";
import type { Session } from "../session/session.ts";
import { grantsFor, logSettings } from "./log/server.ts";

/** What is missing for `mode: cdc`, with the statement that helps: settings of the server, rights of the user. */
export async function checkLog(
  session: Session,
  has: (right: string) => boolean,
  user: string,
): Promise<ConnectionCheck> {
  const name = "log of changes";
  const missing = [...(await logSettings(session)).faults];
  const wanted = grantsFor(session).filter((right) => !has(right));
  if (wanted.length > 0) {
    missing.push(`its user may not read it; run GRANT ${wanted.join(", ")} ON *.* TO ${user}`);
  }
  if (missing.length === 0) return { name, state: "ok", message: "it can be followed (mode: cdc)" };
  return { name, state: "missing", message: `where a pipeline needs mode: cdc: ${missing.join("; ")}` };
}
