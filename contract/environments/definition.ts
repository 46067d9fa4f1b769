import * as v from "valibot";
import { nameSchema } from "../names.ts";
import { connectorName } from "../pipeline/words.ts";

/** Environments, as project.yaml has them: where the project's pipelines run apart from production. */

const value = v.union([v.string(), v.number(), v.boolean(), v.null()]);
const writes = v.picklist(["on", "off"], "expected on or off");
const reads = v.picklist(["same", "off"], "expected same or off");

export const environmentSchema = v.strictObject({
  description: v.optional(v.pipe(v.string(), v.description("What it is for."))),
  connectors: v.optional(
    v.pipe(
      v.record(connectorName, connectorName),
      v.description(
        "Connectors in the place of others, as {warehouse: dev_warehouse}: for streams and loads.",
      ),
    ),
  ),
  schema_suffix: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[A-Za-z0-9_]{1,30}$/, "expected letters, digits or _, as _dev"),
      v.description(
        "Goes behind the schemas of tables that are loaded (behind the table where none is written), where their connector is not mapped.",
      ),
    ),
  ),
  params: v.optional(
    v.pipe(
      v.record(nameSchema("param"), value),
      v.description("Defaults of the pipelines' params, in the place of their own."),
    ),
  ),
  variables: v.optional(
    v.pipe(
      v.record(nameSchema("param"), value),
      v.description("Defaults of the project's variables, in the place of their own."),
    ),
  ),
  loads: v.optional(
    v.pipe(
      v.union([writes, v.record(connectorName, writes)], "expected on, off, or {connector: on | off}"),
      v.description("off: nothing is loaded; or that by connector, as {crm: off}."),
    ),
  ),
  extract: v.optional(
    v.pipe(
      v.union([reads, v.record(connectorName, reads)], "expected same, off, or {connector: same | off}"),
      v.description(
        "same: streams are read from production's sources, or from the mapped ones. off: they are not read, and raw tables stay as they are. Or that by connector.",
      ),
    ),
  ),
});
export type EnvironmentDefinition = v.InferOutput<typeof environmentSchema>;

/** The environments of a project, by name. */
export const environmentsSchema = v.pipe(
  v.record(nameSchema("environment"), environmentSchema),
  v.description("Where pipelines run apart from production, by --env."),
);

/** Whether the streams of a connector, by its name in the pipelines, are read. */
export const isRead = ({ extract }: EnvironmentDefinition, connector: string): boolean =>
  isOn(extract, connector);

/** Whether loads into a connector, by its name in the pipelines, are carried out. */
export const isLoaded = ({ loads }: EnvironmentDefinition, connector: string): boolean =>
  isOn(loads, connector);

function isOn(said: string | Readonly<Record<string, string>> | undefined, connector: string): boolean {
  if (typeof said !== "object") return said !== "off";
  return !Object.hasOwn(said, connector) || said[connector] !== "off";
}
