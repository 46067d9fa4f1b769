import type { Fault } from "../../../text/fault.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Column } from "../../../contract/sql.ts";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import type { DuckSession } from "../../../engine/duckdb/session.ts";
import { compile, type CompileInput } from "../../../sql/compile/compile.ts";
import { type Model, parseModel } from "../../../sql/language/model.ts";

/** Runs `work` with a session of an empty in-memory database. */
export async function withSession<T>(work: (session: DuckSession) => Promise<T>): Promise<T> {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  return await work(session);
}

/** The model of transforms/shop/<name>.sql. */
export function model(name: string, sql: string): Model {
  return parseModel({ path: `transforms/shop/${name}.sql`, content: sql });
}

/** Models by name. */
export function models(sqls: Readonly<Record<string, string>>): Model[] {
  return Object.entries(sqls).map(([name, sql]) => model(name, sql));
}

/** `id INTEGER, day DATE` as columns. */
export function columns(text: string): Column[] {
  return text.split(", ").map((column) => {
    const space = column.indexOf(" ");
    return { name: column.slice(0, space), type: column.slice(space + 1) };
  });
}

/** `3:8 message` for each fault of a file, the file before it where it is not `file`; `load.daily.0: message` else. */
function faultTexts(
  faults: readonly (Fault | { path: readonly (string | number)[]; message: string })[],
) {
  return faults.map((fault) => {
    if ("path" in fault) return `${fault.path.join(".")}: ${fault.message}`;
    const file = fault.file.slice(fault.file.lastIndexOf("/") + 1);
    return `${file}:${fault.line}:${fault.column} ${fault.message}`;
  });
}

/** The faults of an AppError that `work` throws. */
export async function faultsOf(work: () => unknown): Promise<string[]> {
  try {
    await work();
  } catch (error) {
    if (error instanceof AppError && error.code === "invalid") return faultTexts(error.faults);
    throw error;
  }
  return [];
}

/** Compiles on a database of its own; everything but the models may be left out. */
export async function compileModels(
  sqls: Readonly<Record<string, string>>,
  input: Partial<Omit<CompileInput, "models">> = {},
) {
  return await withSession(async (session) => {
    const compilation = await compile(session, {
      models: models(sqls),
      streams: {},
      params: {},
      loads: [],
      ...input,
    });
    return { ...compilation, texts: faultTexts(compilation.faults) };
  });
}
