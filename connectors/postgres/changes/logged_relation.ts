import { Schema } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import { planColumns, scaleOfMoney } from "../read/plan.ts";
import { arrowField, isMoney } from "../read/types.ts";
import type { Session } from "../session/session.ts";
import type { FollowedTable } from "./followed_table.ts";
import type { Relation, RelationColumn } from "./pgoutput.ts";
import type { LoggedColumn } from "./value_forms.ts";

/** A followed table as the log has it at one place, and how its rows are read. */
export interface LoggedRelation {
  readonly table: FollowedTable;
  /** What the log said, to see whether the next word is another one. */
  readonly relation: Relation;
  /** The columns that are read. */
  readonly columns: readonly LoggedColumn[];
  /** Where each of them stands in a tuple. */
  readonly places: readonly number[];
  /** The key's columns, by their place among `columns`. */
  readonly key: readonly number[];
  readonly schema: Schema;
}

/** Throws `invalid` where the key's columns are not all there. */
export async function planRelation(
  session: Session,
  relation: Relation,
  table: FollowedTable,
): Promise<LoggedRelation> {
  const { options } = table.request.address;
  const chosen = chosenPlaces(relation, table);
  const types = await loggedTypes(session, chosen.map((place) => columnAt(relation, place)));
  const planned = await planColumns(session, types, options.text_columns);
  const moneyScale = planned.some(({ type }) => isMoney(type)) ? await scaleOfMoney(session) : 0;
  const columns = planned.map((column, i): LoggedColumn => ({
    ...column,
    delimiter: types[i]?.delimiter ?? ",",
    moneyScale,
  }));
  const key = table.primaryKey.map((name) => columns.findIndex((column) => column.name === name));
  if (key.includes(-1)) {
    throw new AppError(
      "invalid",
      `${table.action}: at a place in its log the table has no "${table.primaryKey.join('", "')}"`,
      {
        detail: "Run once with --full-refresh to begin with the table as it is now.",
      },
    );
  }
  const schema = new Schema(columns.map(({ name, decode }) => arrowField(name, decode)));
  return { table, relation, columns, places: chosen, key, schema };
}

/** Of an earlier or later shape of the table than the one that was looked at, all columns that are not left out. */
function chosenPlaces(relation: Relation, { request, facts }: FollowedTable): number[] {
  const { only, except = [] } = request.columns ?? {};
  const lower = (names: readonly string[]) => new Set(names.map((name) => name.toLowerCase()));
  const [wanted, unwanted] = [only === undefined ? undefined : lower(only), lower(except)];
  const known = new Map(facts.columns.map(([name]) => [name, facts.read.includes(name)]));
  return relation.columns.flatMap(({ name }, place) => {
    const isRead = known.get(name) ??
      ((wanted?.has(name.toLowerCase()) ?? true) && !unwanted.has(name.toLowerCase()));
    return isRead ? [place] : [];
  });
}

function columnAt(relation: Relation, place: number): RelationColumn {
  const column = relation.columns[place];
  if (column === undefined) throw new RangeError(`no column ${place}`);
  return column;
}

interface LoggedType extends RelationColumn {
  readonly delimiter: string;
}

/** The columns as a result has them: with what domains are made of in their place. */
async function loggedTypes(
  session: Session,
  columns: readonly RelationColumn[],
): Promise<readonly LoggedType[]> {
  if (columns.length === 0) return [];
  const oids = [...new Set(columns.map(({ typeOid }) => typeOid))];
  const { rows } = await session.query(
    `WITH RECURSIVE chain (start, oid, modifier) AS (
       SELECT t.oid, t.oid, NULL::pg_catalog.int4 FROM pg_catalog.pg_type t WHERE t.oid IN (${
      oids.join(", ")
    })
       UNION ALL
       SELECT c.start, d.typbasetype, d.typtypmod FROM chain c JOIN pg_catalog.pg_type d ON d.oid = c.oid
        WHERE d.typtype = 'd')
     SELECT c.start, c.oid, c.modifier, e.typdelim FROM chain c JOIN pg_catalog.pg_type t ON t.oid = c.oid
       LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem WHERE t.typtype <> 'd'`,
  );
  const found = new Map(rows.map(([start, ...rest]) => [Number(start), rest]));
  return columns.map((column) => {
    const [oid, modifier, delimiter] = found.get(column.typeOid) ?? [];
    return {
      name: column.name,
      typeOid: oid === undefined || oid === null ? column.typeOid : Number(oid),
      typeModifier: modifier === undefined || modifier === null ? column.typeModifier : Number(modifier),
      delimiter: delimiter ?? ",",
    };
  });
}
