import { join } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import type { ApiDefinition } from "../../../../engine/definitions/apis/api_definition.ts";
import { readCatalogue, readFromCatalogue } from "../../../../engine/definitions/apis/catalogue.ts";
import {
  type ApiInstallation,
  planInstallation,
  type PlannedFile,
  writeInstallation,
} from "../../../../engine/definitions/apis/install_api.ts";
import type { OpenApiReading } from "../../../../engine/definitions/openapi/read_openapi.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { commandText } from "../../command_text.ts";
import { requireProject } from "../../connect.ts";
import { schemaLine } from "../../project_schemas.ts";
import { readFolders } from "../../settings.ts";
import { formatTable } from "../../table.ts";
import { formatDone, formatPlan, outcomeOf } from "./add_output.ts";
import { chooseFromOpenApi } from "./openapi_file.ts";
import { formatTold, tellOf, withComments } from "./openapi_output.ts";

/**
 * `sluice add`: the APIs of the catalogue; `add API`: one of them as a connector and a pipeline of the project; `add --openapi
 * FILE`: the same of an API's own description. Throws as chooseFromOpenApi(), planInstallation() and writeInstallation() do.
 */
export const add: CommandRun = async (invocation, context) => {
  const values = readValues(invocation.list("set"));
  const chosen = await chooseApi(invocation, values, context);
  if (chosen === undefined) return await listCatalogue(invocation, context);
  const folders = readFolders(invocation, context);
  await requireProject(folders, context);
  const { projectDir } = folders;
  const streams = readStreams(invocation.list("streams"));
  const planned = await planInstallation(projectDir, chosen.api, {
    name: invocation.text("name") ?? chosen.name,
    values,
    streams: streams ?? chosen.streams,
  });
  const told = chosen.reading === undefined ? undefined : tellOf(chosen.reading, planned.streams);
  const installation = await withSchemaLines(
    projectDir,
    told === undefined ? planned : withComments(planned, told),
  );
  const isDryRun = invocation.flag("dry-run");
  if (!isDryRun) await writeInstallation(projectDir, installation);
  const next = [`connectors test ${installation.name}`, `run ${installation.name}`]
    .map((words) => commandText(words, context, invocation));
  const { terminal } = context;
  if (invocation.flag("json")) {
    terminal.out(JSON.stringify({ ...outcomeOf(installation, isDryRun, next), ...told }));
  } else {
    terminal.out(isDryRun ? formatPlan(installation) : formatDone(installation, next));
    const isChosen = streams !== undefined;
    if (told !== undefined) terminal.out(formatTold(told, { isDryRun, isChosen }));
  }
  return 0;
};

/** An API that the command line names. */
interface Chosen {
  /** What it is called where no --name says otherwise. */
  readonly name: string;
  readonly api: ApiDefinition;
  /** Those to add where --streams names none; all of them without. */
  readonly streams?: readonly string[];
  /** Of an OpenAPI document: what it tells beside. */
  readonly reading?: OpenApiReading;
}

/** Undefined where the command line names no API. */
async function chooseApi(
  invocation: Invocation,
  values: Readonly<Record<string, string>>,
  { program, cwd }: CliContext,
): Promise<Chosen | undefined> {
  const [name] = invocation.arguments;
  const file = invocation.text("openapi");
  const baseUrl = invocation.text("base-url");
  if (file !== undefined) {
    if (name === undefined) {
      return await chooseFromOpenApi(cwd, { file, baseUrl, name: invocation.text("name"), values });
    }
    throw new AppError("invalid", "sluice add takes an API of the catalogue or --openapi FILE, and not both");
  }
  if (baseUrl !== undefined) throw new AppError("invalid", "--base-url needs --openapi FILE");
  return name === undefined ? undefined : { name, api: await readFromCatalogue(program.catalogueDir, name) };
}

async function listCatalogue(invocation: Invocation, { program, terminal }: CliContext): Promise<number> {
  const catalogue = await readCatalogue(program.catalogueDir);
  if (invocation.flag("json")) {
    const found = Array.from(
      catalogue,
      ([name, { title, description, documentation = null, values, secrets, streams }]) => ({
        name,
        title,
        description,
        documentation,
        values,
        secrets,
        streams: Object.entries(streams).map(([name, { description }]) => ({ name, description })),
      }),
    );
    terminal.out(JSON.stringify(found));
  } else {
    const rows = Array.from(catalogue, ([name, { description, values }]) => {
      const needed = Object.entries(values).filter(([, value]) => value.default === undefined);
      return [name, needed.map(([name]) => name).join(", "), description];
    });
    const columns = [{ title: "API", minWidth: 12 }, { title: "NEEDS" }, { title: "WHAT", minWidth: 24 }];
    terminal.out(formatTable(columns, rows, terminal.tableColumns()));
  }
  return 0;
}

function readValues(pairs: readonly string[]): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    if (equals < 1) throw new AppError("invalid", `--set is "${pair}", expected NAME=VALUE`);
    const name = pair.slice(0, equals);
    if (Object.hasOwn(values, name)) throw new AppError("invalid", `--set ${name} is given twice`);
    values[name] = pair.slice(equals + 1);
  }
  return values;
}

function readStreams(lists: readonly string[]): readonly string[] | undefined {
  const names = lists.flatMap((list) => list.split(",")).map((name) => name.trim());
  return lists.length === 0 ? undefined : names.filter((name) => name !== "");
}

/** New files name their schema where the project has it. */
async function withSchemaLines(projectDir: string, planned: ApiInstallation): Promise<ApiInstallation> {
  const hasSchemas = await Deno.stat(join(projectDir, "schema")).then(
    (info) => info.isDirectory,
    () => false,
  );
  if (!hasSchemas) return planned;
  const files = planned.files.map((file): PlannedFile =>
    file.before === undefined ? { ...file, content: `${schemaLine(file.path) ?? ""}${file.content}` } : file
  );
  return { ...planned, files };
}
