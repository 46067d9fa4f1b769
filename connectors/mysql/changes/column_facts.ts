import * as v from "valibot";
import type { ResultColumn } from "../session/payload.ts";

/** What is known of a column at one moment, kept in the stream's state to see what changes. */
export const columnFactsSchema = v.object({
  name: v.string(),
  /** As the table declares it: `enum('new','done')`. */
  declared: v.string(),
  /** Of texts. */
  charset: v.nullable(v.string()),
  /** Whether rows that were there before the column got a value in it. */
  isFilled: v.boolean(),
  /** The server computes it when it is read: the log has no values of it. */
  isVirtual: v.boolean(),
  /** As the server describes it in a result: see ResultColumn. */
  type: v.number(),
  flags: v.number(),
  collation: v.number(),
  length: v.number(),
  decimals: v.number(),
  typeName: v.string(),
  format: v.string(),
});
export type ColumnFacts = v.InferOutput<typeof columnFactsSchema>;

/** The column as a read of the table would have described it. */
export function resultColumn(facts: ColumnFacts): ResultColumn {
  const { name, type, flags, collation, length, decimals, typeName, format } = facts;
  return { name, type, flags, collation, length, decimals, typeName, format };
}

/** The type's word: `enum`, `int`, `varchar`. */
export const typeWord = ({ declared }: Pick<ColumnFacts, "declared">): string =>
  /^\w+/.exec(declared)?.[0]?.toLowerCase() ?? "";

/** The numbers behind the type's word: `decimal(10,2)`. */
export const typeNumbers = ({ declared }: Pick<ColumnFacts, "declared">): readonly number[] =>
  /^\w+\s*\(([\d, ]+)\)/.exec(declared)?.[1]?.split(",").map(Number) ?? [];

export const isUnsignedType = ({ declared }: Pick<ColumnFacts, "declared">): boolean =>
  /\bunsigned\b/i.test(declared.replace(/'[^]*'/, ""));

export const isZerofill = ({ declared }: Pick<ColumnFacts, "declared">): boolean =>
  /\bzerofill\b/i.test(declared.replace(/'[^]*'/, ""));

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", "0": "\0", Z: "\x1a", t: "\t" };

/** The labels of `enum('a','it''s')`, in their order; none of another type. */
export function labelsOf({ declared }: Pick<ColumnFacts, "declared">): readonly string[] {
  if (!/^(?:enum|set)\s*\(/i.test(declared)) return [];
  return [...declared.matchAll(/'((?:[^'\\]|''|\\[^])*)'/g)].map(([, quoted = ""]) =>
    quoted.replaceAll("''", "'").replace(/\\([^])/g, (_, escaped: string) => ESCAPES[escaped] ?? escaped)
  );
}

const INTEGERS = ["tinyint", "smallint", "mediumint", "int", "bigint"];
const TEXTS = ["tinytext", "text", "mediumtext", "longtext"];
const BLOBS = ["tinyblob", "blob", "mediumblob", "longblob"];
const GROWING = ["varchar", "char", "varbinary"];
const FRACTIONS = ["time", "datetime", "timestamp"];

/** Whether every value of the one type is the same value of the other, so that no row was written anew. */
export function keepsValues(was: ColumnFacts, now: ColumnFacts): boolean {
  if (was.charset !== now.charset) return false;
  if (was.declared === now.declared) return true;
  const [one, other] = [typeWord(was), typeWord(now)];
  for (const family of [INTEGERS, TEXTS, BLOBS]) {
    if (!family.includes(one)) continue;
    return family.indexOf(other) >= family.indexOf(one) && isUnsignedType(was) === isUnsignedType(now);
  }
  if (one !== other) return false;
  const [before, after] = [typeNumbers(was), typeNumbers(now)];
  if (GROWING.includes(one)) return (after[0] ?? 0) >= (before[0] ?? 0);
  if (FRACTIONS.includes(one)) return (after[0] ?? 0) >= (before[0] ?? 0);
  if (one === "decimal") {
    return (after[0] ?? 0) >= (before[0] ?? 0) && after[1] === before[1] &&
      isUnsignedType(was) === isUnsignedType(now);
  }
  if (one === "enum" || one === "set") {
    const labels = labelsOf(now);
    return labelsOf(was).every((label, i) => labels[i] === label);
  }
  return false;
}
