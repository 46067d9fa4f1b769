import type { Session } from "../../session/session.ts";
import { textLiteral } from "../../table_name.ts";
import type { Place } from "../log/place.ts";
import type { GtidSet, TakenGtids } from "./gtid.ts";
import { AwaitedGtids, MariadbGtids } from "./mariadb_gtids.ts";
import { MysqlGtids, SetOfTaken } from "./mysql_gtids.ts";

/** Which of the two servers' forms it is. */
type Kind = Pick<Session, "server">;

/** Undefined for null, and for what is no set in the server's form. */
export function parseGtids(
  { server: { isMariadb } }: Kind,
  text: string | null | undefined,
): GtidSet | undefined {
  if (text === null || text === undefined) return undefined;
  return isMariadb ? MariadbGtids.parse(text) : MysqlGtids.parse(text);
}

/** Undefined where there is nothing to pass over. */
export function parseTaken({ server: { isMariadb } }: Kind, text: string | null): TakenGtids | undefined {
  if (text === null) return undefined;
  if (isMariadb) {
    const gtids = MariadbGtids.parse(text);
    return gtids === undefined ? undefined : new AwaitedGtids(gtids);
  }
  const gtids = MysqlGtids.parse(text);
  return gtids === undefined ? undefined : new SetOfTaken(gtids);
}

/** What MariaDB has committed up to a place of its log; undefined of MySQL, which does not say, and for no such place. */
export async function gtidsAt(session: Session, { file, offset }: Place): Promise<MariadbGtids | undefined> {
  if (!session.server.isMariadb) return undefined;
  const { rows: [[text] = []] } = await session.query(
    `SELECT BINLOG_GTID_POS(${textLiteral(file)}, ${offset})`,
  );
  return text === null || text === undefined ? undefined : MariadbGtids.parse(text);
}
