import * as v from "valibot";
import { resolve } from "node:path";
import type { Access, Connector, ConnectorPlace, ConnectorUse } from "../../contract/connector/connector.ts";
import { STREAM_PLACE } from "../../contract/pipeline/wildcard.ts";
import { workPathOf } from "../locations/disk/published.ts";
import { diskPaths } from "../locations/file_paths.ts";
import { fileCapabilities, FileConnection } from "./file_connection.ts";
import { targetOf } from "./load/target.ts";
import { type FileStream, type FileTarget, pathOfUse } from "./options.ts";

/**
 * Files of the server's own disk: CSV, TSV, NDJSON, JSON, Parquet and Arrow IPC, each also as .gz or
 * .zst. DuckDB reads and writes all but Arrow by itself.
 */

const configSchema = v.strictObject({
  root: v.optional(
    v.pipe(
      v.string(),
      v.nonEmpty("expected a folder"),
      v.description(
        "The folder that paths are relative to, itself relative to the project; the project by default.",
      ),
    ),
  ),
});
export type FileConfig = v.InferOutput<typeof configSchema>;

export const file = {
  name: "file",
  description: "Files on the server's disk: CSV, TSV, NDJSON, JSON, Parquet and Arrow, also compressed.",
  configSchema,
  ...fileCapabilities,
  secrets: () => [],
  dataset(config, use, place) {
    const path = pathOfUse(use);
    return path === undefined ? undefined : { namespace: "file", name: resolve(rootOf(config, place), path) };
  },
  access,
  open(config, context) {
    const root = rootOf(config, context);
    return Promise.resolve(
      new FileConnection({
        paths: diskPaths(root),
        scratchDir: context.scratchDir,
        unasked: "its folder is looked at when files are listed, read or written",
        async location() {
          const { DiskLocation } = await import("../locations/disk/disk_location.ts");
          return new DiskLocation(root, { log: (message) => context.log("warn", message) });
        },
      }),
    );
  },
} satisfies Connector<FileConfig, FileStream, FileTarget>;

function rootOf(config: FileConfig, place: ConnectorPlace): string {
  return resolve(place.projectDir, config.root ?? ".");
}

function access(
  config: FileConfig,
  use: ConnectorUse<FileStream, FileTarget>,
  place: ConnectorPlace,
): Access {
  const root = rootOf(config, place);
  const none = { hosts: [], read: [], write: [] };
  switch (use.kind) {
    case "source":
      return { ...none, sources: [{ root, pattern: use.stream.path }] };
    case "discovery":
      return { ...none, sources: [{ root, pattern: "**" }] };
    case "destination":
      return { ...none, targets: targetPaths(root, use.target.path) };
  }
}

/**
 * What a load writes: the file or folder, and the work folder beside it. Of a wildcard's load it is known in the run only
 * which they are: the folder above is its own.
 */
function targetPaths(root: string, target: string): string[] {
  const { path } = targetOf(diskPaths(root), target);
  const at = path.indexOf(STREAM_PLACE);
  const above = at < 0 ? [] : [path.slice(0, path.lastIndexOf("/", at) + 1)];
  return [path, workPathOf(path), ...above];
}
