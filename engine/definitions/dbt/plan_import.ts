import { AppError } from "../../../contract/errors.ts";
import { nameFault } from "../../../contract/names.ts";
import { isRecord } from "../../../text/is_record.ts";
import { type Context, createContext } from "./context/context.ts";
import type { KnownColumn, Tables } from "./context/rendering.ts";
import { createFindings, type Finding, type Findings } from "./findings.ts";
import { createHooks } from "./models/hooks.ts";
import { importModel, takenNames } from "./models/import_model.ts";
import type { ImportedModel, ModelWork, Variable } from "./models/imported_model.ts";
import { seedFiles } from "./models/seeds.ts";
import { importSnapshot, writtenSnapshots } from "./models/snapshots.ts";
import { extractOf } from "./models/extract.ts";
import { modelText, type PlannedFile, yamlText } from "./planned_file.ts";
import { readCatalog } from "./project/catalog.ts";
import { createFileSettings, type FileSettings } from "./project/file_settings.ts";
import { plainName, streamNames, uniqueFiles } from "./project/names.ts";
import { type Properties, readProperties } from "./project/properties.ts";
import type { DbtFile, DbtProject, Dict } from "./project/read_project.ts";
import { listOf } from "./project/settings.ts";
import { createTables } from "./project/tables.ts";
import { targetSchemaOf } from "./project/target.ts";
import { variablesOf } from "./project/variables.ts";
import type { CheckContext } from "./tests/checks.ts";
import { ownTest } from "./tests/own_tests.ts";
import { addSingularTests } from "./tests/singular_tests.ts";
import { unitTestsOf } from "./tests/unit_tests.ts";

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
}

export interface PlannedImport {
  readonly pipeline: string;
  readonly files: readonly PlannedFile[];
  readonly findings: readonly Finding[];
  readonly counts: Readonly<
    Record<"models" | "seeds" | "snapshots" | "sources" | "checks" | "tests", number>
  >;
  readonly exposures: readonly Dict[];
  /** Files of models, from the new project's folder, that nobody has to look at as far as the import can tell. */
  readonly whole: ReadonlySet<string>;
  /** Files of models whose text is still a template. */
  readonly templates: ReadonlySet<string>;
  /** Models whose columns a template asks for and no file says: another plan with them comes further. */
  readonly wanted: ReadonlySet<string>;
}

/** What a dbt project is as a project of ours; nothing is written. Throws `invalid` for a pipeline's name that cannot be. */
export function planImport(project: DbtProject, request: ImportRequest): PlannedImport {
  const pipeline = request.pipeline ?? plainName(project.root.name);
  const wrong = nameFault("pipeline", pipeline);
  if (wrong !== undefined) throw new AppError("invalid", `The pipeline "${pipeline}": ${wrong}`);
  const findings = createFindings();
  const plan = startPlan(project, request, findings);
  const { properties, context, variables, work, checks, settingsOf, seeds, streams } = plan;
  const imported = importTables(plan);
  viewsForTaken(imported, findings);
  const streamChecks = addSingularTests(project, imported, context, findings);
  const seedTexts = seeds.flatMap((file) => {
    const settings = settingsOf(file, "seeds");
    if (settings["enabled"] !== false) work.hooks.add(file.path, settings);
    return seedFiles(file, settings, properties, checks);
  });
  const extract = extractOf(
    { project, outDir: request.outDir, properties, streams, checks, findings, streamChecks },
    new Set(imported.flatMap(({ sources }) => [...sources])),
  );
  const table = (text: string) => tableOf(text, context);
  const unit = unitTestsOf(
    properties.unitTests.filter(({ value }) => imported.some(({ name }) => name === value["model"])),
    project.files.tests,
    {
      pipeline,
      table,
      variables: new Set(variables.keys()),
      incremental: new Set(
        imported.filter(({ header }) => header["materialized"] === "incremental").map(({ name }) => name),
      ),
    },
    findings,
  );
  work.hooks.add("dbt_project.yml", project.root.settings);
  work.hooks.tell(findings);
  tellOthers(project, properties, findings);
  const files: PlannedFile[] = [
    ...imported.map((model) => modelFile(model, pipeline, project)),
    ...defaultsFiles(imported, pipeline),
    ...seedTexts,
    { path: "connectors.yaml", content: yamlText(extract.connectors) },
    {
      path: `pipelines/${pipeline}.yaml`,
      content: yamlText({
        description: `Imported from the dbt project ${project.root.name}`,
        ...(Object.keys(extract.streams).length === 0 ? {} : { extract: extract.streams }),
        transform: pipeline,
      }),
    },
    ...(variables.size === 0
      ? []
      : [{ path: "project.yaml", content: yamlText({ variables: Object.fromEntries(variables) }) }]),
    ...[...unit.tests].map(([model, tests]) => ({ path: `tests/${model}.yaml`, content: yamlText(tests) })),
    ...[...unit.files].map(([name, content]) => ({ path: `tests/${name}`, content })),
  ];
  const pathsOf = (models: readonly ImportedModel[]) =>
    new Set(models.map((model) => modelFile(model, pipeline, project).path));
  const isSnapshot = ({ header }: ImportedModel) => header["materialized"] === "scd2";
  return {
    pipeline,
    files,
    whole: pathsOf(imported.filter(({ isWhole }) => isWhole)),
    templates: pathsOf(imported.filter(({ isTemplate }) => isTemplate)),
    wanted: plan.wanted,
    findings: findings.all,
    counts: {
      models: imported.filter((model) => !isSnapshot(model)).length,
      seeds: seedTexts.filter(({ path }) => path.endsWith(".csv")).length,
      snapshots: imported.filter(isSnapshot).length,
      sources: Object.keys(extract.streams).length,
      checks: imported.reduce((sum, { header }) => sum + countChecks(header), 0),
      tests: [...unit.tests.values()].reduce((sum, { length }) => sum + length, 0),
    },
    exposures: properties.exposures.map(({ value }) => value),
  };
}

