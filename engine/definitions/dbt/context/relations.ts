import { AppError } from "../../../../contract/errors.ts";
import { type JinjaFunction, type JinjaObject, textOf, type Value } from "../jinja/values.ts";
import { ofBatch } from "../models/microbatch.ts";
import type { KnownTable, RenderingState, Tables } from "./rendering.ts";

/** Tables as templates have them: `ref()`, `source()`, `this`, and what of a relation they look at. */

/** `text` is the relation in SQL; the rest is what dbt calls it. */
export function relation(
  text: string,
  { schema, identifier, type = "table" }: { schema: string; identifier: string; type?: string },
): JinjaObject {
  const attributes: Readonly<Record<string, Value>> = {
    identifier,
    name: identifier,
    table: identifier,
    alias: identifier,
    schema,
    database: "main",
    type,
    is_table: type === "table",
    is_view: type === "view",
    is_cte: false,
    columns: undefined,
  };
  const self: JinjaObject = {
    get(key) {
      if (["include", "quote", "render", "without_identifier", "incorporate"].includes(key)) {
        return () => self;
      }
      return Object.hasOwn(attributes, key) ? attributes[key] : undefined;
    },
    text: () => text,
  };
  return self;
}

export interface RelationFunctions {
  readonly ref: JinjaFunction;
  readonly source: JinjaFunction;
  /** The relation of a table that the text uses from now on. */
  use(table: KnownTable): JinjaObject;
}

export function relationFunctions(tables: Tables, state: RenderingState): RelationFunctions {
  const use = (table: KnownTable): JinjaObject => {
    const { schema, identifier, eventTime } = table;
    (table.isStream ? state.sources : state.references).add(table.name);
    const isPlain = table.isStream || state.current?.taken(table.sql) === false;
    const whole = relation(isPlain ? table.sql : `main.${table.sql}`, { schema, identifier });
    if (state.current?.isBatch !== true || eventTime === undefined) return whole;
    state.batched.add(table.name);
    return {
      // `ref('x').render()` asks for all rows.
      get: (key) => key === "render" ? () => whole : whole.get(key),
      text: () => ofBatch(whole.text(), eventTime),
    };
  };
  return {
    use,
    ref(args, kwargs) {
      const name = textOf(args.length > 1 ? args[1] : args[0]);
      const version = kwargs.get("v") ?? kwargs.get("version");
      const found = tables.reference(name, version === undefined ? undefined : textOf(version));
      if (found === undefined) {
        throw new AppError("invalid", `ref('${name}'): there is no such model, seed or snapshot`);
      }
      return use(found);
    },
    source([of, table]) {
      const found = tables.source(textOf(of), textOf(table));
      if (found === undefined) {
        throw new AppError(
          "invalid",
          `source('${textOf(of)}', '${textOf(table)}'): no YAML file describes this table`,
        );
      }
      return use(found);
    },
  };
}
