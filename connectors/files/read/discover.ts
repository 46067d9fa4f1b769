import { dirname } from "node:path";
import type { DiscoveredStream } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Location, StoredFile } from "../../locations/location.ts";
import { loadOfFile } from "../load/part_name.ts";
import { kindOfName } from "../kind.ts";

/** The files under the root that have a data ending, those of one folder and ending as one stream. */
export async function* discoverFiles(
  location: Location,
  root: string,
  signal: AbortSignal,
): AsyncIterable<DiscoveredStream> {
  const groups = new Map<string, StoredFile[]>();
  const prefix = root.endsWith("/") ? root : `${root}/`;
  const inRoot = ({ path }: StoredFile) => path.slice(prefix.length);
  for (const file of await dataFiles(location, signal)) {
    const glob = `${folderOf(inRoot(file))}*${endingOf(inRoot(file))}`;
    const group = groups.get(glob) ?? [];
    group.push(file);
    groups.set(glob, group);
  }
  for (const [glob, files] of groups) {
    const [first, second] = files;
    // The next load gives a part of a folder another name.
    const isAlone = first !== undefined && second === undefined && loadOfFile(first.path) === undefined;
    const path = isAlone ? inRoot(first) : glob;
    yield {
      address: { path },
      name: path,
      kind: "file",
      columns: [],
      primaryKey: [],
      rows: null,
      sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    };
  }
}

async function dataFiles(location: Location, signal: AbortSignal): Promise<readonly StoredFile[]> {
  try {
    const isData = (path: string) => kindOfName(path).format !== undefined;
    return (await location.list("**/*", signal, isData)).files;
  } catch (error) {
    if (error instanceof AppError && error.code === "not_found") return [];
    throw error;
  }
}

function folderOf(path: string): string {
  const folder = dirname(path);
  return folder === "." ? "" : `${folder}/`;
}

/** With the compression's: `.csv.gz`. */
function endingOf(path: string): string {
  return /(?:\.[^./]+)?\.(?:gz|zst|zstd)$|\.[^./]+$/i.exec(path)?.[0] ?? "";
}
