import { nameFault } from "../../../contract/names.ts";
import { type Context, createContext } from "./context/context.ts";
import type { Answer, KnownColumn, Tables } from "./context/rendering.ts";
import type { Findings } from "./findings.ts";
import { createHooks } from "./models/hooks.ts";
import type { ModelWork, Variable } from "./models/imported_model.ts";
import { writtenSnapshots } from "./models/snapshots.ts";
import { readCatalog } from "./project/catalog.ts";
import { createFileSettings, type FileSettings } from "./project/file_settings.ts";
import { readManifest } from "./project/manifest.ts";
import { streamNames, uniqueFiles } from "./project/names.ts";
import { type Properties, readProperties } from "./project/properties.ts";
import type { DbtFile, DbtProject, Dict } from "./project/read_project.ts";
import { createTables } from "./project/tables.ts";
import { targetSchemaOf } from "./project/target.ts";
import { variablesOf } from "./project/variables.ts";
import type { CheckContext } from "./tests/checks.ts";
import { ownTest } from "./tests/own_tests.ts";

export interface ImportRequest {
  /** The pipeline's name; undefined: the dbt project's. */
  readonly pipeline: string | undefined;
  readonly vars: Dict;
  /** Absolute: where the new project is going to be. */
  readonly outDir: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** dbt's schema for what it builds; undefined: that of profiles.yml in the project. */
  readonly targetSchema?: string | undefined;
  /** Columns that the compile gate found an earlier plan's models to have, by their names. */
  readonly found?: ReadonlyMap<string, readonly KnownColumn[]>;
  /** What queries of templates gave when they were asked, by their SQL. */
  readonly answers?: ReadonlyMap<string, Answer>;
  /** Models and seeds that the compile gate found not to work, and why, by their names. */
  readonly faulty?: ReadonlyMap<string, string>;
}

/** What all parts of a plan look things up in. */
export interface Plan {
  readonly project: DbtProject;
  readonly properties: Properties;
  readonly context: Context;
  readonly settingsOf: FileSettings;
  readonly work: ModelWork;
  readonly variables: ReadonlyMap<string, Variable>;
  readonly streams: ReadonlyMap<string, string>;
  readonly models: readonly DbtFile[];
  readonly seeds: readonly DbtFile[];
  readonly snapshots: ReturnType<typeof writtenSnapshots>;
  readonly wanted: ReadonlySet<string>;
  readonly asked: ReadonlySet<string>;
  /** Files of models that are left out, and why, by their names. */
  readonly leftOut: ReadonlyMap<string, string>;
  checks(file: string): CheckContext;
}

export function startPlan(project: DbtProject, request: ImportRequest, findings: Findings): Plan {
  const properties = readProperties(project, findings);
  const streams = streamNames(properties.sources, findings);
  const snapshots = writtenSnapshots(project, properties.snapshots);
  const manifest = readManifest(project.manifest);
  const beside = manifest.modelsBeside(new Set(project.packages.map(({ name }) => name)));
  const files = uniqueFiles(
    // The project's own come last.
    [...beside, ...project.files.models].filter(({ text }) => !text.includes("endsnapshot")),
    findings,
  );
  const seeds = uniqueFiles(project.files.seeds.filter(({ path }) => path.endsWith(".csv")), findings);
  const leftOut = new Map<string, string>();
  const models = files.filter((file) => isSql(file, leftOut, findings));
  const wanted = new Set<string>();
  const asked = new Set<string>();
  let made: Tables | undefined;
  const known = (): Tables => {
    made ??= createTables({
      properties,
      streams,
      models: [...[...models, ...snapshots].map(({ name }) => name), ...leftOut.keys()],
      seeds,
      catalog: readCatalog(project.catalog),
      found: request.found ?? new Map(),
      targetSchema: request.targetSchema ?? targetSchemaOf(project),
      seedSettings: (seed) => settingsOf(seed, "seeds"),
      settings: (name) => {
        const model = models.find((file) => file.name === name);
        return model === undefined ? {} : settingsOf(model, "models");
      },
      render: (text, file) => context.renderText(text, file),
    });
    return made;
  };
  // Their names have templates in them, which need the context.
  const tables: Tables = {
    reference: (name, version) => known().reference(name, version),
    source: (source, table) => known().source(source, table),
    find: (schema, identifier) => known().find(schema, identifier),
    columns: (sql) => {
      const columns = known().columns(sql);
      if (columns === undefined) wanted.add(sql);
      return columns;
    },
  };
  const context = createContext({
    project,
    vars: variablesOf(project, request.vars),
    findings,
    now: request.now,
    queries: { answer: (sql) => request.answers?.get(sql) },
    onQueries: (sql) => {
      for (const one of sql) asked.add(one);
    },
    tables,
  });
  const settingsOf = createFileSettings(project, properties, context, findings);
  const variables = new Map<string, Variable>();
  const checks = (file: string): CheckContext => ({
    table: (text) => tableOf(text, context),
    ownTest: (name, args) => ownTest(name, args, file, context),
    hand: (message) => findings.hand(file, message),
    note: (message) => findings.note(file, message),
    describe: (text) => context.describe(text),
    render: (text) => context.describe(text),
  });
  const hooks = createHooks((text) => context.renderText(text, "dbt_project.yml"));
  const work = { context, findings, manifest, tables, hooks, variables, checks };
  return {
    project,
    properties,
    context,
    settingsOf,
    work,
    variables,
    streams,
    models,
    seeds,
    snapshots,
    wanted,
    asked,
    leftOut,
    checks,
  };
}

/** What is none is left out, and told where it makes a table in dbt. */
function isSql(file: DbtFile, leftOut: Map<string, string>, findings: Findings): boolean {
  const why = whyLeftOut(file);
  if (why === undefined) return file.path.endsWith(".sql");
  findings.hand(file.path, `is left out: ${why}`);
  leftOut.set(file.name, why);
  return false;
}

function whyLeftOut({ path, name }: DbtFile): string | undefined {
  if (path.endsWith(".py")) return "a model in Python is a script of a stream here";
  return path.endsWith(".sql") ? nameFault("model", name) : undefined;
}

/** `ref('orders')` and `source('shop', 'orders')` in a text, as a name in SQL. */
export function tableOf(text: string, context: Context): string | undefined {
  const call = text.trim().replace(/^\{\{\s*|\s*\}\}$/g, "");
  if (!/^(?:ref|source)\s*\(/.test(call)) return undefined;
  try {
    return context.renderText(`{{ ${call} }}`, "");
  } catch {
    return undefined;
  }
}
