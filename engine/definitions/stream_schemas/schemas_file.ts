import { stringify } from "yaml";
import { type StreamSchemasFile, streamSchemasSchema } from "../../../contract/project/stream_schemas.ts";
import type { Column } from "../../../contract/sql.ts";
import type { Fault, SourcePlace } from "../../../text/fault.ts";
import { checkSchema } from "../../../text/schema_faults.ts";
import { parseYamlDocument } from "../../../text/yaml_document.ts";
import { placedFaults } from "../named_entries.ts";
import type { ProjectFiles } from "../read_files.ts";

export const SCHEMAS_FOLDER = "schemas";

export type StreamColumns = Readonly<Record<string, readonly Column[]>>;

/** What schemas/<pipeline>.yaml says. */
export interface StreamSchemas {
  /** Relative to the project. */
  readonly path: string;
  /** By the name of the table in raw; none where the file has a fault. */
  readonly columns: StreamColumns;
  readonly faults: readonly Fault[];
  /** Where a stream stands in it, or the file where it does not. */
  place(stream: string): SourcePlace;
}

export const schemasPath = (pipeline: string): string => `${SCHEMAS_FOLDER}/${pipeline}.yaml`;

/** Undefined where the pipeline has none. */
export async function loadStreamSchemas(
  project: ProjectFiles,
  pipeline: string,
): Promise<StreamSchemas | undefined> {
  const path = schemasPath(pipeline);
  const file = await project.read(path);
  if (file === undefined) return undefined;
  if ("fault" in file) return { path, columns: {}, faults: [file.fault], place: () => ({ file: path }) };
  return parseStreamSchemas(file.text, path);
}

/** Never throws for what a user wrote. */
export function parseStreamSchemas(text: string, path: string): StreamSchemas {
  const document = parseYamlDocument(text, path);
  const place = (stream: string) => document.place(["streams", stream]);
  if (document.value === undefined) return { path, columns: {}, faults: document.faults, place };
  const shape = checkSchema<StreamSchemasFile>(streamSchemasSchema, document.value);
  if ("faults" in shape) return { path, columns: {}, faults: placedFaults(document, shape.faults), place };
  const { streams = {} } = shape.output;
  const columns = Object.fromEntries(
    Object.entries(streams).map(([stream, list]) => [
      stream,
      list.flatMap((column) => Object.entries(column).map(([name, type]) => ({ name, type }))),
    ]),
  );
  return { path, columns, faults: [], place };
}

/** The text of the file: streams by name, columns as the source has them, a line each. */
export function streamSchemasText(pipeline: string, columns: StreamColumns): string {
  const streams = Object.fromEntries(
    Object.entries(columns).toSorted(([a], [b]) => a < b ? -1 : 1).map(([stream, list]) => [
      stream,
      list.map(({ name, type }) => ({ [name]: type })),
    ]),
  );
  return [
    `# What the sources of the pipeline ${pipeline} have, for a check that asks none of them (sluice check --offline).`,
    "# Written by `sluice check --write-schemas`.",
    stringify({ streams }, { lineWidth: 0 }),
  ].join("\n");
}
