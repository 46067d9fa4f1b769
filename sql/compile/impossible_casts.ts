import { quoteIdentifier, quoteLiteral, SqlError, type SqlSession } from "../../contract/sql.ts";
import { offsetOfByte } from "../language/position.ts";

/** A cast that fails for every value, or the cast of a constant that fails. */
export interface ImpossibleCast {
  readonly message: string;
  /** Whether rows may never get to it, as to a branch of CASE. */
  readonly isConditional: boolean;
  /** UTF-16 units from 0 in the SQL; undefined where DuckDB does not say. */
  readonly position: number | undefined;
}

/**
 * Finds the casts of a query that cannot work. DuckDB binds `day = 5` to a cast of INTEGER to DATE for which
 * it has no conversion, and says so at the first row: an empty table hides it. So the bound plan is looked
 * through, and each pair of types tried with one value; a constant is cast as it is.
 */
export class ImpossibleCasts {
  readonly #session: SqlSession;
  /** What DuckDB says of a cast, by its SQL; undefined for one that works. */
  readonly #tried = new Map<string, Promise<string | undefined>>();

  constructor(session: SqlSession) {
    this.#session = session;
  }

  /** Of one SELECT that binds; each place once. `session`: where it binds, that of this object unless given. */
  async find(sql: string, session: SqlSession = this.#session): Promise<ImpossibleCast[]> {
    const serialize = `json_serialize_plan(${
      quoteLiteral(sql)
    }, skip_null := true, skip_empty := true, skip_default := true)`;
    const [row] = await session.rows(`SELECT ${serialize} AS plan`);
    const serialized = row?.["plan"];
    return await this.findIn(sql, typeof serialized === "string" ? JSON.parse(serialized) : undefined);
  }

  /** Of a SELECT by its plan; it begins at `startByte` of what was planned. */
  async findIn(sql: string, plan: unknown, startByte = 0): Promise<ImpossibleCast[]> {
    const found = new Map<string, ImpossibleCast>();
    for (const cast of castsOf(plan)) {
      const message = await this.#messageOf(cast);
      if (message === undefined) continue;
      const position = cast.location === undefined ? undefined : offsetOfByte(sql, cast.location - startByte);
      found.set(`${position} ${message}`, { message, position, isConditional: cast.isConditional });
    }
    return [...found.values()];
  }

