import * as v from "valibot";
import { type EnvironmentDefinition, environmentSchema } from "../../../contract/environments/definition.ts";
import { isRecord } from "../../../text/is_record.ts";
import type { SchemaFault } from "../../../text/schema_faults.ts";

export interface ReadEnvironments {
  /** Those without a fault. */
  readonly environments: Readonly<Record<string, EnvironmentDefinition>>;
  /** Names of those with one. */
  readonly brokenEnvironments: ReadonlySet<string>;
}

/** The environments that the value of project.yaml has, as far as `faults` leave them. */
export function readEnvironments(value: unknown, faults: readonly SchemaFault[]): ReadEnvironments {
  const written = isRecord(value) && isRecord(value["environments"]) ? value["environments"] : {};
  const environments: Record<string, EnvironmentDefinition> = {};
  const broken = new Set(
    faults.flatMap(({ path: [part, name] }) =>
      part === "environments" && name !== undefined ? [String(name)] : []
    ),
  );
  for (const [name, entry] of Object.entries(written)) {
    const parsed = broken.has(name) ? undefined : v.safeParse(environmentSchema, entry);
    if (parsed?.success) environments[name] = parsed.output;
    else broken.add(name);
  }
  return { environments, brokenEnvironments: broken };
}
