import { quoteIdentifier, quoteLiteral, type SqlSession } from "../../../contract/sql.ts";

/** What DuckDB tells the time by, with the type that each has. The words of SQL, as current_timestamp, are calls of these. */
const CLOCKS: Readonly<Record<string, string>> = {
  now: "TIMESTAMPTZ",
  transaction_timestamp: "TIMESTAMPTZ",
  get_current_timestamp: "TIMESTAMPTZ",
  current_timestamp: "TIMESTAMPTZ",
  current_localtimestamp: "TIMESTAMP",
  localtimestamp: "TIMESTAMP",
  current_date: "DATE",
  today: "DATE",
  get_current_time: "TIMETZ",
  current_time: "TIMETZ",
  current_localtime: "TIME",
  localtime: "TIME",
};

/** Has the session's SQL find it as late as it was then: `moment` is the text of a TIMESTAMPTZ. UTC, as in a run. */
export async function setMoment(session: SqlSession, moment: string): Promise<void> {
  const then = `CAST(${quoteLiteral(moment)} AS TIMESTAMPTZ)`;
  const valueOf = (type: string) =>
    // There is no cast to the time of day without a zone.
    `CAST(${type === "TIME" ? `CAST(${then} AS TIMESTAMP)` : then} AS ${type})`;
  const macros = Object.entries(CLOCKS).map(([name, type]) =>
    `CREATE OR REPLACE TEMP MACRO ${quoteIdentifier(name)}() AS ${valueOf(type)}`
  );
  await session.run(macros.join(";\n"));
}
