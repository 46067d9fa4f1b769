import type { RecordSurvey } from "../../files/record_scan.ts";
import { declaredTypes, sampleObjects, shownColumns } from "./json_schema.ts";

const INTEGER_OR_REAL = 4 | 8;
const NULL = 1;
const STRING = 16;
const MAX_DIGITS = 38;

/**
 * Lets the survey see values as the schemas say that they may be, so that types do not go by the values of one run alone, nor
 * a column be missing; it may be called again when the survey has seen more. Returns the types that columns are given on top of
 * that, by name; `texts` are columns that hold text already.
 */
export function showSchemas(
  schemas: readonly unknown[],
  survey: RecordSurvey,
  texts: readonly string[],
): Record<string, string> {
  const types: Record<string, string> = {};
  const times = new Map<string, string | undefined>();
  const { root } = survey.of([]);
  for (const schema of schemas) {
    const columns = shownColumns(schema);
    // How a tap writes its times is seen by their texts alone, of which there may be some later.
    const members = columns.map(({ name, samples, isTime }) => {
      const kinds = root.field(name)?.node.kinds ?? NULL;
      return [name, isTime && (kinds === NULL || (kinds & STRING) !== 0) ? [] : samples] as const;
    });
    for (const sample of sampleObjects(members)) survey.read(new TextEncoder().encode(sample), 0, 1);
    const declared = declaredTypes(schema, "typed");
    for (const { name, type, scale, isTime } of columns) {
      const node = root.field(name)?.node;
      if (type !== undefined) types[name] = type;
      times.set(name, isTime ? declared[name] : undefined);
      const isNumber = node !== undefined && (node.kinds & ~(INTEGER_OR_REAL | NULL)) === 0;
      if (scale !== undefined && isNumber && node.integerDigits + scale <= MAX_DIGITS) {
        types[name] = `DECIMAL(${MAX_DIGITS},${scale})`;
      }
    }
  }
  for (const [name, type] of times) {
    const hasNoValue = root.field(name)?.node.kinds === NULL;
    if (type !== undefined && hasNoValue && !texts.includes(name)) types[name] ??= type;
  }
  return types;
}
