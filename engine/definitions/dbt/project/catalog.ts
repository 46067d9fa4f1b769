import { isRecord } from "../../../../text/is_record.ts";
import type { KnownColumn } from "../context/rendering.ts";

/** What `dbt docs generate` has written into target/catalog.json: the columns of all tables, as the database has them. */
export interface Catalog {
  /** By the model's, seed's or snapshot's name. */
  model(name: string): readonly KnownColumn[] | undefined;
  /** By `source.table`. */
  source(key: string): readonly KnownColumn[] | undefined;
}

/** `value` is the parsed file. What is no catalogue has no tables. */
export function readCatalog(value: unknown): Catalog {
  const tables = (key: "nodes" | "sources", nameOf: (id: readonly string[]) => string) => {
    const entries = isRecord(value) && isRecord(value[key]) ? Object.entries(value[key]) : [];
    return new Map(entries.map(([id, entry]) => [nameOf(id.split(".")), columnsOf(entry)]));
  };
  const models = tables("nodes", ([, , name = ""]) => name);
  const sources = tables("sources", ([, , source = "", table = ""]) => `${source}.${table}`);
  return { model: (name) => models.get(name), source: (key) => sources.get(key) };
}

function columnsOf(entry: unknown): readonly KnownColumn[] {
  const columns = isRecord(entry) && isRecord(entry["columns"]) ? Object.values(entry["columns"]) : [];
  return columns.filter(isRecord).toSorted((a, b) => Number(a["index"]) - Number(b["index"])).map(
    ({ name, type }) => ({ name: String(name), type: typeof type === "string" ? type : undefined }),
  );
}
