import { AppError } from "../../../contract/errors.ts";
import type { Session } from "../session/session.ts";

/** Warnings that a value was cut or became NULL because it was too long: the rows are not what was asked for. */
const CUT_BY_GROUP_CONCAT = 1260;
const TOO_LONG_FOR_PACKET = 1301;
/** A character that Unicode does not have: of MariaDB, and of MySQL. */
const NOT_IN_UNICODE = [1977, 3854];
const MAX_SHOWN = 3;

/**
 * What the server warned of while it made the rows of the last statement, for the log. Throws `invalid`
 * where a value was cut, or a character became a question mark.
 */
export async function checkWarnings(session: Session, action: string): Promise<string | undefined> {
  const { rows } = await session.query("SHOW WARNINGS");
  const cut = rows.find(([, code]) => [CUT_BY_GROUP_CONCAT, TOO_LONG_FOR_PACKET].includes(Number(code)));
  if (cut !== undefined) {
    throw new AppError("invalid", `${action}: a value is longer than the server can make it: ${cut[2]}`);
  }
  const lost = rows.find(([, code]) => NOT_IN_UNICODE.includes(Number(code)));
  if (lost !== undefined) {
    throw new AppError(
      "invalid",
      `${action}: a text has a character that Unicode does not have; read the column as bytes in a query, ` +
        `as CAST(… AS BINARY): ${lost[2]}`,
    );
  }
  const said = rows.filter(([level]) => level !== "Note").map(([, , message]) => message);
  if (said.length === 0) return undefined;
  const more = said.length > MAX_SHOWN ? ` (and ${said.length - MAX_SHOWN} warnings more)` : "";
  return `the server warns: ${said.slice(0, MAX_SHOWN).join("; ")}${more}`;
}
