import type { RevisionFile } from "../../../contract/revision.ts";

/** What the files are that make a pipeline's tables, by their paths in the project. */

/** Beside the models of a folder: what their headers say where they say nothing themselves. */
export const DEFAULTS_FILE = "_defaults.yaml";

/** Files of `CREATE MACRO` for the SQL of all pipelines. */
export const MACROS_FOLDER = "macros";

/** CSV files in git, each a table of its own, and beside one what is known of it. */
export const SEEDS_FOLDER = "seeds";
const SEED_HEADER = /\.ya?ml$/;

export type SqlFileKind = "model" | "defaults" | "macros" | "seed" | "seed header";

/** Undefined for a file that is none of them. */
export function kindOf(path: string): SqlFileKind | undefined {
  if (path.startsWith(`${SEEDS_FOLDER}/`)) {
    return path.endsWith(".csv") ? "seed" : SEED_HEADER.test(path) ? "seed header" : undefined;
  }
  if (path.startsWith(`${MACROS_FOLDER}/`)) return path.endsWith(".sql") ? "macros" : undefined;
  if (!path.startsWith("transforms/")) return undefined;
  if (path.endsWith(`/${DEFAULTS_FILE}`)) return "defaults";
  return path.endsWith(".sql") ? "model" : undefined;
}

/** `transforms/orders/staging/daily.sql` → `daily`, `seeds/countries.csv` → `countries`. */
export function modelName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\.(?:sql|csv|ya?ml)$/i, "");
}

/** Names of the tables and views of main that the files make. */
export function tablesMadeBy(files: readonly RevisionFile[]): string[] {
  return files.flatMap(({ path }) => ["model", "seed"].includes(kindOf(path) ?? "") ? [modelName(path)] : []);
}
