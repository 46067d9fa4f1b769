import { AppError, toAppError } from "../../contract/errors.ts";
import { splitStatements, type Statement } from "./statements.ts";
import type { SqlTarget, TargetColumn } from "./system.ts";

const MAX_SHOWN = 200;

/** Statements that would end the load's transaction, or begin another. */
const TRANSACTION: ReadonlySet<string> = new Set([
  "BEGIN",
  "START",
  "COMMIT",
  "END",
  "ROLLBACK",
  "ABORT",
  "SAVEPOINT",
  "RELEASE",
]);

/**
 * Runs the statements of a load's `pre_sql` or `post_sql` (`key`) one after the other, in its transaction. Throws
 * with the number and the text of the one that fails; `invalid`, before any is run, for what the
 * transaction cannot have.
 */
export async function runUserSql<Column extends TargetColumn>(
  target: SqlTarget<Column>,
  key: "pre_sql" | "post_sql",
  texts: readonly string[],
): Promise<void> {
  const { action, session, dialect } = target;
  const statements = texts.flatMap((text) => splitStatements(text, dialect.sqlRules));
  const shown = (i: number) =>
    `${action}: statement ${i + 1} of ${key}, ${JSON.stringify(statements[i]?.sql.slice(0, MAX_SHOWN))}`;
  for (const [i, statement] of statements.entries()) {
    const refused = reasonAgainst(statement) ?? dialect.refusesSql?.(statement);
    if (refused !== undefined) throw new AppError("invalid", `${shown(i)}: ${refused}`);
  }
  for (const [i, { sql }] of statements.entries()) {
    try {
      await session.run(sql);
    } catch (error) {
      const { code, message, detail } = toAppError(target.explain(error, []));
      throw new AppError(code, `${shown(i)}: ${message.replace(`${action}: `, "")}`, {
        cause: error,
        ...(detail === undefined ? {} : { detail }),
      });
    }
  }
}

function reasonAgainst({ words: [first = "", second = ""] }: Statement): string | undefined {
  const isTransaction = TRANSACTION.has(first) || (first === "PREPARE" && second === "TRANSACTION");
  return isTransaction ? "it is run in the transaction of the load, which ends by itself" : undefined;
}
