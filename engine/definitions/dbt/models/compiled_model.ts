import type { Tables } from "../context/rendering.ts";
import type { CompiledModel } from "../project/manifest.ts";

/** A model as dbt has compiled it, with the tables of the new project in the place of those of dbt's database. */
export interface CompiledSql {
  readonly sql: string;
  readonly sources: ReadonlySet<string>;
  readonly references: ReadonlySet<string>;
}

/** `taken`: names that a WITH of the text has. Undefined where it reads a table that the project does not have. */
export function compiledSql(
  { sql, tables }: CompiledModel,
  known: Tables,
  taken: (name: string) => boolean,
): CompiledSql | undefined {
  const sources = new Set<string>();
  const references = new Set<string>();
  let text = sql;
  // A longer name may begin with a shorter one.
  const texts = [...tables].toSorted(([a], [b]) => b.length - a.length);
  for (const [written, table] of texts) {
    if (!text.includes(written)) continue;
    const found = table.kind === "model"
      ? known.reference(table.name, table.version)
      : known.source(table.source, table.name);
    if (found === undefined) return undefined;
    (found.isStream ? sources : references).add(found.name);
    text = text.replaceAll(written, found.isStream || !taken(found.sql) ? found.sql : `main.${found.sql}`);
  }
  return { sql: text, sources, references };
}
