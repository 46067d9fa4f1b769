import { formatFault, type SourcePlace } from "../../text/fault.ts";
import { SqlError } from "../../contract/sql.ts";
import { didYouMean, listWords } from "../../text/suggest.ts";
import { guessPosition } from "./error_position.ts";
import { inPlaceOfFunction, inPlaceOfType } from "./foreign/functions.ts";
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
  const message = error.message.replace(/\s+/g, " ").replace(
    /\b(INTEGER|STRING)_LITERAL\b/g,
    (_, kind) => kind === "STRING" ? "VARCHAR" : kind,
  ).trim();
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
    const instead = word === "function"
      ? inPlaceOfFunction(name)
      : word === "type"
      ? inPlaceOfType(name)
      : undefined;
    if (instead !== undefined) return instead;
    const known = word === "type" ? COMMON_TYPES : [];
    return `${word} ${name} does not exist${didYouMean(name, [...quotedNames(rest), ...known])}`;
  }
  const extension = /^.*? with name "(.+?)" is not in the catalog, .*? in the (\w+) extension/.exec(message);
  if (extension !== null) {
    return `${extension[1]} is in DuckDB's extension ${extension[2]}, and extensions are not loaded here`;
  }
  const call =
    /^No function matches the given name and argument types '(.+?)(\(.*\))'\. .*?Candidate functions: (.*)$/
      .exec(message);
  if (call !== null) return noSuchCall(call[1] ?? "", call[2] ?? "", call[3] ?? "");
  const fromless = /^Referenced column "(.+?)" was not found because the FROM clause is missing/.exec(
    message,
  );
  if (fromless !== null) return `column "${fromless[1]}" does not exist: there is no FROM`;
  const plain = withoutAdvice(message);
  return plain.length > MAX_MESSAGE_LENGTH ? `${plain.slice(0, MAX_MESSAGE_LENGTH)}…` : plain;
}

/** `sum takes no (VARCHAR): it takes (DECIMAL), (BIGINT) or (DOUBLE)`: of many those that are nearest to what is given. */
function noSuchCall(name: string, given: string, candidates: string): string {
  const all = candidates.split(new RegExp(`(?:^| )${RegExp.escape(name)}(?=\\()`)).map((text) =>
    text.replace(/ -> .*$/, "").trim()
  ).filter((text) => text !== "");
  const near = all.length > MAX_LISTED_NAMES ? all.filter((signature) => isNear(signature, given)) : all;
  const signatures = near.length === 0 ? all : near;
  const shown = signatures.slice(0, MAX_LISTED_NAMES);
  const others = all.length - shown.length;
  if (others === 0) return `${name} takes no ${given}: it takes ${listWords(shown, "or")}`;
  return `${name} takes no ${given}: it takes ${shown.join(", ")} and ${others} others`;
}

/** Whether a signature has as many arguments as a call, one of them of the type that is given there. */
function isNear(signature: string, given: string): boolean {
  const [taken, had] = [typesIn(signature), typesIn(given)];
  return taken.length === had.length && taken.some((type, index) => type === had[index]);
}

/** `(DECIMAL(18,2), MAP(K, V))` → DECIMAL, MAP: kinds of types, without their parts. */
function typesIn(list: string): string[] {
  const inner = list.slice(list.indexOf("(") + 1, list.lastIndexOf(")"));
  const plain = inner.replace(/\((?:[^()]|\([^()]*\))*\)/g, "");
  return plain === "" ? [] : plain.split(",").map((type) => type.trim());
}

/** DuckDB's message without what cannot be followed here: to install, to load or to set something. */
function withoutAdvice(message: string): string {
  const sentences = message.replace(/ Candidate functions: .*$/, "").split(/(?<=[.!;]) (?=[A-Z])/);
  const kept = sentences.filter((sentence, index) =>
    index === 0 || !/\b(?:SET|INSTALL|LOAD|PRAGMA|RESET) \w|try installing|consider enabling/.test(sentence)
  );
  return kept.join(" ");
}

/** Where in the model's file an error lies that came from `prefix` + the file's text. */
export function modelErrorPlace(model: Model, error: SqlError, prefixLength = 0): SourcePlace {
  // The query of a seed is not what stands in its file.
  if (model.seed !== undefined) return { file: model.path, line: 1, column: 1 };
  const position = error.position === undefined
    ? guessPosition(model.sql, error) ?? -1
    : error.position - prefixLength;
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
