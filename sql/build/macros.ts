import { formatFault } from "../../text/fault.ts";
import { quoteIdentifier, SqlError, type SqlSession } from "../../contract/sql.ts";
import { explainSqlError } from "../language/explain_error.ts";
import type { Macro } from "../language/macros/parse_macros.ts";
import { placeAt } from "../language/position.ts";

/**
 * Makes macros of the project callable in the session, in their order: each stands behind those that it calls. They are
 * temporary ones, so that no session is in the way of another. DuckDB binds them at once: the tables that they
 * read have to be there. Throws SqlError with the place in the macro's file.
 */
export async function declareMacros(session: SqlSession, macros: readonly Macro[]): Promise<void> {
  for (const macro of macros) await createMacro(session, macro, "CREATE OR REPLACE TEMP MACRO ");
}

/** The same in the schema main, for views: whoever reads one later calls them. */
export async function storeMacros(session: SqlSession, macros: readonly Macro[]): Promise<void> {
  for (const macro of macros) await createMacro(session, macro, "CREATE OR REPLACE MACRO main.");
}

async function createMacro(session: SqlSession, macro: Macro, create: string): Promise<void> {
  const prefix = `${create}${quoteIdentifier(macro.name)}`;
  const sql = `${prefix}${macro.text.slice(macro.start, macro.end)}`;
  try {
    // Only one statement can be prepared: a text that ends this one and begins another is refused.
    await session.describe(sql);
    await session.run(sql);
  } catch (error) {
    throw toMacroError(error, macro, prefix.length);
  }
}

function toMacroError(error: unknown, macro: Macro, prefixLength: number): unknown {
  if (!(error instanceof SqlError) || error.code === "cancelled" || error.code === "timeout") return error;
  const { position } = error;
  const offset = position === undefined ? macro.position : macro.start + position - prefixLength;
  const place = placeAt(macro.text, offset < macro.start ? macro.position : offset, macro.path);
  const fault = { ...place, message: explainSqlError(error), severity: "error" } as const;
  return new SqlError(error.code, `Cannot make the macro ${macro.name}: ${formatFault(fault)}`, {
    type: error.type,
    detail: error.message,
    faults: [fault],
    cause: error,
  });
}
