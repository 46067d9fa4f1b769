import type { Context } from "../context/context.ts";
import { relation } from "../context/relations.ts";
import { type Value, valueOf } from "../jinja/values.ts";
import type { Dict } from "../project/read_project.ts";

/** The SQL of a generic test of the project or of a package; undefined where there is none that can be rendered. */
export function ownTest(name: string, args: Dict, file: string, context: Context): string | undefined {
  const { model, column_name: column, ...others } = args;
  const values = new Map(
    Object.entries(others).map(([key, value]) => [key, argumentOf(value, file, context)]),
  );
  if (model !== undefined) {
    const text = String(model);
    values.set("model", relation(text, { schema: "main", identifier: text.replace(/^(?:main|raw)\./, "") }));
  }
  if (column !== undefined) values.set("column_name", String(column));
  const rendering = { file, text: "", name: "", settings: {}, isIncremental: false, taken: () => false };
  try {
    return context.renderTest(name, values, rendering)?.sql.trim();
  } catch {
    return undefined;
  }
}

/** dbt works out what looks like one of its own functions, and templates. */
function argumentOf(value: unknown, file: string, context: Context): Value {
  if (typeof value !== "string") return valueOf(value);
  try {
    if (/^\s*(?:env_var|ref|var|source|doc)\s*\(.+\)\s*$/s.test(value)) return context.evaluate(value, file);
    return context.renderText(value, file);
  } catch {
    return value;
  }
}
