import { type Column, nameKey, quoteLiteral, SqlError, type SqlSession } from "../../contract/sql.ts";
import { isRecord } from "../../text/is_record.ts";
import { withoutTerminators } from "../language/scan_sql.ts";
import { parseSerialized } from "../language/tree/serialized.ts";

/** What binding says of one SELECT. */
export interface BoundSelect {
  /** Undefined where the plan does not write them as DuckDB does elsewhere: `describe` tells them. */
  readonly columns: readonly Column[] | undefined;
  /** DuckDB's plan of it, as `json_serialize_plan` writes it. */
  readonly plan: unknown;
  /** At which byte of the planned text the SELECT begins. */
  readonly startByte: number;
}

/**
 * Binds SELECTs in one go: a round trip costs as much as binding one does, and the plan has the columns and the casts
 * at once. Undefined where one of them does not bind. Each SELECT must parse by itself.
 */
export async function bindTogether(
  session: SqlSession,
  sqls: readonly string[],
): Promise<readonly BoundSelect[] | undefined> {
  const { text, starts } = joined(sqls);
  const serialize = `json_serialize_plan(${
    quoteLiteral(text)
  }, skip_null := true, skip_empty := true, skip_default := true)`;
  let row;
  try {
    [row] = await session.rows(`SELECT ${serialize} AS plan`);
  } catch (error) {
    if (error instanceof SqlError && error.code !== "cancelled" && error.code !== "timeout") return undefined;
    throw error;
  }
  const serialized = row?.["plan"];
  const read: unknown = typeof serialized === "string" ? parseSerialized(serialized) : undefined;
  const root: unknown = isRecord(read) && Array.isArray(read["plans"]) ? read["plans"][0] : undefined;
  const plans: unknown[] = [];
  let node: unknown = root;
  for (const at of sqls.keys()) {
    if (!isRecord(node) || node["ctename"] !== nameOf(at) || !Array.isArray(node["children"])) {
      return undefined;
    }
    plans.push(node["children"][0]);
    node = node["children"][1];
  }
  const columns = columnsOf(node);
  return starts.map((startByte, at) => ({ columns: columns[at], plan: plans[at], startByte }));
}

/**
 * Each is a common table expression: as a subquery it could name the columns of those before it. A mark behind the
 * columns of each says where those of the next begin.
 */
function joined(sqls: readonly string[]): { readonly text: string; readonly starts: readonly number[] } {
  const bytes = new TextEncoder();
  const starts: number[] = [];
  let text = "";
  let length = 0;
  for (const [at, sql] of sqls.entries()) {
    const before = `${at === 0 ? "WITH" : ","} ${nameOf(at)} AS (\n`;
    const whole = `${before}${withoutTerminators(sql)}\n)`;
    starts.push(length + before.length);
    text += whole;
    length += bytes.encode(whole).length;
  }
  const names = sqls.map((_, at) => nameOf(at));
  const list = names.map((name) => `${name}.*, 0 AS mark`).join(", ");
  return { text: `${text}\nSELECT ${list} FROM ${names.join(" POSITIONAL JOIN ")}`, starts };
}

const nameOf = (at: number): string => `_sluice_select_${at}`;

/** The columns of each, as far as the plan has them. */
function columnsOf(projection: unknown): (Column[] | undefined)[] {
  if (!isRecord(projection) || !Array.isArray(projection["expressions"])) return [];
  const columns: (Column[] | undefined)[] = [];
  let current: Column[] = [];
  let isWhole = true;
  for (const expression of projection["expressions"]) {
    if (!isRecord(expression)) return [];
    if (expression["expression_class"] === "BOUND_CONSTANT") {
      columns.push(isWhole && !hasNumbered(current) ? current : undefined);
      current = [];
      isWhole = true;
      continue;
    }
    // What is NULL in all rows becomes an INTEGER at the end.
    const named = expression["expression_class"] === "BOUND_CAST" ? expression["child"] : expression;
    const name = isRecord(named) ? named["alias"] : undefined;
    const type = typeText(expression["return_type"]);
    if (typeof name === "string" && type !== undefined) current.push({ name, type });
    else isWhole = false;
  }
  return columns;
}

/** DuckDB calls the second of two columns `id` of such a table `id_1`: their own names are seen alone only. */
function hasNumbered(columns: readonly Column[]): boolean {
  const names = new Set(columns.map(({ name }) => nameKey(name)));
  return columns.some(({ name }) => /_\d+$/.test(name) && names.has(nameKey(name.replace(/_\d+$/, ""))));
}

/** Types without parts, which the plan and DDL call the same. */
const PLAIN_TYPES: ReadonlySet<string> = new Set([
  "BOOLEAN",
  "TINYINT",
  "SMALLINT",
  "INTEGER",
  "BIGINT",
  "HUGEINT",
  "UTINYINT",
  "USMALLINT",
  "UINTEGER",
  "UBIGINT",
  "UHUGEINT",
  "FLOAT",
  "DOUBLE",
  "VARCHAR",
  "BLOB",
  "BIT",
  "UUID",
  "DATE",
  "TIME",
  "INTERVAL",
  "TIMESTAMP",
  "TIMESTAMP_S",
  "TIMESTAMP_MS",
  "TIMESTAMP_NS",
  "TIME WITH TIME ZONE",
  "TIMESTAMP WITH TIME ZONE",
]);

function typeText(type: unknown): string | undefined {
  if (!isRecord(type)) return undefined;
  const { id, type_info: info } = type;
  if (typeof id !== "string") return undefined;
  if (info === undefined) return PLAIN_TYPES.has(id) ? id : undefined;
  if (!isRecord(info) || info["alias"] !== undefined) return undefined;
  if (id === "DECIMAL" && typeof info["width"] === "number") {
    return `DECIMAL(${info["width"]},${info["scale"] ?? 0})`;
  }
  const child = id === "LIST" ? typeText(info["child_type"]) : undefined;
  return child === undefined ? undefined : `${child}[]`;
}
