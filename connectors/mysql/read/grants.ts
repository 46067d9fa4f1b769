import type { ConnectionCheck } from "../../../contract/discovery.ts";
import { checkLog } from "../changes/check_log.ts";
import { toMysqlError } from "../errors.ts";
import { ServerError } from "../session/server_error.ts";
import type { Session } from "../session/session.ts";
import type { SessionPool } from "../session_pool.ts";
import { quoteName, quoteTable, showTable, textLiteral } from "../table_name.ts";
import { GrantedRights } from "./granted_rights.ts";

/** Tables that are named in a message. */
const MAX_NAMED = 5;
/** What loads need that make tables, fill them and put them in the place of others. */
const TO_LOAD = ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP"] as const;
const TO_MERGE = "CREATE TEMPORARY TABLES";

/** What the connection's user may not do in the database, with the grant that would let it. */
export async function checkGrants(
  pool: SessionPool,
  database: string,
  signal: AbortSignal,
): Promise<readonly ConnectionCheck[]> {
  await using lease = await pool.lease(signal);
  const { session } = lease;
  try {
    const [[current = null] = []] = (await session.query("SELECT CURRENT_USER()")).rows;
    const { rights, idle } = await rightsOf(session);
    const user = showUser(current ?? "");
    const words = { database, user, hint: idle.length === 0 ? "" : roleHint(session, idle, user) };
    return [
      await readCheck(session, rights, words),
      writeCheck(rights, words),
      await checkLog(session, (right) => rights.hasEverywhere(right), `${user}${words.hint}`),
    ];
  } catch (error) {
    signal.throwIfAborted();
    throw toMysqlError("Cannot see what the user may do", error);
  }
}

interface Words {
  readonly database: string;
  /** As GRANT takes it. */
  readonly user: string;
  /** That a role may have what is missing; empty where there is none. */
  readonly hint: string;
}

interface Known {
  readonly rights: GrantedRights;
  /** Roles that the user has, and that are not active in its sessions. */
  readonly idle: readonly string[];
}

/** What holds in a session of the user: its own rights, and those of the roles that are active from its beginning. */
async function rightsOf(session: Session): Promise<Known> {
  const own = await linesOf(session, "SHOW GRANTS");
  const active = await activeRoles(session);
  const given = new GrantedRights(own).roles;
  const idle = given.filter((role) => !active.some((other) => isSameRole(other, role)));
  if (active.length === 0) return { rights: new GrantedRights(own), idle };
  const more = session.server.isMariadb
    ? await linesOf(session, `SHOW GRANTS FOR ${active.join(", ")}`)
    : await linesOf(session, `SHOW GRANTS FOR CURRENT_USER() USING ${active.join(", ")}`);
  return { rights: new GrantedRights([...own, ...more]), idle };
}

async function linesOf(session: Session, sql: string): Promise<string[]> {
  return (await session.query(sql)).rows.map(([line]) => line ?? "");
}

/** Quoted. Servers before roles know none. */
async function activeRoles(session: Session): Promise<readonly string[]> {
  try {
    const [[role = null] = []] = (await session.query("SELECT CURRENT_ROLE()")).rows;
    if (role === null || role === "NONE" || role === "") return [];
    return session.server.isMariadb ? [quoteName(role)] : role.split(/(?<=`),(?=`)/);
  } catch (error) {
    if (error instanceof ServerError) return [];
    throw error;
  }
}

const isSameRole = (one: string, other: string): boolean => nameOfRole(one) === nameOfRole(other);

const nameOfRole = (role: string): string => role.replace(/@[`"]%[`"]$/, "").slice(1, -1);

function roleHint({ server }: Session, idle: readonly string[], user: string): string {
  const [role = ""] = idle;
  const shown = `SET DEFAULT ROLE ${role} ${server.isMariadb ? "FOR" : "TO"} ${user}`;
  return `, or let a role be active that has it: ${shown}`;
}

/** `u@%` as `'u'@'%'`. */
function showUser(user: string): string {
  const at = user.lastIndexOf("@");
  const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;
  return at < 0 ? quote(user) : `${quote(user.slice(0, at))}@${quote(user.slice(at + 1))}`;
}

/** Tables on which the user has no right at all are not seen. */
async function readCheck(session: Session, rights: GrantedRights, words: Words): Promise<ConnectionCheck> {
  const { database, user, hint } = words;
  const name = "grants to read";
  const quoted = quoteName(database);
  if (rights.has("SELECT", database)) {
    return { name, state: "ok", message: `every table of ${quoted} may be read` };
  }
  const { rows } = await session.query(
    `SELECT table_name FROM information_schema.tables
      WHERE table_schema = ${textLiteral(database)} AND table_type <> 'SEQUENCE' ORDER BY 1`,
  );
  const tables = rows.map(([table]) => ({ database, table: table ?? "" }));
  const hidden = tables.filter(({ table }) => !rights.hasInPart("SELECT", database, table));
  const [first] = hidden;
  const all = `GRANT SELECT ON ${quoted}.* TO ${user}${hint}`;
  if (first !== undefined) {
    const shown = hidden.slice(0, MAX_NAMED).map(showTable).join(", ");
    const more = hidden.length > MAX_NAMED ? ` and ${hidden.length - MAX_NAMED} more` : "";
    return {
      name,
      state: "missing",
      message: `may not be read: ${shown}${more}; where a pipeline needs them: ` +
        `GRANT SELECT ON ${quoteTable(first)} TO ${user}${hint}`,
    };
  }
  if (tables.length === 0) {
    return {
      name,
      state: "missing",
      message: `no table of ${quoted} may be read; where a pipeline needs one: ${all}`,
    };
  }
  return {
    name,
    state: "ok",
    message:
      `${tables.length} tables of ${quoted} may be read, and others are not seen; for all of them: ${all}`,
  };
}

function writeCheck(rights: GrantedRights, { database, user, hint }: Words): ConnectionCheck {
  const name = "grants to write";
  const quoted = quoteName(database);
  const missing = [...TO_LOAD, TO_MERGE].filter((right) => !rights.has(right, database));
  if (missing.length === 0) {
    return { name, state: "ok", message: `loads may make, change and fill tables in ${quoted}` };
  }
  const what = missing.length === 1 && missing[0] === TO_MERGE
    ? `loads may not merge into tables of ${quoted}`
    : missing.includes("CREATE")
    ? `loads may make no tables in ${quoted}`
    : `loads may not do all that they need in ${quoted}`;
  return {
    name,
    state: "missing",
    message: `${what}; where a pipeline needs that: GRANT ${
      missing.join(", ")
    } ON ${quoted}.* TO ${user}${hint}`,
  };
}
