import * as v from "valibot";
import type { EnvironmentDefinition } from "../../../contract/environments/definition.ts";
import {
  type ParamDefinition,
  type ParamDefinitions,
  paramSchema,
} from "../../../contract/params/definition.ts";
import { paramFaults } from "../../../contract/params/values.ts";
import { type PiiRules, piiRulesSchema } from "../../../contract/lineage/pii.ts";
import { type ProjectFile, projectSchema } from "../../../contract/project/project_file.ts";
import { RUN_VARIABLES } from "../../../sql/build/variables.ts";
import type { Fault, SourcePlace } from "../../../text/fault.ts";
import { isRecord } from "../../../text/is_record.ts";
import { checkSchema, isCut, pathText, type SchemaFault } from "../../../text/schema_faults.ts";
import { type DocumentPath, parseYamlDocument } from "../../../text/yaml_document.ts";
import { readEnvironments } from "../environments/read_environments.ts";
import { placedFaults } from "../named_entries.ts";
import type { ProjectFiles } from "../read_files.ts";

export const PROJECT_FILE = "project.yaml";

/** What project.yaml says, as far as it is right. */
export interface ParsedProject {
  /** Those without a fault. */
  readonly variables: ParamDefinitions;
  /** Names of those with one. */
  readonly brokenVariables: ReadonlySet<string>;
  readonly environments: Readonly<Record<string, EnvironmentDefinition>>;
  /** Names of those with a fault. */
  readonly brokenEnvironments: ReadonlySet<string>;
  /** Where personal data may go: anywhere where there are none, and nowhere where they cannot be read. */
  readonly piiRules?: PiiRules | undefined;
  /** Where an entry of the file stands. */
  readonly place?: (path: DocumentPath) => SourcePlace;
  /** False where the file as a whole could not be read: then no name is known. */
  readonly isReadable: boolean;
  readonly faults: readonly Fault[];
}

export const NO_PROJECT_FILE: ParsedProject = {
  variables: {},
  brokenVariables: new Set(),
  environments: {},
  brokenEnvironments: new Set(),
  isReadable: true,
  faults: [],
};

/** What the project's project.yaml says; nothing where there is none. */
export async function loadProjectFile(project: ProjectFiles): Promise<ParsedProject> {
  const file = await project.read(PROJECT_FILE);
  if (file === undefined) return NO_PROJECT_FILE;
  if ("fault" in file) return { ...NO_PROJECT_FILE, isReadable: false, piiRules: {}, faults: [file.fault] };
  return parseProjectFile(file.text);
}

/** Reads the text of project.yaml. Never throws for what a user wrote. */
export function parseProjectFile(text: string): ParsedProject {
  const document = parseYamlDocument(text, PROJECT_FILE);
  const unreadable = { ...NO_PROJECT_FILE, isReadable: false, piiRules: {} };
  if (document.value === undefined) return { ...unreadable, faults: document.faults };
  const shape = checkSchema<ProjectFile>(projectSchema, document.value);
  const shapeFaults = "faults" in shape ? shape.faults : [];
  if (isCut(shapeFaults)) return { ...unreadable, faults: placedFaults(document, shapeFaults) };
  const broken = new Set(
    shapeFaults.flatMap(({ path: [part, name] }) =>
      part === "variables" && name !== undefined ? [String(name)] : []
    ),
  );
  const variables = variablesOf(document.value, broken);
  const ruleFaults = paramFaults(variables, RUN_VARIABLES).map(({ path, message }): SchemaFault => {
    const whole = ["variables", ...path];
    broken.add(String(path[0]));
    return {
      path: whole,
      at: "value",
      message: `${pathText(whole)}: ${message}`,
      kind: "shape",
      input: null,
    };
  });
  return {
    variables: Object.fromEntries(Object.entries(variables).filter(([name]) => !broken.has(name))),
    brokenVariables: broken,
    ...readEnvironments(document.value, shapeFaults),
    piiRules: piiRulesOf(document.value, shapeFaults),
    place: document.place,
    isReadable: true,
    faults: placedFaults(document, [...shapeFaults, ...ruleFaults]),
  };
}

/** A slip in the rules must not open a door. */
function piiRulesOf(value: unknown, faults: readonly SchemaFault[]): PiiRules | undefined {
  const rules = isRecord(value) ? value["rules"] : undefined;
  if (rules === undefined) return undefined;
  if (faults.some(({ path: [part] }) => part === "rules") || !isRecord(rules)) return {};
  if (rules["pii"] === undefined) return undefined;
  const parsed = v.safeParse(piiRulesSchema, rules["pii"]);
  return parsed.success ? parsed.output : {};
}

function variablesOf(value: unknown, broken: ReadonlySet<string>): Record<string, ParamDefinition> {
  const written = isRecord(value) && isRecord(value["variables"]) ? value["variables"] : {};
  return Object.fromEntries(
    Object.entries(written).flatMap(([name, entry]) => {
      const parsed = broken.has(name) ? undefined : v.safeParse(paramSchema, entry);
      return parsed?.success ? [[name, parsed.output]] : [];
    }),
  );
}
