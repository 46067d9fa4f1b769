import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { escapeGlob } from "../file_set.ts";
import type { PathColumn } from "../read/path_columns.ts";
import { exactCast, failingCast } from "../../text_cast/exact_cast.ts";
import { PLAIN_FORMAT } from "../../text_cast/value_format.ts";
import { ARRAY, type JsonNode, OBJECT } from "./json_node.ts";
import type { JsonColumn, JsonPlan } from "./json_plan.ts";
import type { SurveyedFile } from "./surveyed.ts";
import { isKeptByParser, type JsonType, typeName } from "./json_type.ts";

/**
 * The relation that reads surveyed JSON files exactly. DuckDB's reader makes the values of the types that the
 * survey has found all of them to fit; a type that the user has given is a guarded cast of the value's text.
 *
 * DuckDB's parser makes doubles of all numbers with a point or an exponent. Where that would change one, or
 * its text is wanted, the records are taken as text, and their numbers are marked there as strings, which no
 * parser changes: `{"a":1.10,"b":"x"}` becomes `{"a#":"#1.10","b#":"x#"}`.
 */

export interface JsonRelation {
  readonly sql: string;
  /** No record and no option says which: the relation has one that means nothing. */
  readonly hasNoColumns: boolean;
  /** The places of values with a type of the user's; an error's label is the index of one. */
  readonly casts: readonly CastPlace[];
}

export interface CastPlace {
  readonly column: string;
  readonly type: string;
  readonly nodes: readonly JsonNode[];
}

/** What files are read instead of those that DuckDB cannot read: their plain text. */
export interface JsonCopies {
  /** Each file's copy is at this, and behind it the file's own path. */
  readonly prefix: string;
}

/** The name that DuckDB gives the column with the file's path. */
const PATH = "_sluice_path";
/** The first key of records in copies that say of each where it stood. */
export const PLACE_KEY = "_sluice_place";
const SHOWN_CHARACTERS = 200;

/**
 * The records of placed copies: those that fit, and the others as a SELECT with the columns of rejects. All
 * records are marked, as the text of each is wanted; values with a type of the user's are tried.
 */
export function jsonSetAside(
  plan: JsonPlan,
  extra: readonly PathColumn[],
  copies: JsonCopies,
): { readonly fitting: string; readonly rejected: readonly string[] } {
  const own = plan.columns.map((column, index) => {
    const { name, keys, type } = column;
    const values = keys.map((key, at) => `${quoteIdentifier(`marked_${at}`)}.${quoteIdentifier(`${key}#`)}`);
    const value = values.length === 1 ? values.join() : `coalesce(${values.join(", ")})`;
    const context = { isMarked: true, column, casts: [], depth: 0, isTried: true };
    const expression = `TRY(${expressionOf(value, type, context)})`;
    const text = type.kind === "scalar" ? unmarkedText(value, type.node) : unmarkedJson(`to_json(${value})`);
    return { name, type, value, text, expression, stored: `_sluice_value_${index}` };
  });
  const misfits = own.map(({ value, stored }) => `${value} IS NOT NULL AND ${stored} IS NULL`);
  const isMisfit = misfits.map((condition) => `(${condition})`).join(" OR ") || "false";
  const reasons = own.map(({ name, type, text }, at) =>
    `CASE WHEN ${misfits[at]} THEN concat(${
      quoteLiteral(`column "${name}" is "`)
    }, left(${text}, ${SHOWN_CHARACTERS}), ${quoteLiteral(`", expected ${typeName(type)}`)}) END`
  );
  const values = [
    ...own.map(({ name, stored }) => `${stored} AS ${quoteIdentifier(name)}`),
    ...extra.map(({ name, value }, index) => `${value(`${PATH}_${index}`)} AS ${quoteIdentifier(name)}`),
  ].join(", ");
  const place = `json_extract_string(json, '$.${PLACE_KEY}')`;
  const row = `regexp_replace(CAST(json AS VARCHAR), ${quoteLiteral(PLACE_PATTERN)}, '{')`;
  const groups = Map.groupBy(
    plan.survey.files.filter(({ layout }) => layout !== undefined),
    ({ layout }) => layout,
  );
  const froms = own.length === 0 ? [] : [...groups.values()].map((files) => {
    const read = readMarked(plan, readerOptions(plan, files, extra.length > 0, copies));
    const path = `substring(${PATH}, ${[...copies.prefix].length + 1})`;
    const texts = extra.map(({ text }, index) => `, ${text(path)} AS ${PATH}_${index}`).join("");
    const tries = own.map(({ expression, stored }) => `, ${expression} AS ${stored}`).join("");
    return `(SELECT *${texts}${tries} FROM ${read})`;
  });
  const fitting = froms.map((from) => `SELECT ${values} FROM ${from} WHERE NOT (${isMisfit})`);
  return {
    fitting: fitting.length === 0 ? jsonRelation(plan, extra).sql : `(${fitting.join(" UNION ALL ")})`,
    rejected: froms.map((from) =>
      `SELECT ${values}, concat_ws('; ', ${[...reasons, "NULL"].join(", ")}) AS _sluice_reason, ` +
      `${place} AS _sluice_position, ${row} AS _sluice_row FROM ${from} WHERE ${isMisfit}`
    ),
  };
}

const PLACE_PATTERN = String.raw`^\{"${PLACE_KEY}":"(?:[^"\\]|\\.)*",?`;

