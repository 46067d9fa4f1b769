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

/** Throws `invalid` for statements that the load's transaction cannot have; nothing is run. */
export function checkUserSql<Column extends TargetColumn>(
  { action, dialect }: Pick<SqlTarget<Column>, "action" | "dialect">,
  key: UserSqlKey,
  texts: readonly string[],
): readonly Statement[] {
  const statements = texts.flatMap((text) => splitStatements(text, dialect.sqlRules));
  for (const [i, statement] of statements.entries()) {
    const refused = reasonAgainst(statement) ?? dialect.refusesSql?.(statement);
    if (refused === undefined) continue;
    throw new AppError("invalid", `${showStatement(action, key, i, statement)}: ${refused}`);
  }
  return statements;
}

const showStatement = (action: string, key: UserSqlKey, i: number, { sql }: Statement): string =>
  `${action}: statement ${i + 1} of ${key}, ${JSON.stringify(sql.slice(0, MAX_SHOWN))}`;

type UserSqlKey = "pre_sql" | "post_sql";

/**
 * Runs the statements of a load's `pre_sql` or `post_sql` (`key`) one after the other, in its transaction. Throws
 * with the number and the text of the one that fails; `invalid`, before any is run, for what the
 * transaction cannot have.
 */
export async function runUserSql<Column extends TargetColumn>(
  target: SqlTarget<Column>,
  key: UserSqlKey,
  texts: readonly string[],
): Promise<void> {
  const { action, session } = target;
  for (const [i, statement] of checkUserSql(target, key, texts).entries()) {
    try {
      await (session.runOfUser?.(statement.sql) ?? session.run(statement.sql));
    } catch (error) {
      const { code, message, detail } = toAppError(target.explain(error, []));
      throw new AppError(
        code,
        `${showStatement(action, key, i, statement)}: ${message.replace(`${action}: `, "")}`,
        {
          cause: error,
          ...(detail === undefined ? {} : { detail }),
        },
      );
    }
  }
}

function reasonAgainst({ words: [first = "", second = ""] }: Statement): string | undefined {
  const isTransaction = TRANSACTION.has(first) || (first === "PREPARE" && second === "TRANSACTION");
  return isTransaction ? "it is run in the transaction of the load, which ends by itself" : undefined;
}
