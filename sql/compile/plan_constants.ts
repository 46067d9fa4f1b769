import { quoteIdentifier, quoteLiteral } from "../../contract/sql.ts";
import { isRecord } from "../../text/is_record.ts";
import { planType } from "./plan_types.ts";

/** An expression of a bound plan that has the same value for every row. */
export interface PlanConstant {
  readonly sql: string;
  /** As a message shows it. */
  readonly shown: string;
  /** The constants in it as SQL writes them. */
  readonly literals: readonly string[];
}

/**
 * Functions that take constants for what they say, in no time and in little memory, and fail for some of them, as
 * `make_date(2024, 13, 1)`.
 */
const CALLS: ReadonlySet<string> = new Set([
  "+",
  "-",
  "*",
  "/",
  "//",
  "%",
  "**",
  "^",
  "pow",
  "power",
  "sqrt",
  "ln",
  "log",
  "log2",
  "log10",
  "chr",
  "make_date",
  "make_time",
  "make_timestamp",
  "strptime",
  "from_hex",
  "unhex",
  "from_binary",
  "unbin",
  "from_base64",
  "decode",
  "json",
  "list_value",
  "map",
]);

/**
 * Functions with an argument that is a little language of its own, and where it stands: where that is wrong, every row
 * is.
 */
const JUDGED_ARGUMENTS: Readonly<Record<string, number>> = {
  date_diff: 0,
  datediff: 0,
  date_sub: 0,
  datesub: 0,
  timezone: 0,
  regexp_matches: 1,
  regexp_full_match: 1,
  regexp_replace: 1,
  regexp_extract: 1,
  regexp_extract_all: 1,
  regexp_split_to_array: 1,
  like_escape: 2,
  not_like_escape: 2,
  ilike_escape: 2,
  not_ilike_escape: 2,
  printf: 0,
  format: 0,
};

/** Undefined for an expression that depends on rows, or that is not known here. */
export function constantOf(node: unknown): PlanConstant | undefined {
  if (!isRecord(node)) return undefined;
  switch (node["expression_class"]) {
    case "BOUND_CONSTANT":
      return isRecord(node["value"]) ? valueOf(node["value"]) : undefined;
    case "BOUND_CAST": {
      const child = constantOf(node["child"]);
      const to = planType(node["return_type"]);
      if (child === undefined || to === undefined) return undefined;
      const sql = `${node["try_cast"] === true ? "TRY_CAST" : "CAST"}(${child.sql} AS ${to.text})`;
      const isOfText = child.sql.startsWith("'") && child.sql === child.shown;
      return { ...child, sql, shown: isOfText ? sql : child.shown };
    }
    case "BOUND_FUNCTION":
      return callOf(node);
  }
  return undefined;
}

/** A call of constants alone. */
export function callOf(node: Readonly<Record<string, unknown>>): PlanConstant | undefined {
  const { name, children = [] } = node;
  if (typeof name !== "string" || !CALLS.has(name) || !Array.isArray(children)) return undefined;
  const given: PlanConstant[] = [];
  for (const child of children) {
    const constant = constantOf(child);
    if (constant === undefined) return undefined;
    given.push(constant);
  }
  return call(name, given);
}

/** A call with an argument that decides for every row, over values made up for what depends on rows. */
export function judgedCall(node: Readonly<Record<string, unknown>>): PlanConstant | undefined {
  const { name, children } = node;
  if (typeof name !== "string" || !Object.hasOwn(JUDGED_ARGUMENTS, name) || !Array.isArray(children)) {
    return undefined;
  }
  const judged = JUDGED_ARGUMENTS[name];
  const given: PlanConstant[] = [];
  for (const [index, child] of children.entries()) {
    const constant = constantOf(child) ?? (index === judged ? undefined : madeUp(child));
    if (constant === undefined) return undefined;
    given.push(constant);
  }
  return call(name, given);
}

function call(name: string, given: readonly PlanConstant[]): PlanConstant {
  const list = (key: "sql" | "shown") => given.map((one) => one[key]).join(", ");
  const [left, right, ...others] = given.map(({ shown }) => shown);
  const isOperator = !/^\w/.test(name) && right !== undefined && others.length === 0;
  return {
    sql: `${quoteIdentifier(name)}(${list("sql")})`,
    shown: isOperator ? `${left} ${name} ${right}` : `${name}(${list("shown")})`,
    literals: given.flatMap(({ literals }) => literals),
  };
}

function madeUp(node: unknown): PlanConstant | undefined {
  const type = isRecord(node) ? planType(node["return_type"]) : undefined;
  if (type === undefined) return undefined;
  return { sql: type.sample ?? (type.text === "VARCHAR" ? "''" : type.part), shown: "…", literals: [] };
}

/** Texts, truth values, and numbers that JavaScript reads exactly; others are not looked at. */
function valueOf(
  { type, value, is_null: isNull }: Readonly<Record<string, unknown>>,
): PlanConstant | undefined {
  const known = planType(type);
  if (known === undefined || isNull === true) return undefined;
  const { text } = known;
  const constant = (sql: string, shown: string): PlanConstant => ({ sql, shown, literals: [shown] });
  // What is empty is left out of the plan.
  if (text === "VARCHAR") {
    const sql = quoteLiteral(typeof value === "string" ? value : "");
    return constant(sql, sql);
  }
  if (text === "BOOLEAN") {
    return { ...constant(String(value === true), String(value === true)), literals: [] };
  }
  if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  if (text === "DOUBLE" || text === "FLOAT") return constant(`'${value}'::${text}`, String(value));
  if (!Number.isSafeInteger(value)) return undefined;
  if (/^U?(?:TINY|SMALL|BIG)?INT(?:EGER)?$/.test(text)) return constant(`(${value})::${text}`, String(value));
  const scale = /^DECIMAL\(\d+, (\d+)\)$/.exec(text)?.[1];
  if (scale === undefined) return undefined;
  const shown = decimalText(value, Number(scale));
  return constant(`'${shown}'::${text}`, shown);
}

/** 1234 of scale 2 is 12.34. */
function decimalText(unscaled: number, scale: number): string {
  const digits = String(Math.abs(unscaled)).padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const fraction = scale === 0 ? "" : `.${digits.slice(digits.length - scale)}`;
  return `${unscaled < 0 ? "-" : ""}${whole}${fraction}`;
}
