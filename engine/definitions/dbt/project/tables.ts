import { isRecord } from "../../../../text/is_record.ts";
import type { KnownColumn, KnownTable, Tables } from "../context/rendering.ts";
import type { Catalog } from "./catalog.ts";
import { readSeedCsv } from "./seed_csv.ts";
import type { Properties, SourceTable } from "./properties.ts";
import type { DbtFile, Dict } from "./read_project.ts";
import { referenceNames } from "./names.ts";
import { listOf, optionalText } from "./settings.ts";

/** The tables of a dbt project, and the columns that its files say they have. */

export interface TablesWork {
  readonly properties: Properties;
  /** The stream of each table of a source, by `source.table`. */
  readonly streams: ReadonlyMap<string, string>;
  readonly models: readonly string[];
  readonly seeds: readonly DbtFile[];
  readonly catalog: Catalog;
  /** Those of models that the compile gate has found, by the model's name. */
  readonly found: ReadonlyMap<string, readonly KnownColumn[]>;
  /** dbt's schema for what it builds; undefined where no profile says it. */
  readonly targetSchema: string | undefined;
  seedSettings(seed: DbtFile): Dict;
  /** The settings of a model, seed or snapshot by its name. */
  settings(name: string): Dict;
  /** A text of YAML without its template. */
  render(text: string, file: string): string;
}

export function createTables(work: TablesWork): Tables {
  const { properties, streams, seeds, catalog, found, targetSchema } = work;
  const known = new Set([...work.models, ...seeds.map(({ name }) => name)]);
  const nameOf = referenceNames(known, properties);
  const seedsByName = new Map(seeds.map((seed) => [seed.name.toLowerCase(), seed]));
  const ofSources = new Map<string, KnownTable>();

  const rendered = (text: string, file: string): string => {
    try {
      return work.render(text, file).trim();
    } catch {
      return text;
    }
  };
  /** A source that is what the project itself loads: `dbt seed` puts it where `source()` reads it. */
  const seedOf = (schema: string, identifier: string): DbtFile | undefined => {
    const seed = seedsByName.get(identifier.toLowerCase()) ??
      seeds.find((one) => String(work.seedSettings(one)["alias"]).toLowerCase() === identifier.toLowerCase());
    if (seed === undefined) return undefined;
    const settings = work.seedSettings(seed);
    if (settings["enabled"] === false) return undefined;
    const own = optionalText(settings["schema"]);
    const schemas = own === undefined ? [targetSchema] : [own, `${targetSchema ?? ""}_${own}`];
    return schemas.some((one) => one?.toLowerCase() === schema.toLowerCase()) ? seed : undefined;
  };
  const sourceTable = ({ file, source, sourceName, table, name }: SourceTable): KnownTable => {
    const schema = rendered(optionalText(source["schema"]) ?? sourceName, file);
    const identifier = rendered(optionalText(table["identifier"]) ?? name, file);
    const seed = seedOf(schema, identifier);
    const eventTime = [source, table].flatMap((level) => [level["config"], level]).filter(isRecord)
      .map((level) => optionalText(level["event_time"])).findLast((one) => one !== undefined);
    const stream = streams.get(`${sourceName}.${name}`) ?? name;
    return seed === undefined
      ? { sql: `raw.${stream}`, name: stream, isStream: true, schema, identifier, eventTime }
      : { sql: seed.name, name: seed.name, isStream: false, schema, identifier };
  };
  for (const source of properties.sources) {
    const key = `${source.sourceName}.${source.name}`;
    // Of two that describe it the first counts that is switched on.
    if (!ofSources.has(key)) ofSources.set(key, sourceTable(source));
  }
  const modelTable = (name: string): KnownTable => ({
    sql: name,
    name,
    isStream: false,
    schema: "main",
    identifier: name,
    eventTime: optionalText(work.settings(name)["event_time"]),
  });
  const ofStream = (stream: string): readonly KnownColumn[] | undefined => {
    const key = [...ofSources].find(([, table]) => table.isStream && table.name === stream)?.[0];
    if (key === undefined) return undefined;
    const source = properties.sources.find(({ sourceName, name }) => `${sourceName}.${name}` === key);
    return catalog.source(key) ?? describedColumns(source?.table);
  };
  return {
    reference: (name, version) => {
      const of = nameOf(name, version);
      return of === undefined ? undefined : modelTable(of);
    },
    source: (source, table) => ofSources.get(`${source}.${table}`),
    find(schema, identifier) {
      const wanted = identifier.toLowerCase();
      const isThere = (table: KnownTable) =>
        table.identifier.toLowerCase() === wanted &&
        (schema === undefined || schema === "" || table.schema.toLowerCase() === schema.toLowerCase());
      const name = [...known].find((one) => one.toLowerCase() === wanted);
      return [...ofSources.values()].find(isThere) ?? (name === undefined ? undefined : modelTable(name));
    },
    columns(sql) {
      const name = sql.replace(/^main\./, "");
      if (name.startsWith("raw.")) return ofStream(name.slice(4));
      const seed = seedsByName.get(name.toLowerCase());
      return found.get(name) ??
        (seed === undefined ? catalog.model(name) : seedColumns(seed, work.seedSettings(seed)));
    },
  };
}

/** The columns of a YAML file, in the order in which it describes them. */
function describedColumns(table: Dict | undefined): readonly KnownColumn[] | undefined {
  const columns = listOf(table?.["columns"]).filter(isRecord).flatMap((column) => {
    const name = optionalText(column["name"]);
    return name === undefined ? [] : [{ name, type: optionalText(column["data_type"]) }];
  });
  return columns.length === 0 ? undefined : columns;
}

function seedColumns(seed: DbtFile, settings: Dict): readonly KnownColumn[] {
  const types = isRecord(settings["column_types"]) ? settings["column_types"] : {};
  return readSeedCsv(seed, settings).columns.map((name) => ({ name, type: optionalText(types[name]) }));
}
