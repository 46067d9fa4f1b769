import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import type { LoadSession } from "./session.ts";
import { regclassOf } from "./catalogue.ts";

/**
 * Moves the sequences behind the columns (serial, identity, a default of one's own) on to the values that
 * were loaded into them, so that the next row that is inserted without one does not meet a loaded row. Those that
 * the user may not move are told to `warn`.
 */
export async function moveSequences(
  session: LoadSession,
  table: { readonly quoted: string; readonly shown: string },
  columns: readonly string[],
  warn: (message: string) => void,
): Promise<void> {
  for (
    const [column, sequence, mayMove, isRising, last] of await sequencesOf(session, table.quoted, columns)
  ) {
    const [quoted, quotedSequence] = [quoteIdentifier(column ?? ""), quoteLiteral(sequence ?? "")];
    if (mayMove !== "t") {
      warn(
        `the sequence ${sequence} of ${table.shown}.${column} was not moved on to the loaded values, since the user may not: ` +
          `GRANT SELECT, UPDATE ON SEQUENCE ${sequence} TO it, or leave the column out of the rows`,
      );
      continue;
    }
    const [most, beyond] = isRising === "t" ? ["max", ">"] : ["min", "<"];
    await session.run(
      `SELECT pg_catalog.setval(${quotedSequence}, m.value)
         FROM (SELECT pg_catalog.${most}(${quoted})::pg_catalog.int8 AS value FROM ${table.quoted}) AS m, ${sequence} AS s
        WHERE (m.value ${beyond} s.last_value OR m.value = s.last_value AND NOT s.is_called)
          AND NOT m.value ${beyond} ${last}`,
    );
  }
}

/** Column, sequence as SQL, whether the user may move it, whether it rises, its last possible value. */
async function sequencesOf(session: LoadSession, quoted: string, columns: readonly string[]) {
  return await session.rows(
    `SELECT DISTINCT a.attname, s.oid::pg_catalog.regclass,
            pg_catalog.has_sequence_privilege(s.oid, 'UPDATE') AND pg_catalog.has_sequence_privilege(s.oid, 'SELECT'),
            q.seqincrement > 0, CASE WHEN q.seqincrement > 0 THEN q.seqmax ELSE q.seqmin END
       FROM pg_catalog.pg_attribute a
       LEFT JOIN pg_catalog.pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
       JOIN pg_catalog.pg_depend d
         ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = e.oid
            AND d.refclassid = 'pg_catalog.pg_class'::regclass
         OR d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
            AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum AND d.deptype = 'i'
       JOIN pg_catalog.pg_class s
         ON s.oid = CASE WHEN d.deptype = 'i' THEN d.objid ELSE d.refobjid END AND s.relkind = 'S'
       JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid
      WHERE a.attrelid = ${regclassOf(quoted)} AND a.atttypid IN (20, 21, 23, 1700)
        AND a.attname IN (${columns.map(quoteLiteral).join(", ")})`,
  );
}
