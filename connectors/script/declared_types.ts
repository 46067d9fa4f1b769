import type { Schema } from "apache-arrow";
import type { StreamRequest } from "../../contract/connector/source.ts";
import { AppError } from "../../contract/errors.ts";
import { isSameName, nameKey } from "../../contract/sql.ts";
import { columnTypeOf } from "./column_type.ts";
import type { ScriptStream } from "./options.ts";
import { needsInput, OF_INPUT } from "./stream_types.ts";
import type { DeclaredTypes, InputColumn } from "./typed_rows.ts";

/** What types a stream's columns are to have. Throws `invalid` where they are to be those of columns that no input has. */
export async function declaredTypes(
  { address: { script, types }, inputSchemas }: Pick<StreamRequest<ScriptStream>, "address" | "inputSchemas">,
): Promise<DeclaredTypes> {
  if (!needsInput(types)) {
    return {
      columns: types.columns.flatMap(({ name, type }) => type === OF_INPUT ? [] : [{ name, type }]),
      others: [],
    };
  }
  if (inputSchemas === undefined) {
    throw new AppError(
      "invalid",
      `${script}: the types of its input are known in a run of its pipeline only`,
    );
  }
  const given = inputColumns(await inputSchemas());
  const columns = types.columns.map(({ name, type }) => {
    if (type !== OF_INPUT) return { name, type };
    const found = given.find((column) => isSameName(column.name, name));
    if (found?.type) return { name, type: found.type };
    const what = found === undefined
      ? "its input has no such column of a single value"
      : "its inputs have several";
    throw new AppError("invalid", `${script}: types: column "${name}" is to have its input's type: ${what}`);
  });
  return { columns, others: types.isOfInput ? given : [] };
}

/** Columns of inputs as far as a script can be held to their types. */
function inputColumns(schemas: readonly Schema[]): InputColumn[] {
  const columns = Map.groupBy(schemas.flatMap(({ fields }) => fields), ({ name }) => nameKey(name));
  return [...columns.values()].flatMap((fields): InputColumn[] => {
    const [first, ...others] = fields.map((field) => columnTypeOf(field));
    const [{ name } = { name: "" }] = fields;
    if (others.some((type) => type?.name !== first?.name)) return [{ name, type: null }];
    return first === undefined ? [] : [{ name, type: first }];
  });
}
