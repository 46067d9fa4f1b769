import { join } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import { requireName } from "../../../contract/names.ts";
import { parentsOf } from "../../../contract/pipeline/parents.ts";
import { streamNameOf } from "../../../contract/pipeline/wildcard.ts";
import { didYouMeanOneOf, listWords } from "../../../text/suggest.ts";
import { CONNECTORS_FILE } from "../parse_connectors.ts";
import { ProjectFiles } from "../read_files.ts";
import type { ApiDefinition, ApiValue } from "./api_definition.ts";
import { withConnector, yamlText } from "./api_yaml.ts";
import { secretsIn, valuesIn, withValues } from "./placeholders.ts";
import { replaceFile, writeNewFile } from "../write_file.ts";

/** What of an API is to be installed, and as what. */
export interface InstallRequest {
  /** Of the connector and of the pipeline. */
  readonly name: string;
  /** By the names that the definition gives them; a list with commas between. */
  readonly values: Readonly<Record<string, string>>;
  /** Names of the definition's streams; all by default. Parents of a stream come with it. */
  readonly streams: readonly string[] | undefined;
}

/** The files that make an API part of a project. */
export interface ApiInstallation {
  readonly name: string;
  readonly streams: readonly string[];
  /** What the connector refers to and has to be given, with what it is. */
  readonly secrets: Readonly<Record<string, string>>;
  /** In the order in which they are written. */
  readonly files: readonly PlannedFile[];
}

export interface PlannedFile {
  /** Relative to the project. */
  readonly path: string;
  readonly content: string;
  /** What is there now; undefined where the file is made. */
  readonly before: string | undefined;
}

/**
 * Plans the files of a connector and a pipeline of the same name; writes nothing. Throws `invalid` for a missing, unknown or
 * wrong value, an unknown stream, or a connectors.yaml that cannot be read, and `conflict` where the connector or the pipeline
 * is there already.
 */
export async function planInstallation(
  projectDir: string,
  api: ApiDefinition,
  request: InstallRequest,
): Promise<ApiInstallation> {
  const { name } = request;
  requireName("connector", name);
  requireName("pipeline", name);
  const chosen = chooseStreams(api, request.streams);
  const values = readValues(api, chosen, request);
  const connector = withValues(api.connector, values);
  const streams = streamsOf(api, chosen, name, values);
  const project = await ProjectFiles.open(projectDir);
  for (const path of [`pipelines/${name}.yaml`, `pipelines/${name}.yml`]) {
    if (await project.read(path) === undefined) continue;
    throw new AppError("conflict", `There is a pipeline "${name}" already: choose another name with --name`);
  }
  const before = await textOf(project, CONNECTORS_FILE);
  const description = withValues(api.description, values);
  return {
    name,
    streams: Object.keys(streams),
    secrets: Object.fromEntries(
      secretsIn(connector).map((secret) => [secret, api.secrets[secret]?.description ?? ""]),
    ),
    files: [
      { path: CONNECTORS_FILE, content: withConnector(before, name, connector), before },
      {
        path: `pipelines/${name}.yaml`,
        content: yamlText({ description: `${api.title}: ${description}`, extract: streams }, 3),
        before: undefined,
      },
    ],
  };
}

/**
 * Writes the planned files, each whole or not at all. Throws `conflict` where one has changed since, and leaves the project as
 * it was where the second cannot be written.
 */
export async function writeInstallation(projectDir: string, { files }: ApiInstallation): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  try {
    for (const { path, content, before } of files) {
      const target = join(projectDir, path);
      if (before === undefined) {
        await writeNewFile(target, content);
        undo.push(() => Deno.remove(target));
      } else {
        await replaceFile(target, before, content);
        undo.push(() => replaceFile(target, content, before));
      }
    }
  } catch (error) {
    for (const step of undo.toReversed()) await step();
    throw error;
  }
}

async function textOf(project: ProjectFiles, path: string): Promise<string | undefined> {
  const file = await project.read(path);
  if (file === undefined) return undefined;
  if ("text" in file) return file.text;
  throw new AppError("invalid", `Cannot read ${path}`, { faults: [file.fault] });
}

