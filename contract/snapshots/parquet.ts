import { quoteLiteral } from "../sql.ts";

/** How a snapshot's file is read and written in DuckDB's SQL. */

/** The rows of a file; `options` are further ones of read_parquet. With `key` (base64) it is an encrypted one. */
export function parquetRelation(path: string, key?: string, ...options: readonly string[]): string {
  const all = key === undefined ? options : [...options, `encryption_config = ${encryption(key)}`];
  // What stands in brackets would be a pattern.
  return `read_parquet(${[`[${quoteLiteral(path)}]`, ...all].join(", ")})`;
}

/** The value of ENCRYPTION_CONFIG: as a text the key would have another length than AES takes. */
export const encryption = (key: string): string => `{footer_key_value: from_base64(${quoteLiteral(key)})}`;

/**
 * A model's type as its snapshot still has it: unions are texts there. Each value of the file is cast to it and is what it was
 * in the model.
 */
export function readType(type: string): string {
  let read = "";
  for (let at = 0; at < type.length;) {
    const [quoted] = /^"(?:[^"]|"")*"|^'(?:[^']|'')*'/.exec(type.slice(at)) ?? [];
    if (quoted !== undefined) {
      read += quoted;
      at += quoted.length;
    } else if (/^UNION\(/i.test(type.slice(at)) && !/\w/.test(type[at - 1] ?? "")) {
      at = closingBracket(type, at + "UNION(".length);
      read += "VARCHAR";
    } else read += type[at++];
  }
  return read;
}

/** The place behind the bracket that closes the one before `at`. */
function closingBracket(type: string, at: number): number {
  for (let depth = 1; depth > 0 && at < type.length;) {
    const [quoted] = /^"(?:[^"]|"")*"|^'(?:[^']|'')*'/.exec(type.slice(at)) ?? [];
    if (quoted !== undefined) {
      at += quoted.length;
      continue;
    }
    if (type[at] === "(") depth++;
    if (type[at] === ")") depth--;
    at++;
  }
  return at;
}
