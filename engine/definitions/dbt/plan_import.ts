import { AppError } from "../../../contract/errors.ts";
import { nameFault } from "../../../contract/names.ts";
import { isRecord } from "../../../text/is_record.ts";
import { createFindings, type Finding, type Findings } from "./findings.ts";
import { importModel, takenNames, withVariables } from "./models/import_model.ts";
import type { ImportedModel } from "./models/imported_model.ts";
import { seedFiles } from "./models/seeds.ts";
import { importSnapshot } from "./models/snapshots.ts";
import { extractOf } from "./models/extract.ts";
import { switchedOff, withoutChecksOf } from "./models/switched_off.ts";
import { modelText, type PlannedFile, yamlText } from "./planned_file.ts";
import { plainName } from "./project/names.ts";
import type { Properties } from "./project/properties.ts";
import type { DbtProject, Dict } from "./project/read_project.ts";
import { listOf } from "./project/settings.ts";
import { type ImportRequest, type Plan, startPlan, tableOf } from "./start_plan.ts";
import { addSingularTests } from "./tests/singular_tests.ts";
import { unitTestsOf } from "./tests/unit_tests.ts";

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
  /** Models that the project does not build yet. */
  readonly off: readonly SwitchedOff[];
  /** Models and seeds by the files that they are of, of the new project. */
  readonly tables: ReadonlyMap<string, string>;
  /** Models whose columns a template asks for and no file says: another plan with them comes further. */
  readonly wanted: ReadonlySet<string>;
  /** Queries of whose rows a template makes something, as templates write them and as SQL of the new project. */
  readonly asked: ReadonlyMap<string, string>;
}

/** A model that is in the new project with `enabled: false`. */
export interface SwitchedOff {
  readonly name: string;
  /** From the new project's folder. */
  readonly file: string;
  readonly why: string;
}

/** What a dbt project is as a project of ours; nothing is written. Throws `invalid` for a pipeline's name that cannot be. */
export function planImport(project: DbtProject, request: ImportRequest): PlannedImport {
  const pipeline = request.pipeline ?? plainName(project.root.name);
  const wrong = nameFault("pipeline", pipeline);
  if (wrong !== undefined) throw new AppError("invalid", `The pipeline "${pipeline}": ${wrong}`);
  const findings = createFindings();
  const plan = startPlan(project, request, findings);
  const { properties, context, variables, work, checks, settingsOf, seeds, streams } = plan;
  const written = importTables(plan);
  viewsForTaken(written, findings);
  const streamChecks = addSingularTests(project, written, context, findings);
  const roots = rootsOf(written, plan, request);
  const off = switchedOff(written, roots);
  const isOff = (name: string) => off.has(name) || roots.has(name);
  const imported = written.map((model) => offOrOn(model, isOff, findings));
  const seedTexts = seeds.flatMap((file) => {
    const settings = settingsOf(file, "seeds");
    if (settings["enabled"] !== false) work.hooks.add(file.path, settings);
    return seedFiles(file, settings, properties, checks, isOff(file.name));
  });
  const extract = extractOf(
    { project, outDir: request.outDir, properties, streams, checks, findings, streamChecks },
    new Set(imported.flatMap(({ sources }) => [...sources])),
  );
  const table = (text: string) => tableOf(text, context);
  const unit = unitTestsOf(
    properties.unitTests.filter(({ value }) =>
      imported.some(({ name }) => name === value["model"] && !isOff(name))
    ),
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
  const pathOf = (model: ImportedModel) => modelFile(model, pipeline, project).path;
  const isSnapshot = ({ header }: ImportedModel) => header["materialized"] === "scd2";
  return {
    pipeline,
    files,
    whole: new Set(imported.filter(({ name, isWhole }) => isWhole && !isOff(name)).map(pathOf)),
    off: imported.flatMap((model) => {
      const why = off.get(model.name);
      return why === undefined ? [] : [{ name: model.name, file: pathOf(model), why }];
    }),
    tables: new Map([
      ...imported.map((model) => [pathOf(model), model.name] as const),
      ...seeds.flatMap(({ name }) => ["csv", "yaml"].map((end) => [`seeds/${name}.${end}`, name] as const)),
    ]),
    wanted: plan.wanted,
    asked: new Map([...plan.asked].map((sql) => {
      const unheard = { ...work, findings: createFindings(), variables: new Map() };
      return [sql, withVariables(sql, "", unheard)];
    })),
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

/** What cannot be built before somebody does something, and why, by name. */
const rootsOf = (
  models: readonly ImportedModel[],
  { leftOut }: Plan,
  { faulty = new Map() }: ImportRequest,
): ReadonlyMap<string, string> =>
  new Map([
    ...leftOut,
    ...models.filter(({ isTemplate }) => isTemplate).map(({ name }) =>
      [name, "its text is a template still"] as const
    ),
    ...faulty,
  ]);

function offOrOn(model: ImportedModel, isOff: (name: string) => boolean, findings: Findings): ImportedModel {
  if (!isOff(model.name)) return withoutChecksOf(isOff, model, findings);
  return { ...model, header: { ...model.header, enabled: false } };
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