/** The names in the definition's order, with the parents of those that are chosen. */
function chooseStreams(
  { streams }: ApiDefinition,
  wanted: readonly string[] | undefined,
): ReadonlySet<string> {
  const all = Object.keys(streams);
  const chosen = new Set<string>();
  const choose = (name: string) => {
    const stream = streams[name];
    if (stream === undefined) {
      throw new AppError(
        "invalid",
        `There is no stream ${JSON.stringify(name)}${didYouMeanOneOf(name, all)}`,
      );
    }
    if (chosen.has(name)) return;
    chosen.add(name);
    for (const parent of parentsOf(stream)) choose(parent.stream);
  };
  for (const name of wanted ?? all) choose(name);
  return new Set(all.filter((name) => chosen.has(name)));
}

/** What the places of the connector and the chosen streams are filled with. */
function readValues(
  api: ApiDefinition,
  chosen: ReadonlySet<string>,
  { values: given }: InstallRequest,
): Readonly<Record<string, string>> {
  const known = Object.keys(api.values);
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    throw new AppError(
      "invalid",
      `${api.title} has no value ${JSON.stringify(name)} to be set${didYouMeanOneOf(name, known)}`,
    );
  }
  const streams = Object.entries(api.streams).filter(([name]) => chosen.has(name)).map(([, stream]) =>
    stream
  );
  const needed = new Set([
    ...valuesIn([api.description, api.connector, streams]),
    ...streams.flatMap(({ for_each: list }) => list ?? []),
  ]);
  const entries = Object.entries(api.values).filter(([name]) => needed.has(name));
  const missing = entries.filter(([name, { default: fallback }]) => (given[name] ?? fallback) === undefined);
  if (missing.length > 0) {
    const names = listWords(missing.map(([name]) => name));
    throw new AppError(
      "invalid",
      `${api.title} needs ${names}: ${
        missing.map(([name, { example }]) => `--set ${name}=${example}`).join(" ")
      }`,
      { detail: missing.map(([name, { description }]) => `  ${name}: ${description}`).join("\n") },
    );
  }
  return Object.fromEntries(
    entries.map(([name, value]) => [name, checked(name, value, given[name] ?? value.default ?? "")]),
  );
}

function checked(name: string, { pattern, example, list }: ApiValue, text: string): string {
  const items = list ? itemsOf(text) : [text];
  const expected = pattern === undefined ? undefined : new RegExp(`^(?:${pattern})$`, "u");
  const wrong = items.find((item) => item === "" || expected?.test(item) === false);
  if (wrong === undefined && items.length > 0) return text;
  throw new AppError(
    "invalid",
    `--set ${name}: ${JSON.stringify(wrong ?? text)} cannot be used, expected something like ${example}`,
  );
}

const itemsOf = (list: string): string[] =>
  list.split(",").map((item) => item.trim()).filter((item) => item !== "");

/** The pipeline's streams by name: of one for each item of a list there are as many. */
function streamsOf(
  api: ApiDefinition,
  chosen: ReadonlySet<string>,
  connector: string,
  values: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  const all = Object.keys(api.streams);
  const streams: Record<string, unknown> = {};
  const add = (name: string, stream: unknown, own: Readonly<Record<string, string>>) => {
    streams[name] = { connector, ...withValues(Object(stream), own) };
  };
  for (const [name, { for_each: list, ...stream }] of Object.entries(api.streams)) {
    if (!chosen.has(name)) continue;
    if (list === undefined) {
      add(name, stream, values);
      continue;
    }
    for (const item of itemsOf(values[list] ?? "")) {
      add(nameOfItem(name, item, [...all, ...Object.keys(streams)]), stream, { ...values, [list]: item });
    }
  }
  return streams;
}

function nameOfItem(stream: string, item: string, taken: readonly string[]): string {
  const named = streamNameOf(item, taken) ?? streamNameOf(`${stream}_${item}`, taken);
  for (let count = 1;; count++) {
    const name = named ?? `${stream}_${count}`;
    if (!taken.includes(name)) return name;
  }
}
