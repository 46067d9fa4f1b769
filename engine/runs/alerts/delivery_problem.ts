import { ulid } from "ulid";
import type { AlertStore } from "../../store/alerts/alert_store.ts";

/** Problems of the server's own: what it has to tell others does not arrive. Nobody is told of them but by where they are shown. */

/** Opens the problem of this key, or counts it once more. */
export async function raiseDelivery(
  alerts: Pick<AlertStore, "openOf" | "apply">,
  key: string,
  message: string,
  atMs: number,
): Promise<void> {
  const known = await alerts.openOf(key);
  const about = { run: null, message, atMs, isTold: false };
  await alerts.apply(atMs, [
    known === undefined
      ? { type: "open", problem: { ...about, id: ulid(atMs), key, kind: "delivery", pipeline: null } }
      : { type: "again", ...about, id: known.id, counts: true },
  ]);
}

/** It arrives: the problem is over, where there was one. */
export async function settleDelivery(
  alerts: Pick<AlertStore, "openOf" | "apply">,
  key: string,
  atMs: number,
): Promise<void> {
  const known = await alerts.openOf(key);
  if (known !== undefined) await alerts.apply(atMs, [{ type: "close", id: known.id, atMs }]);
}
