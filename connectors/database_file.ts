import { dirname, resolve } from "node:path";
import * as v from "valibot";
import type { Access, ConnectorPlace, ConnectorUse } from "../contract/connector/connector.ts";

/** What connectors have in common whose system is one database file. */

export const databaseFileSchema = v.strictObject({
  path: v.pipe(
    v.string(),
    v.nonEmpty("expected the path of a file"),
    v.description("The database file, relative to the project; a load makes it where it does not exist."),
  ),
});
export type DatabaseFileConfig = v.InferOutput<typeof databaseFileSchema>;

/** The database's absolute path. */
export const databasePath = (config: DatabaseFileConfig, place: ConnectorPlace): string =>
  resolve(place.projectDir, config.path);

/** The file and those that lie beside it, each named by a suffix; for a load also the folder. */
export function databaseFileAccess(
  config: DatabaseFileConfig,
  { kind }: ConnectorUse,
  place: ConnectorPlace,
  suffixes: readonly string[],
): Access {
  const path = databasePath(config, place);
  const files = ["", ...suffixes].map((suffix) => `${path}${suffix}`);
  if (kind !== "destination") return { hosts: [], read: files, write: [] };
  const folder = dirname(path);
  // The folder may have to be made; the project's own is there.
  const write = folder === resolve(place.projectDir) ? files : [folder];
  return { hosts: [], read: write, write };
}
