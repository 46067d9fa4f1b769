import type { Connector } from "../../../contract/connector/connector.ts";
import type { ConnectorDefinition } from "../../../contract/connector/entry.ts";
import { SCRIPT_PATH_PATTERN } from "../../../contract/pipeline/scripts.ts";
import type { SourcePlace } from "../../../text/fault.ts";
import type { DocumentPath } from "../../../text/yaml_document.ts";
import { ProjectFiles } from "../read_files.ts";
import { type ConnectorScript, readScripts, type ScriptFiles } from "./read_scripts.ts";
import type { ScriptBundles } from "./script_bundles.ts";

/** The scripts that entries name, without those whose names are a fault already. `place` is that of a path of connectors.yaml. */
export function scriptsOfConnectors(
  connectors: Readonly<Record<string, ConnectorDefinition>>,
  types: readonly Connector[],
  place: (path: DocumentPath) => SourcePlace,
): ConnectorScript[] {
  return Object.entries(connectors).flatMap(([name, { type, ...entry }]) => {
    const named = types.find((one) => one.name === type)?.scripts?.(entry) ?? [];
    return named.filter(({ script }) => SCRIPT_PATH_PATTERN.test(script))
      .map(({ path, script }) => ({ connector: name, script, place: place([name, ...path]) }));
  });
}

/** Bundles of scripts that entries name, as they are in the project's folder now. Throws not_found where there is none. */
export async function bundleConnectorScripts(
  projectDir: string,
  bundles: ScriptBundles,
  named: readonly ConnectorScript[],
): Promise<ScriptFiles> {
  const files = await ProjectFiles.open(projectDir);
  return await readScripts(files, undefined, bundles.of(files), named);
}
