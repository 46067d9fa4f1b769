import { quoteLiteral } from "../../../contract/sql.ts";
import type { Session } from "../session/session.ts";
import { setLocal, TEXT_SETTINGS } from "../session/text_settings.ts";

const BEGIN = [
  "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
  ...setLocal(TEXT_SETTINGS),
].join("; ");

/** One snapshot for everything that is read until the transaction ends: the one that is named, which another session exports. */
export async function beginRead(session: Session, snapshot?: string): Promise<void> {
  const take = snapshot === undefined ? "" : `; SET TRANSACTION SNAPSHOT ${quoteLiteral(snapshot)}`;
  await session.query(BEGIN + take);
}
