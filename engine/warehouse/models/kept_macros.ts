import { nameKey, quoteIdentifier, type SqlSession } from "../../../contract/sql.ts";
import { storeMacros } from "../../../sql/build/macros.ts";
import type { Macro } from "../../../sql/language/macros/parse_macros.ts";

/**
 * The macros that views of the warehouse call. They are in its schema main, for whoever reads a view: another
 * process, a later run. Each is written with the view that needs it, in one transaction.
 */

/** Stores those that are not there as they are now: two views that are built at once mostly write nothing here. */
export async function keepMacros(
  session: SqlSession,
  macros: readonly Macro[],
  runId: string,
): Promise<void> {
  if (macros.length === 0) return;
  const known = await keptMacros(session);
  for (const macro of macros) {
    const key = nameKey(macro.name);
    const text = textOf(macro);
    const kept = known.get(key);
    if (kept?.text === text) continue;
    if (kept !== undefined) await dropMacro(session, key, kept);
    await storeMacros(session, [macro]);
    await session.run("INSERT OR REPLACE INTO _sluice.macros VALUES (?, ?, ?, ?, now())", [
      key,
      macro.isTable,
      text,
      runId,
    ]);
  }
}

/** Drops what no view calls any more. */
export async function dropMacrosBut(session: SqlSession, macros: readonly Macro[]): Promise<void> {
  const used = new Set(macros.map(({ name }) => nameKey(name)));
  for (const [key, kept] of await keptMacros(session)) {
    if (used.has(key)) continue;
    await dropMacro(session, key, kept);
    await session.run("DELETE FROM _sluice.macros WHERE macro = ?", [key]);
  }
}

interface KeptMacro {
  readonly text: string;
  readonly isTable: boolean;
  /** The database's name: a temporary macro of the session is in a schema main as well. */
  readonly catalog: string;
}

async function keptMacros(session: SqlSession): Promise<Map<string, KeptMacro>> {
  const rows = await session.rows(
    "SELECT macro, is_table, text, current_database() AS catalog FROM _sluice.macros ORDER BY macro",
  );
  return new Map(
    rows.map(({ macro, is_table, text, catalog }) => [
      String(macro),
      { text: String(text), isTable: is_table === true, catalog: String(catalog) },
    ]),
  );
}

async function dropMacro(session: SqlSession, key: string, { isTable, catalog }: KeptMacro): Promise<void> {
  const name = [catalog, "main", key].map(quoteIdentifier).join(".");
  await session.run(`DROP MACRO ${isTable ? "TABLE " : ""}IF EXISTS ${name}`);
}

const textOf = ({ text, start, end }: Macro): string => text.slice(start, end);
