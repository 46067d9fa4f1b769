import { formatFault, type SourcePlace } from "../../text/fault.ts";
import { SqlError } from "../../contract/sql.ts";
import { didYouMean } from "../../text/suggest.ts";
import type { Model } from "./model.ts";
import { placeAt } from "./position.ts";

const MAX_MESSAGE_LENGTH = 300;
const MAX_LISTED_NAMES = 8;
/** DuckDB suggests only what its catalog has, where most types are not. */
const COMMON_TYPES = [
  "BOOLEAN",
  "INTEGER",
  "BIGINT",
  "DOUBLE",
  "DECIMAL",
  "VARCHAR",
  "DATE",
  "TIME",
  "TIMESTAMP",
  "TIMESTAMPTZ",
  "INTERVAL",
  "BLOB",
  "UUID",
  "JSON",
];

/** DuckDB's message in the words of the other faults, with a suggestion where one is near. */
export function explainSqlError(error: SqlError): string {
  const message = error.message.replace(/\s+/g, " ").trim();
  const column = /^Referenced column "(.+?)" not found in FROM clause!(.*)$/.exec(message);
  if (column !== null) return missingColumn(column[1] ?? "", column[2] ?? "");
  const ofTable = /^(?:Table|Values list) "(.+?)" does not have a column named "(.+?)"(?: (.*))?$/.exec(
    message,
  );
  if (ofTable !== null) return missingColumn(ofTable[2] ?? "", ofTable[3] ?? "", ofTable[1]);
  const table = /^Referenced table "(.+?)" not found!(.*)$/.exec(message);
  if (table !== null) {
    return `table "${table[1]}" is not in FROM${hint(table[1] ?? "", quotedNames(table[2] ?? ""))}`;
  }
  const entry = /^(.+?) with name (.+?) does not exist!(.*)$/.exec(message);
  if (entry !== null) {
    const [, kind = "", name = "", rest = ""] = entry;
    const word = kind.includes("Function") ? "function" : kind.toLowerCase();
    const known = word === "type" ? COMMON_TYPES : [];
    return `${word} ${name} does not exist${didYouMean(name, [...quotedNames(rest), ...known])}`;
  }
  const plain = message.replace(/ Candidate functions: .*$/, "");
  return plain.length > MAX_MESSAGE_LENGTH ? `${plain.slice(0, MAX_MESSAGE_LENGTH)}…` : plain;
}

/** Where in the model's file an error lies that came from `prefix` + the file's text. */
export function modelErrorPlace(model: Model, error: SqlError, prefixLength = 0): SourcePlace {
  const position = (error.position ?? -1) - prefixLength;
  return position >= 0 && position <= model.sql.length
    ? placeAt(model.sql, position, model.path)
    : { file: model.path };
}

/**
 * A failure while a model was built: names the model, the file and the line. Errors that do, and others, stay
 * as they are.
 */
export function toModelError(error: unknown, model: Model, prefixLength: number): unknown {
  if (!(error instanceof SqlError) || error.faults.length > 0) return error;
  if (error.code === "cancelled" || error.code === "timeout") return error;
  const place = modelErrorPlace(model, error, prefixLength);
  const fault = { ...place, message: explainSqlError(error), severity: "error" } as const;
  return new SqlError(error.code, `Cannot build the model ${model.name}: ${formatFault(fault)}`, {
    type: error.type,
    detail: error.message,
    faults: [fault],
    cause: error,
  });
}

function missingColumn(name: string, rest: string, table?: string): string {
  const what = table === undefined ? `column "${name}" does not exist` : `${table} has no column "${name}"`;
  return `${what}${hint(name, quotedNames(rest))}`;
}

/** The nearest of the names, or else what there is. */
function hint(name: string, names: readonly string[]): string {
  const plain = names.map((candidate) => candidate.slice(candidate.lastIndexOf(".") + 1));
  const near = didYouMean(name, plain);
  if (near !== "" || names.length === 0) return near;
  const shown = names.slice(0, MAX_LISTED_NAMES);
  return ` (candidates: ${shown.join(", ")})`;
}

function quotedNames(text: string): string[] {
  return [...text.matchAll(/"((?:[^"]|"")*)"/g)].map((match) => match[1] ?? "");
}