/** Without `copies`, files that DuckDB cannot read as they are have no rows. */
export function jsonRelation(
  plan: JsonPlan,
  extra: readonly PathColumn[],
  copies?: JsonCopies,
): JsonRelation {
  const { columns, survey } = plan;
  const isMarked = !columns.every(({ keys, type }) => keys.length === 1 && isKeptByParser(type));
  const casts: CastPlace[] = [];
  const own = columns.map((column) => {
    const { name, keys, type } = column;
    const values = keys.map((key, index) =>
      isMarked ? `${quoteIdentifier(`marked_${index}`)}.${quoteIdentifier(`${key}#`)}` : quoteIdentifier(key)
    );
    const value = values.length === 1 ? values.join() : `coalesce(${values.join(", ")})`;
    const expression = expressionOf(value, type, { isMarked, column, casts, depth: 0 });
    return { name, type: typeName(type), expression };
  });
  const added = extra.map(({ name, type, value }, index) => ({
    name,
    type,
    expression: value(`${PATH}_${index}`),
  }));
  const all = [...own, ...added];
  const list = all.map(({ name, expression }) => `${expression} AS ${quoteIdentifier(name)}`).join(", ");
  const groups = Map.groupBy(
    survey.files.filter(({ layout, isOdd }) => layout !== undefined && (copies !== undefined || !isOdd)),
    ({ layout, compression, isOdd }) => `${layout} ${compression} ${isOdd}`,
  );
  const selects = [...groups.values()].map((files) => {
    const options = readerOptions(plan, files, extra.length > 0, copies);
    const read = isMarked ? readMarked(plan, options) : readTyped(plan, options);
    const path = files[0]?.isOdd ? `substring(${PATH}, ${[...copies?.prefix ?? ""].length + 1})` : PATH;
    const texts = extra.map(({ text }, index) => `, ${text(path)} AS ${PATH}_${index}`).join("");
    return `SELECT ${list} FROM ${texts === "" ? read : `(SELECT *${texts} FROM ${read})`}`;
  });
  const none = all.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`).join(", ");
  if (own.length === 0) return { sql: "(SELECT NULL AS none WHERE false)", hasNoColumns: true, casts };
  return {
    hasNoColumns: false,
    sql: `(${selects.length === 0 ? `SELECT ${none} WHERE false` : selects.join(" UNION ALL ")})`,
    casts,
  };
}

/** For files that all stand in one layout and compression. */
function readerOptions(
  { survey }: JsonPlan,
  files: readonly SurveyedFile[],
  hasPath: boolean,
  copies: JsonCopies | undefined,
): string[] {
  const [first] = files;
  const isPlain = first === undefined || first.compression === "none" || first.isOdd;
  const paths = files.map(({ file, isOdd }) => `${isOdd ? copies?.prefix ?? "" : ""}${file.localPath}`);
  return [
    `[${paths.map((path) => quoteLiteral(escapeGlob(path))).join(", ")}]`,
    `format = ${quoteLiteral(first?.layout ?? "newline_delimited")}`,
    `compression = ${quoteLiteral(isPlain ? "uncompressed" : first.compression)}`,
    `maximum_object_size = ${Math.max(MIN_OBJECT_BYTES, 2 * survey.maxRecordBytes)}`,
    "ignore_errors = false",
    "hive_partitioning = false",
    ...(hasPath ? [`filename = ${quoteLiteral(PATH)}`] : []),
  ];
}

/** DuckDB's own default: a larger one takes more memory. */
const MIN_OBJECT_BYTES = 16 * 1024 * 1024;

function readTyped(plan: JsonPlan, options: readonly string[]): string {
  const columns = plan.columns.map(({ keys: [key = ""], type }) =>
    `${quoteLiteral(key)}: ${quoteLiteral(readerType(type, false))}`
  );
  return `read_json(${[...options, "auto_detect = false", `columns = {${columns.join(", ")}}`].join(", ")})`;
}

const STRING_OR_NUMBER = String.raw`"((?:[^"\\]|\\.)*)"|(-?[0-9][0-9.eE+-]*)`;

/**
 * Makes the struct `marked_0` of the first keys of all columns, `marked_1` of the second ones of those that
 * have several, and so on.
 */
function readMarked(plan: JsonPlan, options: readonly string[]): string {
  const most = Math.max(1, ...plan.columns.map(({ keys }) => keys.length));
  const structs = Array.from({ length: most }, (_, index) => {
    const members = plan.columns.filter(({ keys }) => keys[index] !== undefined)
      .map(({ keys, type }) => [`${keys[index]}#`, readerType(type, true)]);
    const structure = quoteLiteral(JSON.stringify(Object.fromEntries(members)));
    return `from_json(marked, ${structure}) AS ${quoteIdentifier(`marked_${index}`)}`;
  });
  const mark = `regexp_replace(CAST(json AS VARCHAR), ${quoteLiteral(STRING_OR_NUMBER)}, '"\\1#\\2"', 'gs')`;
  const read = `read_json_objects(${options.join(", ")})`;
  return `(SELECT *, ${structs.join(", ")} FROM (SELECT *, ${mark} AS marked FROM ${read}))`;
}

