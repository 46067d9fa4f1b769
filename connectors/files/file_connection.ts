import type { Connection, Connector } from "../../contract/connector/connector.ts";
import type { Destination, LoadShape } from "../../contract/connector/destination.ts";
import type { Scan, Source } from "../../contract/connector/source.ts";
import { AppError } from "../../contract/errors.ts";
import { onlyStream } from "../one_stream.ts";
import { diskPaths, type FilePaths } from "../locations/file_paths.ts";
import type { Location, StoredFile } from "../locations/location.ts";
import type { ArrowFile } from "./arrow/arrow_read.ts";
import type { FileSet } from "./file_set.ts";
import { kindOfName, resolveKind } from "./kind.ts";
import { checkPlan } from "./load/check_plan.ts";
import { readBack } from "./load/read_back.ts";
import { planTarget } from "./load/target_plan.ts";
import { type FileStream, type FileTarget, loadSchema, streamSchema } from "./options.ts";
import { type NewFiles, newFiles } from "./read/new_files.ts";
import { leaveOut } from "./read/leave_out.ts";
import { unchangedScan, validatorsOf } from "./read/same_files.ts";

/**
 * What all connectors of files have in common, wherever their files are: streams and loads by `path`, in every
 * format. A connector adds what a config of its own says, and a Location.
 */

/** The parts of a connector that do not depend on where the files are. */
export const fileCapabilities = {
  streamSchema,
  loadSchema,
  apartBy: "folder",
  loadModes: ["replace", "append", "merge", "delete_insert"],
  refusesLoad,
  readBack,
  // DuckDB reads and writes the other formats.
  hasFiles: true,
  isScanned: (stream) => !isArrow(stream),
  stagesWhileReading: (target) => isArrow(target),
  isWrittenByDuckdb: (target) => !isArrow(target),
} satisfies Partial<Connector<unknown, FileStream, FileTarget>>;

function isArrow({ path, options }: FileStream | FileTarget): boolean {
  return (options.format ?? kindOfName(path).format) === "arrow";
}

function refusesLoad(target: FileTarget, load: LoadShape): string | undefined {
  try {
    checkPlan(planTarget(diskPaths("/"), { loadId: "", target, ...load }));
    return undefined;
  } catch (error) {
    if (error instanceof AppError && error.code === "invalid") return error.message;
    throw error;
  }
}

/** Where a connection's files are. */
export interface FileConnectionPlace {
  readonly paths: FilePaths;
  /** Absolute: see ConnectorContext. */
  readonly scratchDir: string;
  /** Whether nobody can tell what files there are, as of a web server. */
  readonly isUnlisted?: boolean;
  /** Called for each use of it; what moves rows is imported then. */
  location(): Promise<Location>;
  /** Of a place that nothing was asked of: see Connection. */
  reach?(signal: AbortSignal): Promise<void>;
  /** Of a place where there is nothing to ask: see Connection. */
  readonly unasked?: string;
  /** Called when the connection is closed. */
  close?(): void | Promise<void>;
}

/** What moves rows is imported when it is used: the server wants the schemas only. */
export class FileConnection implements Connection {
  readonly source: Source<FileStream>;
  readonly destination: Destination<FileTarget>;
  readonly unasked?: string;
  readonly #place: FileConnectionPlace;

