import { nameKey } from "../../../contract/sql.ts";
import { nameParts } from "./name_parts.ts";

/** A table that a query names. */
export interface TableReference {
  /** The database, in a name of three parts. */
  readonly catalog?: string;
  readonly schema?: string;
  readonly name: string;
  /** UTF-16 units from 0 in the SQL; `undefined` where DuckDB does not say. */
  readonly position?: number;
}

/** A function by its name in lower case. */
export interface FunctionReference {
  readonly name: string;
  readonly position?: number;
}

/** A table function such as `range(…)` in FROM. */
export interface TableFunctionReference extends FunctionReference {
  /** For `query_table`: whether the names of its tables are plain texts. */
  readonly hasConstantTables?: boolean;
}

/** `getvariable('name')`. */
export interface VariableReference {
  /** Undefined where it is no plain text. */
  readonly name: string | undefined;
  readonly position?: number;
}

/** What a query refers to, each as often as it is named, in no order that means anything. */
export interface ParseTree {
  readonly tables: readonly TableReference[];
  readonly functions: readonly TableFunctionReference[];
  /** Functions in expressions, without operators. */
  readonly scalars: readonly FunctionReference[];
  readonly variables: readonly VariableReference[];
  /** The tree itself, as json_serialize_sql writes it without what is empty. */
  readonly statement: unknown;
}

type Node = Readonly<Record<string, unknown>>;

/** Names of the common table expressions in reach, as nameKey has them. */
type Scope = ReadonlySet<string>;

/**
 * Reads a statement of `json_serialize_sql`. `offsetOf` turns DuckDB's byte offsets into those of the text.
 */
export function readTree(statement: unknown, offsetOf: (byteOffset: number) => number): ParseTree {
  const walk = new TreeWalk(statement, offsetOf);
  walk.visit(statement, new Set());
  return walk;
}

class TreeWalk implements ParseTree {
  readonly tables: TableReference[] = [];
  readonly functions: TableFunctionReference[] = [];
  readonly scalars: FunctionReference[] = [];
  readonly variables: VariableReference[] = [];
  readonly statement: unknown;
  readonly #offsetOf: (byteOffset: number) => number;

  constructor(statement: unknown, offsetOf: (byteOffset: number) => number) {
    this.statement = statement;
    this.#offsetOf = offsetOf;
  }

  visit(value: unknown, scope: Scope): void {
    if (Array.isArray(value)) {
      for (const item of value) this.visit(item, scope);
    } else if (isNode(value)) {
      this.#visitNode(value, scope);
    }
  }

  #visitNode(node: Node, outer: Scope): void {
    const scope = this.#visitCtes(node, outer);
    switch (node["type"]) {
      case "BASE_TABLE":
        this.#addTable(node, scope);
        break;
      case "TABLE_FUNCTION":
        this.#addTableFunction(node, scope);
        break;
      case "FUNCTION":
        this.#addScalar(node);
        break;
      case "RECURSIVE_CTE_NODE":
        this.#visitRecursive(node, scope);
        return;
    }
    // A macro may be called with OVER, too.
    if (node["class"] === "WINDOW") this.#addScalar(node);
    for (const [key, child] of Object.entries(node)) {
      if (key !== "cte_map") this.visit(child, scope);
    }
  }

  /** A common table expression sees those before it; only a recursive one sees itself. */
  #visitCtes(node: Node, outer: Scope): Scope {
    const map = node["cte_map"];
    const entries = isNode(map) && Array.isArray(map["map"]) ? map["map"] : [];
    if (entries.length === 0) return outer;
    const scope = new Set(outer);
    for (const entry of entries) {
      if (!isNode(entry)) continue;
      this.visit(entry["value"], scope);
      scope.add(nameKey(String(entry["key"])));
    }
    return scope;
  }

  /** Its first part is bound before its name is known. */
  #visitRecursive(node: Node, scope: Scope): void {
    const inside = new Set(scope).add(nameKey(String(node["cte_name"])));
    for (const [key, child] of Object.entries(node)) {
      if (key !== "cte_map") this.visit(child, key === "right" ? inside : scope);
    }
  }

  #addTable(node: Node, scope: Scope): void {
    const name = textOf(node["table_name"]);
    if (name === undefined) return;
    const schema = textOf(node["schema_name"]);
    const catalog = textOf(node["catalog_name"]);
    // In a recursive one with USING KEY, `recurring.t` is all that `t` has so far.
    const isOwn = schema === undefined || nameKey(schema) === "recurring";
    if (isOwn && catalog === undefined && scope.has(nameKey(name))) return;
    this.tables.push({
      ...(catalog === undefined ? {} : { catalog }),
      ...(schema === undefined ? {} : { schema }),
      name,
      ...this.#position(node),
    });
  }

  #addTableFunction(node: Node, scope: Scope): void {
    const call = node["function"];
    if (!isNode(call)) return;
    const name = textOf(call["function_name"])?.toLowerCase();
    if (name === undefined) return;
    if (name !== "query_table") {
      this.functions.push({ name, ...this.#position(node) });
      return;
    }
    const hasConstantTables = isConstantTexts(call["children"]);
    this.functions.push({ name, hasConstantTables, ...this.#position(node) });
    for (const text of constantTexts(call["children"])) this.#addNamedTable(text, node, scope);
  }

  /** `query_table('raw.orders')` names its table in a text. */
  #addNamedTable(text: string, node: Node, scope: Scope): void {
    const [name, schema, catalog] = nameParts(text).reverse();
    const location = node["query_location"];
    this.#addTable(
      { table_name: name, schema_name: schema, catalog_name: catalog, query_location: location },
      scope,
    );
  }

  #addScalar(node: Node): void {
    const called = textOf(node["function_name"])?.toLowerCase();
    if (called === undefined || node["is_operator"] === true) return;
    this.scalars.push({ name: called, ...this.#position(node) });
    if (called !== "getvariable") return;
    const children = node["children"];
    const [name] = constantTexts(Array.isArray(children) ? children.slice(0, 1) : []);
    this.variables.push({ name, ...this.#position(node) });
  }

  /** DuckDB writes the greatest 64-bit number where it has no place. */
  #position(node: Node): { position?: number } {
    const location = node["query_location"];
    if (typeof location !== "number" || !Number.isSafeInteger(location)) return {};
    return { position: this.#offsetOf(location) };
  }
}

/** The texts among constants and lists of constants. */
function constantTexts(nodes: unknown): string[] {
  if (!Array.isArray(nodes)) return [];
  return nodes.flatMap((node): string[] => {
    if (!isNode(node)) return [];
    if (node["function_name"] === "list_value") return constantTexts(node["children"]);
    const value = node["value"];
    return isNode(value) && typeof value["value"] === "string" ? [value["value"]] : [];
  });
}

/** Whether the first argument is a text, or a list of nothing else. */
function isConstantTexts(nodes: unknown): boolean {
  const [first]: unknown[] = Array.isArray(nodes) ? nodes : [];
  if (!isNode(first)) return false;
  if (first["function_name"] !== "list_value") return constantTexts([first]).length === 1;
  const items = first["children"];
  return Array.isArray(items) && items.length > 0 &&
    items.every((item) => constantTexts([item]).length === 1);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null;
}
