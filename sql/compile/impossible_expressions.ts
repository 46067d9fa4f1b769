import { quoteLiteral, SqlError, type SqlSession } from "../../contract/sql.ts";
import { isRecord } from "../../text/is_record.ts";
import { parseSerialized } from "../language/tree/serialized.ts";
import { offsetOfByte } from "../language/position.ts";
import { callOf, constantOf, judgedCall, type PlanConstant } from "./plan_constants.ts";
import { planType } from "./plan_types.ts";

/** A cast or a call that fails for every row. */
export interface ImpossibleExpression {
  readonly message: string;
  /** Whether rows may never get to it, as to a branch of CASE. */
  readonly isConditional: boolean;
  /** UTF-16 units from 0 in the SQL; undefined where DuckDB does not say. */
  readonly position: number | undefined;
  /** The constants in it as SQL writes them; none where its type alone is wrong. */
  readonly literals: readonly string[];
}

/**
 * Finds what binds in a query and cannot work. DuckDB binds `day = 5` to a cast of INTEGER to DATE for which it has no
 * conversion, and says so at the first row: an empty table hides it. So the bound plan is looked through, and each
 * pair of types tried with one value; what is made of constants alone is evaluated.
 */
export class ImpossibleExpressions {
  readonly #session: SqlSession;
  /** What DuckDB says of an expression, by its SQL; undefined for one that works. */
  readonly #tried = new Map<string, Promise<string | undefined>>();

  constructor(session: SqlSession) {
    this.#session = session;
  }

  /** Of one SELECT that binds; each place once. `session`: where it binds, that of this object unless given. */
  async find(sql: string, session: SqlSession = this.#session): Promise<ImpossibleExpression[]> {
    const serialize = `json_serialize_plan(${
      quoteLiteral(sql)
    }, skip_null := true, skip_empty := true, skip_default := true)`;
    const [row] = await session.rows(`SELECT ${serialize} AS plan`);
    const plan = row?.["plan"];
    return await this.findIn(sql, typeof plan === "string" ? parseSerialized(plan) : undefined);
  }

  /** Of a SELECT by its plan; it begins at `startByte` of what was planned. */
  async findIn(sql: string, plan: unknown, startByte = 0): Promise<ImpossibleExpression[]> {
    const found = new Map<string, ImpossibleExpression>();
    const failing: string[] = [];
    for (const one of suspectsIn(plan)) {
      // What holds one that fails fails, too.
      if (failing.some((inner) => one.tried.includes(inner))) continue;
      const said = await this.#try(one.tried);
      if (said === undefined) continue;
      failing.push(one.tried);
      const message = one.message(said);
      const position = one.location === undefined ? undefined : offsetOfByte(sql, one.location - startByte);
      const { isConditional, literals } = one;
      found.set(`${position} ${message}`, { message, position, isConditional, literals });
    }
    return [...found.values()];
  }

  #try(expression: string): Promise<string | undefined> {
    const known = this.#tried.get(expression);
    if (known !== undefined) return known;
    const tried = this.#session.rows(`SELECT ${expression} AS v`).then(
      () => undefined,
      (error) => {
        if (error instanceof SqlError && error.code !== "cancelled" && error.code !== "timeout") {
          return error.message.split("\n")[0];
        }
        throw error;
      },
    );
    this.#tried.set(expression, tried);
    return tried;
  }
}

/** What may fail for every row. */
interface Suspect {
  /** An expression that fails where it does. */
  readonly tried: string;
  /** With what DuckDB says of `tried`. */
  readonly message: (said: string) => string;
  /** UTF-8 bytes from 0. */
  readonly location: number | undefined;
  readonly isConditional: boolean;
  readonly literals: readonly string[];
}

type Node = Readonly<Record<string, unknown>>;

/** Inner ones before those that hold them. */
function* suspectsIn(value: unknown, isConditional = false): Generator<Suspect> {
  if (Array.isArray(value)) {
    for (const item of value) yield* suspectsIn(item, isConditional);
    return;
  }
  if (!isRecord(value)) return;
  // TRY(…) is there to take what fails.
  if (value["type"] === "OPERATOR_TRY") return;
  const isBranching = value["expression_class"] === "BOUND_CASE" || value["type"] === "OPERATOR_COALESCE";
  for (const child of Object.values(value)) yield* suspectsIn(child, isConditional || isBranching);
  const location = locationOf(value);
  if (value["expression_class"] === "BOUND_CAST" && value["try_cast"] !== true) {
    const cast = castSuspect(value);
    if (cast !== undefined) {
      const { isConstant, ...suspect } = cast;
      yield { ...suspect, location, isConditional: isConditional && isConstant };
    }
  }
  if (value["expression_class"] !== "BOUND_FUNCTION") return;
  const call = callOf(value) ?? judgedCall(value);
  if (call === undefined) return;
  const { sql: tried, shown, literals } = call;
  yield { tried, message: (said) => `${shown} can never work: ${said}`, location, isConditional, literals };
}

function castSuspect(
  node: Node,
): Pick<Suspect, "tried" | "message" | "literals"> & { readonly isConstant: boolean } | undefined {
  const child = node["child"];
  const to = planType(node["return_type"])?.text;
  if (!isRecord(child) || to === undefined) return undefined;
  const constant = constantOf(child);
  if (constant !== undefined) return { ...constantCast(constant, to), isConstant: true };
  const value = child["value"];
  const isConstant = child["expression_class"] === "BOUND_CONSTANT" && isRecord(value);
  if (isConstant && value["is_null"] === true) return undefined;
  const from = planType(isConstant ? value["type"] : child["return_type"]);
  if (from?.sample === undefined) return undefined;
  // Whether a list goes into an array depends on how long it is.
  if (/\[\d+\]/.test(to) && /\[\]/.test(from.text)) return undefined;
  const message = () =>
    `a value of type ${from.text} can never be one of type ${to}: the first row would fail here`;
  return { tried: `CAST(${from.sample} AS ${to})`, message, isConstant: false, literals: [] };
}

const constantCast = (
  { sql, shown, literals }: PlanConstant,
  to: string,
): Pick<Suspect, "tried" | "message" | "literals"> => ({
  literals,
  tried: `CAST(${sql} AS ${to})`,
  message: (said) => `${shown} can never be a value of type ${to}: ${said}`,
});

/** That of the literal, where a cast of it has none of its own. */
function locationOf(node: Node): number | undefined {
  const own = node["query_location"];
  if (typeof own === "number" && Number.isSafeInteger(own)) return own;
  const child = node["child"];
  return isRecord(child) ? locationOf(child) : undefined;
}