  constructor(place: FileConnectionPlace) {
    const { paths, scratchDir } = place;
    this.#place = place;
    if (place.unasked !== undefined) this.unasked = place.unasked;
    const setOf = async (stream: FileStream, signal: AbortSignal) =>
      await findSet(paths.root, await place.location(), stream, signal);
    this.source = {
      // DuckDB does both where it scans; Arrow files are read whole.
      pushdown: { columns: false, where: false },
      ...(place.isUnlisted === true ? {} : {
        async *discover(signal: AbortSignal) {
          const { discoverFiles } = await import("./read/discover.ts");
          yield* discoverFiles(await place.location(), paths.root, signal);
        },
      }),
      async look(path, signal) {
        const { lookForFiles } = await import("./read/look.ts");
        return await lookForFiles(await place.location(), path, signal);
      },
      async describe({ address }, signal) {
        const set = await setOf(address, signal);
        if (set.format === "arrow") {
          const { arrowSchema } = await import("./arrow/arrow_read.ts");
          return { schema: await arrowSchema(arrowFiles(set), signal) };
        }
        throw new AppError("internal", `Cannot describe ${set.format} files here; DuckDB describes the scan`);
      },
      async *read({ streams }, signal) {
        const { name, address, addsOnly, state, ...window } = onlyStream(streams);
        const set = await setOf(address, signal);
        if (set.format !== "arrow") {
          throw new AppError("internal", `Cannot read ${set.format} files here; DuckDB reads the scan`);
        }
        const added = addsOnly === true ? newFiles(set.root, set.files, state) : undefined;
        const { readArrow } = await import("./arrow/arrow_read.ts");
        for (const { level, message } of added?.messages ?? []) yield { type: "log", level, message };
        const files = arrowFiles(await ofFiles(set, added?.files));
        for await (const batch of readArrow(files, window, signal)) {
          yield { type: "rows", stream: name, batch };
        }
        if (added !== undefined) yield { type: "state", stream: name, state: added.state };
      },
      async scan(request, signal) {
        const { address, texts, cursor, setsAside, addsOnly, state, mayGuess } = request;
        const all = await setOf(address, signal);
        if (all.format === "arrow") return undefined;
        const added = addsOnly === true ? newFiles(all.root, all.files, state) : undefined;
        if (added?.files.length === 0) {
          await leaveOut(all.files);
          return nothingNew(added);
        }
        const validators = added === undefined ? validatorsOf(all.root, all.files) : undefined;
        if (validators !== undefined && request.validators === validators) {
          return await unchangedScan(all.files, validators);
        }
        const set = await ofFiles(all, added?.files);
        const { scanFiles } = await import("./read/scan.ts");
        const told = {
          ...set,
          ...(texts === undefined ? {} : { texts }),
          ...(cursor === undefined ? {} : { cursor }),
          ...(setsAside ? { setsAside } : {}),
          ...(mayGuess ? { mayGuess } : {}),
        };
        const scan = await scanFiles(told, scratchDir, signal);
        if (added !== undefined) return { ...scan, state: added.state, messages: added.messages };
        return validators === undefined ? scan : { ...scan, validators };
      },
    };
    this.destination = {
      kind: "transactional",
      async begin(request, signal) {
        const { FileLoad } = await import("./load/file_load.ts");
        return new FileLoad({ paths, scratchDir, location: await place.location() }, request, signal);
      },
    };
  }

  async reach(signal: AbortSignal): Promise<void> {
    await this.#place.reach?.(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#place.close?.();
  }
}

/** What is there was read before. */
function nothingNew({ state, messages }: NewFiles): Scan {
  return {
    relation: "(SELECT NULL AS nothing WHERE false)",
    hasNoColumns: true,
    files: [],
    sizeBytes: 0,
    state,
    messages,
    explain: (error) => Promise.reject(error),
    verify: () => Promise.resolve(),
  };
}

/** The set with these of its files, and the others left out; as it is where none are given. */
async function ofFiles(set: FileSet, files: readonly StoredFile[] | undefined): Promise<FileSet> {
  if (files === undefined) return set;
  const chosen = new Set(files);
  await leaveOut(set.files.filter((file) => !chosen.has(file)));
  const compressions = set.files.flatMap((file, index) =>
    chosen.has(file) ? [set.compressions[index] ?? "none"] : []
  );
  return { ...set, files, compressions };
}

async function findSet(
  root: string,
  location: Location,
  { path, options }: FileStream,
  signal: AbortSignal,
): Promise<FileSet> {
  const { base, files } = await location.list(path, signal);
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
  if (format === "arrow") checkArrow(path, options);
  const { sheet, range } = options;
  if (format !== "xlsx" && (sheet ?? range) !== undefined) {
    throw new AppError(
      "invalid",
      `Cannot read "${path}": only Excel workbooks have a sheet and a range of cells; leave out options.${
        sheet === undefined ? "range" : "sheet"
      }`,
    );
  }
  const compressions = kinds.map(({ compression }) => compression);
  return { root, base, pathSql: (local) => location.pathSql(local), files, format, compressions, options };
}

/** Arrow files are read as they are: what would be left out without a word is refused. */
function checkArrow(path: string, options: FileStream["options"]): void {
  const option = Object.keys(options.columns).length > 0
    ? "columns"
    : options.filename
    ? "filename"
    : options.hive_partitioning === true
    ? "hive_partitioning"
    : undefined;
  if (option === undefined) return;
  throw new AppError(
    "invalid",
    `Cannot read "${path}": options.${option} does not work on Arrow files; leave it out, and cast in a model`,
  );
}

function arrowFiles(set: FileSet): ArrowFile[] {
  return set.files.map((found, index) => ({ file: found, compression: set.compressions[index] ?? "none" }));
}
