import * as v from "valibot";
import { dirname } from "node:path";
import type {
  Access,
  Connection,
  Connector,
  ConnectorContext,
  ConnectorUse,
  Destination,
  Source,
  StreamRef,
} from "../../contract/connector.ts";
import { AppError } from "../../contract/errors.ts";
import type { ArrowFile } from "./arrow/arrow_read.ts";
import { absolutePath, findFiles, fixedBase } from "../locations/disk/paths.ts";
import { resolveKind } from "./kind.ts";
import { loadOptionsSchema, parseOptions, streamOptionsSchema } from "./options.ts";
import type { FileSet } from "./file_set.ts";
import { targetAccess } from "./load/target.ts";

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
  streamOptionsSchema,
  loadOptionsSchema,
  streamAddresses: ["path"],
  loadModes: ["replace", "append", "merge"],
  secrets: () => [],
  access,
  open: (config, context) => Promise.resolve(new FileConnection(config, context)),
} satisfies Connector<FileConfig>;

function rootOf(config: FileConfig, context: ConnectorContext): string {
  return absolutePath(context.projectDir, config.root ?? ".");
}

function access(config: FileConfig, use: ConnectorUse, context: ConnectorContext): Access {
  const root = rootOf(config, context);
  if (use.kind === "source") {
    const base = fixedBase(root, pathOf(use.stream));
    // A file's folder, so that a message can tell a missing file from one that may not be read.
    return {
      hosts: [],
      read: base === absolutePath(root, pathOf(use.stream)) ? [dirname(base)] : [base],
      write: [],
    };
  }
  return { hosts: [], ...targetAccess(root, use.target) };
}

function pathOf(stream: StreamRef): string {
  if (stream.path === undefined) {
    throw new AppError(
      "invalid",
      `Cannot read stream "${stream.name}": a file connector needs path, as data/*.csv`,
    );
  }
  return stream.path;
}

/** What moves rows is imported when it is used: the server wants the schemas only. */
class FileConnection implements Connection {
  readonly source: Source;
  readonly destination: Destination;

  constructor(config: FileConfig, context: ConnectorContext) {
    const root = rootOf(config, context);
    this.source = {
      async describe(stream, signal) {
        const set = await findSet(root, stream);
        if (set.format === "arrow") {
          const { arrowSchema } = await import("./arrow/arrow_read.ts");
          return await arrowSchema(arrowFiles(set), signal);
        }
        throw new AppError("internal", `Cannot describe ${set.format} files here; DuckDB describes the scan`);
      },
      async *read({ stream, cursor }, signal) {
        const set = await findSet(root, stream);
        if (set.format !== "arrow") {
          throw new AppError("internal", `Cannot read ${set.format} files here; DuckDB reads the scan`);
        }
        const { readArrow } = await import("./arrow/arrow_read.ts");
        yield* readArrow(arrowFiles(set), cursor, signal);
      },
      async scan(stream, signal) {
        const set = await findSet(root, stream);
        if (set.format === "arrow") return undefined;
        const { scanFiles } = await import("./read/scan.ts");
        return await scanFiles(set, signal);
      },
    };
    this.destination = {
      async load(request, signal) {
        const { loadFiles } = await import("./load/load.ts");
        return await loadFiles(root, request, context, signal);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing stays open between calls.
  }
}

async function findSet(root: string, stream: StreamRef): Promise<FileSet> {
  const path = pathOf(stream);
  const options = parseOptions(streamOptionsSchema, stream.options, `stream "${stream.name}"`);
  const files = await findFiles(root, path);
  const kinds = files.map((found) => resolveKind(found.shown, options));
  const formats = new Set(kinds.map(({ format }) => format));
  const [format, other] = formats;
  if (format === undefined || other !== undefined) {
    throw new AppError(
      "invalid",
      `Cannot read "${path}": it matches ${
        [...formats].join(" and ")
      } files; narrow the path, or set options.format`,
    );
  }
  const compressions = kinds.map(({ compression }) => compression);
  return { root, base: fixedBase(root, path), files, format, compressions, options };
}

function arrowFiles(set: FileSet): ArrowFile[] {
  return set.files.map((found, index) => ({ file: found, compression: set.compressions[index] ?? "none" }));
}