/** What DuckDB's parser is to make of a value: it goes by the records' own keys. */
function readerType(type: JsonType, isMarked: boolean): string {
  switch (type.kind) {
    case "scalar":
      return isMarked || type.isGiven || isTime(type.type) ? "VARCHAR" : type.type;
    case "json":
      return "JSON";
    case "list":
      return `${readerType(type.item, isMarked)}[]`;
    case "map":
      return `MAP(VARCHAR, ${readerType(type.value, isMarked)})`;
    case "struct":
      return `STRUCT(${
        type.fields.map((field) =>
          `${quoteIdentifier(isMarked ? `${field.key}#` : field.key)} ${readerType(field.type, isMarked)}`
        ).join(", ")
      })`;
  }
}

const isTime = (type: string): boolean => /^(?:DATE|TIME)/.test(type);

interface Context {
  readonly isMarked: boolean;
  readonly column: JsonColumn;
  readonly casts: CastPlace[];
  /** Of lambdas around. */
  readonly depth: number;
  /** For use in a TRY. */
  readonly isTried?: boolean;
}

/** The SQL that makes the type of what the reader has made. */
function expressionOf(value: string, type: JsonType, context: Context): string {
  if (isRead(type, context.isMarked)) return value;
  switch (type.kind) {
    case "scalar":
      return scalarExpression(value, type, context);
    case "json":
      return `CAST(${unmarkedJson(value)} AS JSON)`;
    case "list": {
      const list = listExpression(value, (item, inner) => expressionOf(item, type.item, inner), context);
      return type.size === undefined ? list : `CAST(${list} AS ${typeName(type)})`;
    }
    case "map": {
      const keys = context.isMarked
        ? listExpression(`map_keys(${value})`, (key) => `left(${key}, -1)`, context)
        : `map_keys(${value})`;
      const values = listExpression(
        `map_values(${value})`,
        (item, inner) => expressionOf(item, type.value, inner),
        context,
      );
      return `map(${keys}, ${values})`;
    }
    case "struct": {
      const fields = type.fields.map((field) => {
        const inner = `${value}.${quoteIdentifier(context.isMarked ? `${field.key}#` : field.key)}`;
        return `${quoteIdentifier(field.name)} := ${expressionOf(inner, field.type, context)}`;
      });
      return `CASE WHEN ${value} IS NULL THEN NULL ELSE struct_pack(${fields.join(", ")}) END`;
    }
  }
}

/** Whether the reader makes the type itself. */
function isRead(type: JsonType, isMarked: boolean): boolean {
  if (isMarked) return false;
  switch (type.kind) {
    case "scalar":
      return !isTime(type.type) && !type.isGiven;
    case "json":
      return true;
    case "list":
      return type.size === undefined && isRead(type.item, isMarked);
    case "map":
      return isRead(type.value, isMarked);
    case "struct":
      return type.fields.every((field) => field.key === field.name && isRead(field.type, isMarked));
  }
}

function listExpression(
  list: string,
  each: (item: string, context: Context) => string,
  context: Context,
): string {
  const item = quoteIdentifier(`item_${context.depth}`);
  const expression = each(item, { ...context, depth: context.depth + 1 });
  return `list_transform(${list}, lambda ${item}: ${expression})`;
}

function scalarExpression(
  value: string,
  type: Extract<JsonType, { readonly kind: "scalar" }>,
  { isMarked, column, casts, isTried }: Context,
): string {
  const text = isMarked ? unmarkedText(value, type.node) : value;
  if (type.isUtc) return `CAST(${text} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'`;
  if (!type.isGiven) return type.type === "VARCHAR" ? text : `CAST(${text} AS ${type.type})`;
  if (isTried) return failingCast({ text, type: type.type, isGiven: true }, PLAIN_FORMAT);
  const nodes = column.type === type ? column.nodes : [type.node];
  const label = casts.push({ column: column.name, type: type.type, nodes }) - 1;
  return exactCast({ text, type: type.type, isGiven: true, label }, PLAIN_FORMAT);
}

/** Of a marked string or number its text, of an object or array its JSON. */
function unmarkedText(value: string, node: JsonNode): string {
  const hasParts = (node.kinds & (OBJECT | ARRAY)) !== 0;
  const parts = hasParts
    ? `WHEN ends_with(${value}, '}') OR ends_with(${value}, ']') THEN ${unmarkedJson(value)} `
    : "";
  return `CASE WHEN ends_with(${value}, '#') THEN left(${value}, -1) ${parts}ELSE ltrim(${value}, '#') END`;
}

function unmarkedJson(value: string): string {
  const numbers = `regexp_replace(CAST(${value} AS VARCHAR), '"#(-?[0-9][0-9.eE+-]*)"', '\\1', 'g')`;
  return `replace(${numbers}, '#"', '"')`;
}
