import type { RecordSurvey } from "../../files/record_scan.ts";
import type { StoredFile } from "../../locations/location.ts";
import { sampleObjects, shownColumns } from "./json_schema.ts";

const INTEGER_OR_REAL = 4 | 8;
const NULL = 1;
const STRING = 16;
const MAX_DIGITS = 38;

/**
 * Lets the survey see values as the schemas say that they may be, so that types do not go by the values of one run alone, nor
 * a column be missing. Returns the types that columns are given on top of that, by name.
 */
export function showSchemas(
  schemas: readonly unknown[],
  survey: RecordSurvey,
  file: StoredFile,
): Record<string, string> {
  const types: Record<string, string> = {};
  for (const schema of schemas) {
    const columns = shownColumns(schema);
    const { root } = survey.of([file]);
    const members = columns.map(({ name, samples, isTime }) => {
      const hasTexts = ((root.field(name)?.node.kinds ?? 0) & STRING) !== 0;
      return [name, isTime && hasTexts ? [] : samples] as const;
    });
    for (const sample of sampleObjects(members)) survey.read(new TextEncoder().encode(sample), 0, 1);
    for (const { name, type, scale } of columns) {
      const node = root.field(name)?.node;
      if (type !== undefined) types[name] = type;
      const isNumber = node !== undefined && (node.kinds & ~(INTEGER_OR_REAL | NULL)) === 0;
      if (scale !== undefined && isNumber && node.integerDigits + scale <= MAX_DIGITS) {
        types[name] = `DECIMAL(${MAX_DIGITS},${scale})`;
      }
    }
  }
  return types;
}
