import { AppError } from "../../../contract/errors.ts";
import type { RevisionFile } from "../../../contract/revision.ts";
import { quoteLiteral } from "../../../contract/sql.ts";
import { type Fault, formatFault } from "../../../text/fault.ts";
import { checkSchema } from "../../../text/schema_faults.ts";
import { parseYamlDocument } from "../../../text/yaml_document.ts";
import { type Model, modelOfSeed } from "../model.ts";
import type { SeedQuery } from "./seed_query.ts";
import { seedSchema } from "../model_header.ts";

/**
 * Makes a SELECT of a CSV's text; `types` are those that the seed's YAML gives, by column. Throws invalid with the
 * places of what is wrong with the file.
 */
export type SeedReader = (file: RevisionFile, types: Readonly<Record<string, string>>) => SeedQuery;

/** For who compares seeds, and builds none. */
export const seedText: SeedReader = ({ content }) => ({
  sql: `SELECT ${quoteLiteral(content)} AS seed`,
  given: [],
});

/** A seed as a model: a CSV, and what its YAML says of it. Throws invalid with every fault of the two. */
export function parseSeed(file: RevisionFile, header: RevisionFile | undefined, read: SeedReader): Model {
  const faults: Fault[] = [];
  const document = header === undefined ? undefined : parseYamlDocument(header.content, header.path);
  faults.push(...document?.faults ?? []);
  const shape = checkSchema(seedSchema, document?.value ?? {});
  if ("faults" in shape && document !== undefined && faults.length === 0) {
    faults.push(...shape.faults.map((fault): Fault => ({
      ...(fault.at === "key" ? document.place(fault.path) : document.valuePlace(fault.path)),
      message: fault.message,
      severity: "error",
    })));
  }
  const columns = "faults" in shape ? {} : shape.output.columns;
  const types = Object.fromEntries(
    Object.entries(columns).flatMap(([name, { type }]) => type === undefined ? [] : [[name, type]]),
  );
  let query: SeedQuery | undefined;
  try {
    query = read(file, types);
  } catch (error) {
    if (!(error instanceof AppError) || error.faults.length === 0) throw error;
    faults.push(...error.faults);
  }
  const [first] = faults;
  if (first !== undefined || query === undefined || "faults" in shape) {
    const message = first === undefined ? `Cannot read the seed ${file.path}` : formatFault(first);
    throw new AppError("invalid", message, { faults });
  }
  return modelOfSeed(file, header, shape.output, query);
}
