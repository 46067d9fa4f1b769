import { AppError } from "../../../contract/errors.ts";
import { nameFault } from "../../../contract/names.ts";
import type { CheckContext } from "./tests/checks.ts";
import { type Context, createContext } from "./context/context.ts";
import { createFindings, faultOf, type Finding, type Findings } from "./findings.ts";
import { valueOf } from "./jinja/values.ts";
import {
  columnsAndChecks,
  type ImportedModel,
  importModel,
  oneLine,
  takenNames,
  type Variable,
} from "./models/models.ts";
import { plainName, referenceNames, streamNames, uniqueFiles } from "./project/names.ts";
import { modelText, type PlannedFile, yamlText } from "./planned_file.ts";
import { type Properties, readProperties } from "./project/properties.ts";
import type { DbtFile, DbtProject, Dict } from "./project/read_project.ts";
import { folderSettings, listOf, merge, optionalText, textsOf } from "./project/settings.ts";
import { isRecord } from "../../../text/is_record.ts";
import { importSnapshot, writtenSnapshots } from "./models/snapshots.ts";
import { connectorsOf, hasDatabase, streamOf } from "./models/sources.ts";
import { unitTestsOf } from "./tests/unit_tests.ts";

export interface ImportRequest {
  /** The pipeline's name; undefined: the dbt project's. */
  readonly pipeline: string | undefined;
  readonly vars: Dict;
  /** Absolute: where the new project is going to be. */
  readonly outDir: string;
}

export interface PlannedImport {
  readonly pipeline: string;
  readonly files: readonly PlannedFile[];
  readonly findings: readonly Finding[];
  readonly counts: Readonly<
    Record<"models" | "whole" | "seeds" | "snapshots" | "sources" | "checks" | "tests", number>
  >;
  readonly exposures: readonly Dict[];
  /** Files of models whose text is still a template. */
  readonly templates: ReadonlySet<string>;
}

