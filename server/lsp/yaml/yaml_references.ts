import type { ProjectSchemas } from "../../../engine/definitions/json_schema/schemas.ts";
import type { DocumentPath } from "../../../text/yaml_document.ts";

export type YamlKind = keyof ProjectSchemas;

/** A name in YAML that stands for something of the project. */
export type YamlReference =
  | "connector"
  | "notifier"
  | "table"
  | "model"
  | "published"
  | "stream"
  | "folder"
  | "pipeline"
  | "column"
  | "script"
  | "file";

type Patterns = Readonly<Partial<Record<YamlKind, readonly (readonly [string, YamlReference])[]>>>;

/** Tables and columns that the checks of a table name, below the list of them. */
const TABLE_CHECKS = [
  ["relationships.to", "table"],
  ["row_count.equal_to", "table"],
  ["column", "column"],
  ["unique.[]", "column"],
  ["freshness.column", "column"],
] as const;

const checksAt = (path: string): (readonly [string, YamlReference])[] =>
  TABLE_CHECKS.map(([end, reference]) => [`${path}.[].${end}`, reference]);

const HEADER: readonly (readonly [string, YamlReference])[] = [
  ["primary_key.[]", "column"],
  ["columns.*.checks.[].relationships.to", "table"],
  ...checksAt("checks"),
];

/** Where values are names, by their paths; `*` is any one key, `[]` an item of a list. */
const REFERENCES: Patterns = {
  pipeline: [
    ["extract.*.connector", "connector"],
    ["load.*.connector", "connector"],
    ["load.*.[].connector", "connector"],
    ["sensors.[].connector", "connector"],
    ["transform", "folder"],
    ["publish.[]", "model"],
    ["extract.*.stream", "published"],
    ["extract.*.script", "script"],
    ["functions.*.script", "script"],
    ["extract.*.primary_key.[]", "column"],
    ["extract.*.primary_key", "column"],
    ["extract.*.update_key", "column"],
    ...checksAt("extract.*.checks"),
    ["load.*.primary_key.[]", "column"],
    ["load.*.primary_key", "column"],
    ["load.*.[].primary_key.[]", "column"],
    ["after", "pipeline"],
    ["after.[]", "pipeline"],
    ["after.any.[]", "pipeline"],
    ["after.all.[]", "pipeline"],
    ["notify.[].to", "notifier"],
    ["notify.[].to.[]", "notifier"],
  ],
  model: [
    ...HEADER,
    ["update_key", "column"],
    ["partition_by", "column"],
    ["partition_by.[]", "column"],
    ["depends.[]", "table"],
  ],
  defaults: [["depends.[]", "table"]],
  seed: HEADER,
  tests: [
    ["[].model", "model"],
    ["[].pipeline", "pipeline"],
    ["[].given.*", "file"],
    ["[].given.*.file", "file"],
    ["[].expect", "file"],
    ["[].expect.file", "file"],
    ["[].expect.columns.[]", "column"],
  ],
  project: [["environments.*.connectors.*", "connector"]],
};

/** Where keys are names. */
const KEY_REFERENCES: Patterns = {
  pipeline: [["load", "table"], ["publish", "model"]],
  model: [["columns", "column"]],
  seed: [["columns", "column"]],
  tests: [["[].given", "table"], ["[].expect.[]", "column"], ["[].expect.rows.[]", "column"], [
    "[].given.*.[]",
    "column",
  ], ["[].given.*.rows.[]", "column"]],
  streams: [["streams", "stream"]],
  project: [
    ["environments.*.connectors", "connector"],
    ["environments.*.loads", "connector"],
    ["environments.*.extract", "connector"],
    ["rules.pii.destinations", "connector"],
  ],
};

/** Where keys give a name to something. */
const DECLARATIONS: Patterns = {
  connectors: [["", "connector"]],
  pipeline: [["extract", "stream"]],
  notifiers: [["", "notifier"]],
};

/** Where SQL stands: SELECTs and expressions over tables of a warehouse. */
const SQL: Readonly<Partial<Record<YamlKind, readonly string[]>>> = {
  pipeline: ["sql", "where", "expression", "change.metric"].map((key) => `extract.*.checks.[].${key}`),
  model: sqlOfHeader(),
  seed: sqlOfHeader(),
};

function sqlOfHeader(): string[] {
  return ["sql", "where", "expression", "change.metric"].flatMap((key) => [
    `checks.[].${key}`,
    `columns.*.checks.[].${key}`,
  ]);
}

function matches(pattern: string, path: DocumentPath): boolean {
  const parts = pattern === "" ? [] : pattern.split(".");
  return parts.length === path.length && parts.every((part, index) => {
    const segment = path[index];
    return part === "*"
      ? typeof segment === "string"
      : part === "[]"
      ? typeof segment === "number"
      : part === segment;
  });
}

const find = (patterns: Patterns, kind: YamlKind, path: DocumentPath): YamlReference | undefined =>
  patterns[kind]?.find(([pattern]) => matches(pattern, path))?.[1];

/** What the value at the path is the name of. */
export const valueReference = (kind: YamlKind, path: DocumentPath): YamlReference | undefined =>
  find(REFERENCES, kind, path);

/** What the keys of the map at the path are the names of. */
export const keyReference = (kind: YamlKind, path: DocumentPath): YamlReference | undefined =>
  find(KEY_REFERENCES, kind, path);

/** What the keys of the map at the path give their names to. */
export const declaration = (kind: YamlKind, path: DocumentPath): YamlReference | undefined =>
  find(DECLARATIONS, kind, path);

export const isSqlAt = (kind: YamlKind, path: DocumentPath): boolean =>
  SQL[kind]?.some((pattern) => matches(pattern, path)) ?? false;
