import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { toPostgresError } from "../errors.ts";
import { ServerError } from "../session/server_error.ts";
import type { Session } from "../session/session.ts";
import { quoteTable, showTable, type TableName } from "../table_name.ts";

export interface Publication {
  readonly name: string;
  /** Whether a person made it: then it is looked at and left as it is. */
  readonly isGiven: boolean;
}

const NOT_ALLOWED = "42501";
/** The first version that sends partitions' changes as their table's. */
const VIA_ROOT_VERSION = 130_000;

/** The publication has all of `followed`, and of `resting` those that it has: publishing has an effect on a table. */
interface PublishedTables {
  readonly followed: readonly TableName[];
  readonly resting: readonly TableName[];
}

/**
 * Sees to it that the log has the changes of all followed tables. Returns those that were not published before. Throws
 * `invalid` or `forbidden` with the statement that helps.
 */
export async function preparePublication(
  session: Session,
  publication: Publication,
  { followed: tables, resting }: PublishedTables,
  context: { readonly action: string; readonly version: number },
): Promise<readonly TableName[]> {
  const { name, isGiven } = publication;
  const { rows: [found] } = await session.query(
    `SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate FROM pg_catalog.pg_publication
      WHERE pubname = ${quoteLiteral(name)}`,
  );
  const quoted = quoteIdentifier(name);
  if (found === undefined) {
    await change(session, context.action, createStatement(quoted, tables, context.version));
    return tables;
  }
  if (found[0] !== "t") {
    throw new AppError(
      "invalid",
      `${context.action}: the publication ${quoted} leaves kinds of changes out`,
      {
        detail: `ALTER PUBLICATION ${quoted} SET (publish = 'insert, update, delete, truncate');`,
      },
    );
  }
  const members = await publishedTables(session, name);
  const missing = tables.filter((table) => !members.some((member) => isSame(member, table)));
  const list = missing.map(quoteTable).join(", ");
  if (isGiven) {
    if (missing.length === 0) return [];
    throw new AppError(
      "invalid",
      `${context.action}: the publication ${quoted} does not have ${missing.map(showTable).join(", ")}; ` +
        `run ALTER PUBLICATION ${quoted} ADD TABLE ${list};`,
    );
  }
  if (missing.length > 0) {
    await change(session, context.action, `ALTER PUBLICATION ${quoted} ADD TABLE ${list}`);
  }
  const extra = members.filter((member) => ![...tables, ...resting].some((table) => isSame(member, table)));
  if (extra.length > 0) {
    const drop = `ALTER PUBLICATION ${quoted} DROP TABLE ${extra.map(quoteTable).join(", ")}`;
    await change(session, context.action, drop);
  }
  return missing;
}

export async function dropPublication(session: Session, name: string): Promise<void> {
  await session.query(`DROP PUBLICATION IF EXISTS ${quoteIdentifier(name)}`);
}

function createStatement(quoted: string, tables: readonly TableName[], version: number): string {
  const viaRoot = version < VIA_ROOT_VERSION ? "" : ", publish_via_partition_root = true";
  return `CREATE PUBLICATION ${quoted} FOR TABLE ${tables.map(quoteTable).join(", ")} ` +
    `WITH (publish = 'insert, update, delete, truncate'${viaRoot})`;
}

async function publishedTables(session: Session, name: string): Promise<TableName[]> {
  const { rows } = await session.query(
    `SELECT schemaname, tablename FROM pg_catalog.pg_publication_tables WHERE pubname = ${
      quoteLiteral(name)
    }`,
  );
  return rows.map(([schema, table]) => ({ schema: schema ?? "", table: table ?? "" }));
}

const isSame = (one: TableName, other: TableName): boolean =>
  one.schema === other.schema && one.table === other.table;

async function change(session: Session, action: string, statement: string): Promise<void> {
  try {
    await session.query(statement);
  } catch (error) {
    if (!(error instanceof ServerError) || error.fields.code !== NOT_ALLOWED) {
      throw toPostgresError(action, error);
    }
    throw new AppError(
      "forbidden",
      `${action}: ${error.message}; let who owns the tables run ${statement}; and name the publication in the ` +
        "stream's options, as {publication: name}",
      { cause: error },
    );
  }
}
