import type { Session } from "../session/session.ts";
import { setLocal, TEXT_SETTINGS } from "../session/text_settings.ts";

const BEGIN = [
  "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
  ...setLocal(TEXT_SETTINGS),
].join("; ");

/** One snapshot for everything that is read until the transaction ends. */
export async function beginRead(session: Session): Promise<void> {
  await session.query(BEGIN);
}
