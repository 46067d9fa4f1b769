import * as v from "valibot";
import { type ColumnType, parseColumnType } from "./column_type.ts";

/** What types a stream gives the columns of its script. */
export interface StreamTypes {
  readonly columns: readonly {
    readonly name: string;
    /** "input": that of the input's column of this name. */
    readonly type: ColumnType | typeof OF_INPUT;
  }[];
  /** Whether columns that have the name of one of the input's have its type. */
  readonly isOfInput: boolean;
}

/** In the place of a type. */
export const OF_INPUT = "input";

/** Whether some of them are those of an input. */
export const needsInput = ({ columns, isOfInput }: StreamTypes): boolean =>
  isOfInput || columns.some(({ type }) => type === OF_INPUT);

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
const NO_TYPE =
  "expected a type of a single value, as DECIMAL(18,2), DATE or TIMESTAMPTZ, or input for that of the input's column";

const columnType = v.pipe(
  v.string(),
  v.rawTransform(({ dataset: { value }, addIssue, NEVER }): ColumnType | typeof OF_INPUT => {
    const type = value === OF_INPUT ? OF_INPUT : parseColumnType(value);
    if (type !== undefined) return type;
    addIssue({ message: NO_TYPE });
    return NEVER;
  }),
);

/** The stream's key. */
export const typesSchema = v.optional(
  v.pipe(
    v.union(
      [v.literal(OF_INPUT), v.record(text, columnType)],
      `expected input, or types of columns by name; ${NO_TYPE}`,
    ),
    v.description(
      "DuckDB types of columns by name, as {amount: DECIMAL(18,2)}, or input: those of the input's columns of the same names. What a column's type does not hold exactly is an error.",
    ),
    v.transform((types): StreamTypes =>
      types === OF_INPUT
        ? { columns: [], isOfInput: true }
        : { columns: Object.entries(types).map(([name, type]) => ({ name, type })), isOfInput: false }
    ),
  ),
  {},
);