/** What a dbt project is as a project of ours; nothing is written. Throws `invalid` for a pipeline's name that cannot be. */
export function planImport(project: DbtProject, request: ImportRequest): PlannedImport {
  const pipeline = request.pipeline ?? plainName(project.root.name);
  const wrong = nameFault("pipeline", pipeline);
  if (wrong !== undefined) throw new AppError("invalid", `The pipeline "${pipeline}": ${wrong}`);
  const findings = createFindings();
  const properties = readProperties(project, findings);
  const streams = streamNames(properties.sources, findings);
  const vars = variablesOf(project, request.vars);
  const snapshots = writtenSnapshots(project, properties.snapshots);
  const models = uniqueFiles(
    project.files.models.filter(({ text }) => !text.includes("endsnapshot")),
    findings,
  );
  const seeds = uniqueFiles(project.files.seeds.filter(({ path }) => path.endsWith(".csv")), findings);
  const sqlModels = models.filter((file) => isSql(file, findings));
  const known = new Set([...sqlModels, ...seeds, ...snapshots].map(({ name }) => name));
  const context = createContext(
    project,
    {
      reference: referenceNames(known, properties),
      source: (source, table) => streams.get(`${source}.${table}`),
    },
    vars,
    findings,
  );
  const variables = new Map<string, Variable>();
  const table = (text: string) => tableOf(text, context);
  const checks = (file: string): CheckContext => ({
    table,
    ownTest: (name, args) => ownTest(name, args, file, context),
    hand: (message) => findings.hand(file, message),
    describe: (text) => context.describe(text),
  });
  const work = { context, findings, variables, checks };
  const settingsOf = (file: DbtFile, kind: "models" | "seeds" | "snapshots"): Dict => {
    const entry = properties[kind].get(file.name);
    const written = entry === undefined ? {} : merge(
      Object.fromEntries(
        ["tags", "meta"].filter((key) => key in entry.value).map((key) => [key, entry.value[key]]),
      ),
      isRecord(entry.value["config"]) ? entry.value["config"] : {},
    );
    return rendered(
      merge(folderSettings(project, kind, file), written),
      entry?.file ?? file.path,
      context,
      findings,
    );
  };
  const imported = [
    ...sqlModels.flatMap((file) => {
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
  viewsForTaken(imported, findings);
  const streamChecks = addSingularTests(project, imported, context, findings);
  const seedFiles = seeds.flatMap((file) => seedOf(file, settingsOf(file, "seeds"), properties, checks));
  const files: PlannedFile[] = [
    ...imported.map((model) => modelFile(model, pipeline, project)),
    ...defaultsFiles(imported, pipeline),
    ...seedFiles,
  ];
  const used = new Set(imported.flatMap(({ sources }) => [...sources]));
  const connectors = connectorsOf(project, request.outDir, findings);
  const places = { project, connectors, outDir: request.outDir };
  let needsFiles = false;
  const extract: Record<string, Dict> = {};
  for (const source of properties.sources) {
    const stream = streams.get(`${source.sourceName}.${source.name}`) ?? "";
    if (!used.has(stream)) continue;
    const made = streamOf(source, stream, places, checks(source.file), findings);
    needsFiles ||= made.needsFiles;
    const others = streamChecks.get(stream) ?? [];
    extract[stream] = others.length === 0
      ? made.entry
      : { ...made.entry, checks: [...listOf(made.entry["checks"]), ...others] };
  }
  const fromDatabase = Object.values(extract).some(({ connector }) => connector === connectors.main);
  if (fromDatabase && !hasDatabase(connectors)) {
    findings.hand(
      "connectors.yaml",
      "say where the sources are: no profiles.yml in the project names a database that Sluice reads",
    );
  }
  files.push({
    path: "connectors.yaml",
    content: yamlText({
      ...(fromDatabase ? connectors.entries : {}),
      ...(needsFiles ? { files: { type: "file" } } : {}),
    }),
  });
  files.push({
    path: `pipelines/${pipeline}.yaml`,
    content: yamlText({
      description: `Imported from the dbt project ${project.root.name}`,
      ...(Object.keys(extract).length === 0 ? {} : { extract }),
      transform: pipeline,
    }),
  });
  if (variables.size > 0) {
    files.push({ path: "project.yaml", content: yamlText({ variables: Object.fromEntries(variables) }) });
  }
  const fixtures = project.files.tests;
  const unit = unitTestsOf(
    properties.unitTests.filter(({ value }) => imported.some(({ name }) => name === value["model"])),
    fixtures,
    { pipeline, table, variables: new Set(variables.keys()) },
    findings,
  );
  for (const [model, tests] of unit.tests) {
    files.push({ path: `tests/${model}.yaml`, content: yamlText(tests) });
  }
  for (const [name, content] of unit.files) files.push({ path: `tests/${name}`, content });
  tellOthers(project, properties, findings);
  return {
    pipeline,
    files,
    templates: new Set(
      imported.filter(({ isTemplate }) => isTemplate).map((model) =>
        modelFile(model, pipeline, project).path
      ),
    ),
    findings: findings.all,
    counts: {
      models: imported.filter(({ header }) => header["materialized"] !== "scd2").length,
      whole: imported.filter(({ isWhole }) => isWhole).length,
      seeds: seedFiles.filter(({ path }) => path.endsWith(".csv")).length,
      snapshots: imported.filter(({ header }) => header["materialized"] === "scd2").length,
      sources: Object.keys(extract).length,
      checks: imported.reduce((sum, { header }) => sum + countChecks(header), 0),
      tests: [...unit.tests.values()].reduce((sum, { length }) => sum + length, 0),
    },
    exposures: properties.exposures.map(({ value }) => value),
  };
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

/** Those of the project go before those of packages, a package's own before others of its name, and the command's before all. */
function variablesOf({ packages, root }: DbtProject, given: Dict): Dict {
  const names = new Set(packages.map(({ name }) => name));
  const scoped = (settings: Dict, name: string): Dict => {
    const vars = isRecord(settings["vars"]) ? settings["vars"] : {};
    const own = vars[name];
    const plain = Object.fromEntries(
      Object.entries(vars).filter(([key, value]) => !names.has(key) || !isRecord(value)),
    );
    return { ...plain, ...(isRecord(own) ? own : {}) };
  };
  return Object.assign(
    {},
    ...packages.map(({ settings, name }) => scoped(settings, name)),
    ...packages.map(({ name }) => scoped(root.settings, name)),
    given,
  );
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

function ownTest(name: string, args: Dict, file: string, context: Context): string | undefined {
  const { model, column_name: column, ...others } = args;
  const values = new Map(Object.entries(others).map(([key, value]) => [key, valueOf(value)]));
  if (model !== undefined) values.set("model", String(model));
  if (column !== undefined) values.set("column_name", String(column));
  const rendering = { file, text: "", name: "", settings: {}, isIncremental: false, taken: () => false };
  try {
    return context.renderTest(name, values, rendering)?.sql.trim();
  } catch {
    return undefined;
  }
}

/** Templates in settings of YAML are worked out. */
function rendered(settings: Dict, file: string, context: Context, findings: Findings): Dict {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => {
      if (typeof value !== "string" || !value.includes("{{") || key.includes("hook")) return [key, value];
      try {
        const text = context.renderText(value, file).trim();
        return [key, text === "True" ? true : text === "False" ? false : text];
      } catch (error) {
        if (key === "enabled" || key === "materialized") {
          findings.hand(file, `${key}: ${faultOf(error).message}`);
        }
        return [key, undefined];
      }
    }),
  );
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

/** Singular tests become checks of a model that they read; of a stream where they read no model. */
function addSingularTests(
  project: DbtProject,
  models: readonly ImportedModel[],
  context: Context,
  findings: Findings,
): ReadonlyMap<string, unknown[]> {
  const ofStreams = new Map<string, unknown[]>();
  for (const file of project.files.tests) {
    if (!file.path.endsWith(".sql") || /\{%-?\s*(?:data_)?test\b/.test(file.text)) continue;
    const { path, text, name } = file;
    try {
      const { sql, config, references, sources } = context.render({
        file: path,
        text,
        name,
        settings: {},
        isIncremental: false,
        taken: takenNames(text),
      });
      if (config["enabled"] === false) continue;
      const check = {
        name: plainName(name),
        sql: sql.replace(/[\uE000\uE002]|\uE000[^\uE001]*\uE001/g, "").trim(),
        ...(String(config["severity"]).toLowerCase() === "warn" ? { severity: "warn" } : {}),
      };
      const model = models.findLast((one) => references.has(one.name));
      const [stream] = sources;
      if (model !== undefined) model.header["checks"] = [...listOf(model.header["checks"]), check];
      else if (stream !== undefined) ofStreams.set(stream, [...ofStreams.get(stream) ?? [], check]);
      else findings.hand(path, "is left out: a test that reads no model belongs to none");
    } catch (error) {
      const { message, line } = faultOf(error);
      findings.hand(path, `the test is left out: ${message}`, line);
    }
  }
  return ofStreams;
}

function seedOf(
  file: DbtFile,
  settings: Dict,
  properties: Properties,
  checks: (file: string) => CheckContext,
): PlannedFile[] {
  if (settings["enabled"] === false) return [];
  const entry = properties.seeds.get(file.name);
  const about = entry === undefined
    ? {}
    : columnsAndChecks(entry.value, file.name, checks(entry.file), false);
  const columns: Record<string, unknown> = { ...(isRecord(about["columns"]) ? about["columns"] : {}) };
  for (
    const [name, type] of Object.entries(isRecord(settings["column_types"]) ? settings["column_types"] : {})
  ) {
    columns[name] = { type: String(type), ...(isRecord(columns[name]) ? columns[name] : {}) };
  }
  const description = optionalText(entry?.value["description"]);
  const tags = textsOf(settings["tags"]);
  const header = {
    ...(description === undefined ? {} : { description: oneLine(checks(file.path).describe(description)) }),
    ...(tags.length === 0 ? {} : { tags }),
    ...(Object.keys(columns).length === 0 ? {} : { columns }),
    ...("checks" in about ? { checks: about["checks"] } : {}),
  };
  return [
    { path: `seeds/${file.name}.csv`, content: file.text },
    ...(Object.keys(header).length === 0
      ? []
      : [{ path: `seeds/${file.name}.yaml`, content: yamlText(header) }]),
  ];
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
  for (const key of ["on-run-start", "on-run-end"]) {
    if (listOf(project.root.settings[key]).length > 0) {
      findings.hand("dbt_project.yml", `${key} is left out: a run has no statements of its own`);
    }
  }
}