/** What all parts of a plan look things up in. */
interface Plan {
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
  checks(file: string): CheckContext;
}

function startPlan(project: DbtProject, request: ImportRequest, findings: Findings): Plan {
  const properties = readProperties(project, findings);
  const streams = streamNames(properties.sources, findings);
  const snapshots = writtenSnapshots(project, properties.snapshots);
  const files = uniqueFiles(
    project.files.models.filter(({ text }) => !text.includes("endsnapshot")),
    findings,
  );
  const seeds = uniqueFiles(project.files.seeds.filter(({ path }) => path.endsWith(".csv")), findings);
  const models = files.filter((file) => isSql(file, findings));
  const wanted = new Set<string>();
  let tables: Tables | undefined;
  const known = (): Tables => {
    tables ??= createTables({
      properties,
      streams,
      models: [...models, ...snapshots].map(({ name }) => name),
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
    return tables;
  };
  const context = createContext({
    project,
    vars: variablesOf(project, request.vars),
    findings,
    now: request.now,
    // Their names have templates in them, which need the context.
    tables: {
      reference: (name, version) => known().reference(name, version),
      source: (source, table) => known().source(source, table),
      find: (schema, identifier) => known().find(schema, identifier),
      columns: (sql) => {
        const columns = known().columns(sql);
        if (columns === undefined) wanted.add(sql);
        return columns;
      },
    },
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
  const work = { context, findings, hooks, variables, checks };
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
    checks,
  };
}

function importTables(plan: Plan): ImportedModel[] {
  const { models, snapshots, properties, settingsOf, work } = plan;
  return [
    ...models.flatMap((file) => {
      const settings = settingsOf(file, "models");
      if (settings["enabled"] === false) return [];
      return importModel(file, properties.models.get(file.name), settings, work) ?? [];
    }),
    ...snapshots.flatMap((snapshot) => {
      const settings = settingsOf(snapshot.file, "snapshots");
      if (settings["enabled"] === false) return [];
      return importSnapshot(snapshot, properties.snapshots.get(snapshot.name), settings, work) ?? [];
    }),
  ];
}

function isSql(file: DbtFile, findings: Findings): boolean {
  if (file.path.endsWith(".py")) {
    findings.hand(file.path, "is left out: a model in Python is a script of a stream here");
  } else if (file.path.endsWith(".sql")) {
    const wrong = nameFault("model", file.name);
    if (wrong === undefined) return true;
    findings.hand(file.path, `is left out: ${wrong}`);
  }
  return false;
}

/** `ref('orders')` and `source('shop', 'orders')` in a text, as a name in SQL. */
function tableOf(text: string, context: Context): string | undefined {
  const call = text.trim().replace(/^\{\{\s*|\s*\}\}$/g, "");
  if (!/^(?:ref|source)\s*\(/.test(call)) return undefined;
  try {
    return context.renderText(`{{ ${call} }}`, "");
  } catch {
    return undefined;
  }
}

/** A WITH of its own name hides an ephemeral model, which has no schema to name it by. */
function viewsForTaken(models: readonly ImportedModel[], findings: Findings): void {
  for (const model of models) {
    if (model.header["materialized"] !== "ephemeral") continue;
    const reader = models.find(({ references, file }) =>
      references.has(model.name) && takenNames(file.text)(model.name)
    );
    if (reader === undefined) continue;
    model.header["materialized"] = "view";
    findings.note(
      model.file.path,
      `is a view in place of ephemeral: ${reader.file.path} has a WITH of its name`,
    );
  }
}

const folderOf = ({ file }: ImportedModel, project: DbtProject): string[] =>
  file.package === project.root ? [...file.folders] : [plainName(file.package.name), ...file.folders];

/** Most models of a pipeline are views, as in dbt: said once. */
function defaultsFiles(models: readonly ImportedModel[], pipeline: string): PlannedFile[] {
  if (!models.some(({ header }) => header["materialized"] === "view")) return [];
  return [{ path: `transforms/${pipeline}/_defaults.yaml`, content: yamlText({ materialized: "view" }) }];
}

function modelFile(model: ImportedModel, pipeline: string, project: DbtProject): PlannedFile {
  const folders = folderOf(model, project);
  const header = { ...model.header };
  if (header["materialized"] === "view") delete header["materialized"];
  return {
    path: ["transforms", pipeline, ...folders, `${model.name}.sql`].join("/"),
    content: modelText(header, model.sql),
  };
}

function countChecks(header: Dict): number {
  const columns = isRecord(header["columns"]) ? Object.values(header["columns"]) : [];
  return [header, ...columns].reduce<number>(
    (sum, of) => sum + (isRecord(of) ? listOf(of["checks"]).length : 0),
    0,
  );
}

function tellOthers(project: DbtProject, properties: Properties, findings: Findings): void {
  for (const name of project.missingPackages) {
    if (["dbt_utils", "dbt_project_evaluator"].includes(name)) continue;
    findings.note(
      "packages.yml",
      `the package ${name} is not installed (dbt deps): its macros are not known`,
    );
  }
  for (const [kind, count] of properties.others) {
    findings.note("dbt_project.yml", `${count} ${kind} have no counterpart and are left out`);
  }
}
