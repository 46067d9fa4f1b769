import { AppError } from "../../contract/errors.ts";
import type { Fault } from "../../text/fault.ts";
import {
  type Column,
  findColumn,
  isSameName,
  nameKey,
  quoteIdentifier,
  SqlError,
  type SqlSession,
} from "../../contract/sql.ts";
import { didYouMean } from "../../text/suggest.ts";
import { beyondContract } from "../build/contract.ts";
import { isByWindow } from "../build/batches.ts";
import { partitionExpressions } from "../build/partitions.ts";
import { timeKeyFault } from "../build/time_window.ts";
import { explainSqlError } from "../language/explain_error.ts";
import { headerPlace, type Model } from "../language/model.ts";

/** What a model's header says of columns, against those that its query has. */
export async function checkHeader(
  session: SqlSession,
  types: TypeNames,
  model: Model,
  columns: readonly Column[],
): Promise<Fault[]> {
  const faults: Fault[] = [];
  const requireColumn = (path: (string | number)[], name: string, part: "key" | "value") => {
    const column = findColumn(columns, name);
    if (column === undefined) {
      const message = `the query has no column ${name}${
        didYouMean(name, columns.map((other) => other.name))
      }`;
      faults.push({ ...headerPlace(model, path, part), message, severity: "error" });
    }
    return column;
  };
  for (const [index, name] of model.primaryKey.entries()) {
    requireColumn(["primary_key", index], name, "value");
  }
  faults.push(...await buildFaults(session, model, columns));
  // The cursor's type comes from the update_key, so declareCursor has reported a missing one.
  const known: { name: string; declared: string; actual: string }[] = [];
  for (const [name, { type }] of Object.entries(model.columns)) {
    const column = requireColumn(["columns", name], name, "key");
    if (type !== undefined && column !== undefined) known.push({ name, declared: type, actual: column.type });
  }
  faults.push(...await types.faultsOf(model), ...contractFaults(model, columns));
  for (const { name, declared, actual } of known) {
    const type = await types.read(declared);
    if (type instanceof SqlError || type === actual) continue;
    const message = `column ${name} is ${actual} in the query, but the header says ${type}`;
    faults.push({ ...headerPlace(model, ["columns", name, "type"]), message, severity: "error" });
  }
  return faults;
}

/** A contract lists each column with its type. */
function contractFaults(model: Model, columns: readonly Column[]): Fault[] {
  if (model.contract !== true) return [];
  const fault = (path: (string | number)[], message: string): Fault => ({
    ...headerPlace(model, path, "key"),
    message,
    severity: "error",
  });
  const untyped = Object.entries(model.columns).filter(([, { type }]) => type === undefined);
  return [
    ...untyped.map(([name]) => fault(["columns", name], `the contract needs the type of the column ${name}`)),
    ...beyondContract(model, columns).map((name) =>
      fault(["contract"], `the query has the column ${name}, which the contract does not list`)
    ),
  ];
}

/** What the header says of how the table is built, against the query's columns. */
async function buildFaults(session: SqlSession, model: Model, columns: readonly Column[]): Promise<Fault[]> {
  const faults: Fault[] = [];
  const updateKey = findColumn(columns, model.updateKey ?? "");
  const wrong = updateKey && isByWindow(model) ? timeKeyFault(model, updateKey.type) : undefined;
  if (wrong !== undefined) {
    faults.push({ ...headerPlace(model, ["update_key"]), message: wrong, severity: "error" });
  }
  if (model.partitionBy.length === 0 || repeatedColumn(columns) !== undefined) return faults;
  const rows = `(SELECT ${
    columns.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`).join(", ")
  })`;
  try {
    await partitionExpressions(session, model, rows, columns);
  } catch (error) {
    if (!(error instanceof AppError) || error.faults.length === 0) throw error;
    faults.push(...error.faults);
  }
  return faults;
}

/** The table of a model that is there, or that another one takes, is not given to a model. */
export function renamedFaults(models: readonly Model[]): Fault[] {
  const takenBy = new Map<string, string>();
  return models.flatMap((model): Fault[] => {
    const { name, renamedFrom } = model;
    if (renamedFrom === undefined) return [];
    const other = takenBy.get(nameKey(renamedFrom));
    takenBy.set(nameKey(renamedFrom), name);
    const isThere = models.some((known) => isSameName(known.name, renamedFrom));
    if (!isThere && other === undefined) return [];
    const message = isThere
      ? `renamed_from: ${renamedFrom} is a model of this pipeline, which keeps its table`
      : `renamed_from: ${other} takes the table of ${renamedFrom} already`;
    return [{ ...headerPlace(model, ["renamed_from"]), message, severity: "error" }];
  });
}

/** Types as users write them (`int`, `text`, `decimal(18, 2)`) in DuckDB's own words; asks once for each. */
export class TypeNames {
  readonly #session: SqlSession;
  readonly #known = new Map<string, string | SqlError>();

  constructor(session: SqlSession) {
    this.#session = session;
  }

  async read(type: string): Promise<string | SqlError> {
    const known = this.#known.get(type);
    if (known !== undefined) return known;
    const read = await this.#ask(type);
    this.#known.set(type, read);
    return read;
  }

  /** Types of the header that are none. */
  async faultsOf(model: Model): Promise<Fault[]> {
    const faults: Fault[] = [];
    for (const [name, { type }] of Object.entries(model.columns)) {
      const read = type === undefined ? "" : await this.read(type);
      if (!(read instanceof SqlError)) continue;
      const message = `"${type}" is no type of DuckDB: ${explainSqlError(read)}`;
      faults.push({ ...headerPlace(model, ["columns", name, "type"]), message, severity: "error" });
    }
    return faults;
  }

  async #ask(type: string): Promise<string | SqlError> {
    try {
      // A column of a table takes a type and nothing else; an expression would let more through.
      const create = `CREATE OR REPLACE TEMP TABLE _sluice_type (value ${type}\n)`;
      // Only one statement can be prepared: a text that ends this one and begins another is refused.
      await this.#session.describe(create);
      await this.#session.run(create);
      const [column, ...others] = await this.#session.describe("SELECT * FROM _sluice_type");
      if (column !== undefined && others.length === 0) return column.type;
      return new SqlError("invalid", "it is more than one type", { type: "Binder" });
    } catch (error) {
      if (error instanceof SqlError && error.code !== "cancelled" && error.code !== "timeout") return error;
      throw error;
    }
  }
}

/** A column whose name comes again. */
export function repeatedColumn(columns: readonly Column[]): Column | undefined {
  const seen = new Set<string>();
  return columns.find(({ name }) => seen.size === seen.add(nameKey(name)).size);
}
