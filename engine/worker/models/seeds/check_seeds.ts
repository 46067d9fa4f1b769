import { SqlError, type SqlSession } from "../../../../contract/sql.ts";
import type { Model } from "../../../../sql/language/model.ts";
import type { Fault } from "../../../../text/fault.ts";
import type { Memo } from "../../../../text/memo.ts";

/** Faults of one column are alike: so many are told. */
const MOST_VALUES = 20;

/** Values of seeds that are none of the type which their YAML gives the column, each with its line. */
export async function seedFaults(
  session: SqlSession,
  models: readonly Model[],
  known?: Memo<readonly Fault[]>,
): Promise<Fault[]> {
  const faults: Fault[] = [];
  known?.turn();
  for (const model of models) {
    if (model.seed === undefined) continue;
    const found = known?.recall(model.path, [model]) ?? await faultsOfSeed(session, model);
    known?.keep(model.path, [model], found);
    faults.push(...found);
  }
  return faults;
}

async function faultsOfSeed(session: SqlSession, { path, seed }: Model): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const { name, type, unfitSql, lines } of seed?.given ?? []) {
    try {
      const rows = await session.rows(`${unfitSql} LIMIT ${MOST_VALUES}`);
      faults.push(...rows.map(({ i, t }): Fault => ({
        file: path,
        line: lines[Number(i)] ?? 1,
        column: 1,
        message: `column ${name}: ${JSON.stringify(t)} is no ${type}`,
        severity: "error",
      })));
    } catch (error) {
      // A type that is none is told where the YAML gives it.
      if (!(error instanceof SqlError) || error.code === "cancelled" || error.code === "timeout") {
        throw error;
      }
    }
  }
  return faults;
}