  async #messageOf({ constant, from, to }: PlannedCast): Promise<string | undefined> {
    if (constant !== undefined) {
      const said = await this.#try(`CAST(${constant} AS ${to})`);
      return said === undefined ? undefined : `${constant} can never be a value of type ${to}: ${said}`;
    }
    if (from.sample === undefined) return undefined;
    const said = await this.#try(`CAST(${from.sample} AS ${to})`);
    return said === undefined
      ? undefined
      : `a value of type ${from.text} can never be one of type ${to}: the first row would fail here`;
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

interface PlannedCast {
  /** The SQL of a constant that is cast. */
  readonly constant: string | undefined;
  readonly from: KnownType;
  readonly to: string;
  /** UTF-8 bytes from 0. */
  readonly location: number | undefined;
  readonly isConditional: boolean;
}

type Node = Readonly<Record<string, unknown>>;

function* castsOf(value: unknown, isConditional = false): Generator<PlannedCast> {
  if (Array.isArray(value)) {
    for (const item of value) yield* castsOf(item, isConditional);
    return;
  }
  if (!isNode(value)) return;
  // TRY(…) is there to take what fails.
  if (value["type"] === "OPERATOR_TRY") return;
  if (value["expression_class"] === "BOUND_CAST" && value["try_cast"] !== true) {
    const cast = castOf(value);
    if (cast !== undefined) yield { ...cast, isConditional: isConditional && cast.constant !== undefined };
  }
  const isBranching = value["expression_class"] === "BOUND_CASE" || value["type"] === "OPERATOR_COALESCE";
  for (const child of Object.values(value)) yield* castsOf(child, isConditional || isBranching);
}

function castOf(node: Node): Omit<PlannedCast, "isConditional"> | undefined {
  const child = node["child"];
  const to = typeOf(node["return_type"]);
  if (!isNode(child) || to === undefined) return undefined;
  const value = child["value"];
  const isConstant = child["expression_class"] === "BOUND_CONSTANT";
  const type = isConstant && isNode(value) ? value["type"] : child["return_type"];
  const from = typeOf(type);
  if (from === undefined) return undefined;
  // Whether a list goes into an array depends on how long it is.
  if (/\[\d+\]/.test(to.text) && /\[\]/.test(from.text)) return undefined;
  const constant = isConstant && isNode(value) ? constantOf(value, from.text) : undefined;
  // A text may become anything: only a constant one is known.
  if (
    constant === undefined &&
    (from.text === "VARCHAR" || isConstant && isNode(value) && value["is_null"] === true)
  ) {
    return undefined;
  }
  const location = node["query_location"];
  return {
    constant,
    from,
    to: to.text,
    location: typeof location === "number" && Number.isSafeInteger(location) ? location : undefined,
  };
}

/** Texts, numbers and truth values; other constants are taken by their type. */
function constantOf({ value, is_null: isNull }: Node, type: string): string | undefined {
  if (isNull === true) return undefined;
  // What is empty is left out of the plan.
  if (type === "VARCHAR") return quoteLiteral(typeof value === "string" ? value : "");
  if (/^U?(?:TINY|SMALL|BIG)?INT(?:EGER)?$/.test(type) || type === "DOUBLE" || type === "FLOAT") {
    return typeof value === "number" && Number.isFinite(value) ? `${value}::${type}` : undefined;
  }
  return undefined;
}

/** A type as SQL writes it, with a value of it that goes into whatever it can be cast to. */
interface KnownType {
  readonly text: string;
  readonly sample: string | undefined;
}

/** Samples of types without parts; those that are not here are not looked at. */
const SAMPLES: Readonly<Record<string, string | undefined>> = {
  BOOLEAN: "false",
  TINYINT: "0",
  SMALLINT: "0",
  INTEGER: "0",
  BIGINT: "0",
  HUGEINT: "0",
  UTINYINT: "0",
  USMALLINT: "0",
  UINTEGER: "0",
  UBIGINT: "0",
  UHUGEINT: "0",
  FLOAT: "0",
  DOUBLE: "0",
  VARCHAR: undefined,
  DATE: "'2000-01-01'",
  TIME: "'01:00:00'",
  "TIME WITH TIME ZONE": "'01:00:00+00'",
  TIMESTAMP: "'2000-01-01 01:00:00'",
  TIMESTAMP_S: "'2000-01-01 01:00:00'",
  TIMESTAMP_MS: "'2000-01-01 01:00:00'",
  TIMESTAMP_NS: "'2000-01-01 01:00:00'",
  "TIMESTAMP WITH TIME ZONE": "'2000-01-01 01:00:00+00'",
  INTERVAL: "'1 day'",
  BLOB: "'1'",
  BIT: "'1'",
  UUID: "'00000000-0000-0000-0000-000000000001'",
};

/** A type of the plan; undefined for one that this does not know, as an enumeration. */
function typeOf(node: unknown): KnownType | undefined {
  if (!isNode(node)) return undefined;
  const { id, type_info: info } = node;
  if (typeof id !== "string") return undefined;
  if (Object.hasOwn(SAMPLES, id)) {
    // Another name for it, as JSON for VARCHAR, has casts of its own.
    if (isNode(info)) return undefined;
    const sample = SAMPLES[id];
    return { text: id, sample: sample === undefined ? undefined : `${sample}::${id}` };
  }
  if (!isNode(info) || (typeof info["alias"] === "string" && info["alias"] !== "")) return undefined;
  switch (id) {
    case "DECIMAL":
      return withSample(`DECIMAL(${info["width"] ?? 18}, ${info["scale"] ?? 0})`, "0");
    case "LIST": {
      const child = typeOf(info["child_type"]);
      return child && { text: `${child.text}[]`, sample: child.sample && `[${child.sample}]` };
    }
    case "ARRAY": {
      const child = typeOf(info["child_type"]);
      const size = Number(info["size"]);
      if (child === undefined || !(size > 0 && size < 1000)) return undefined;
      const items = Array.from({ length: size }, () => child.sample).join(", ");
      return { text: `${child.text}[${size}]`, sample: child.sample && `array_value(${items})` };
    }
    case "STRUCT":
      return structOf(info["child_types"]);
  }
  return undefined;
}

function structOf(children: unknown): KnownType | undefined {
  if (!Array.isArray(children) || children.length === 0) return undefined;
  const fields: string[] = [];
  const values: string[] = [];
  let hasSample = true;
  for (const child of children) {
    if (!isNode(child) || typeof child["first"] !== "string" || child["first"] === "") return undefined;
    const type = typeOf(child["second"]);
    if (type === undefined) return undefined;
    fields.push(`${quoteIdentifier(child["first"])} ${type.text}`);
    values.push(`${quoteIdentifier(child["first"])} := ${type.sample}`);
    hasSample &&= type.sample !== undefined;
  }
  return {
    text: `STRUCT(${fields.join(", ")})`,
    sample: hasSample ? `struct_pack(${values.join(", ")})` : undefined,
  };
}

const withSample = (text: string, value: string): KnownType => ({ text, sample: `${value}::${text}` });

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null;
}
