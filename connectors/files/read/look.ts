import type { SeenFile } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Location, StoredFile } from "../../locations/location.ts";
import { leaveOut } from "./leave_out.ts";

/** Of each the tag is kept, and all are compared at each look. */
const MOST_FILES = 100_000;

/** The files that the path or glob names, with what tells whether they change. Reads none of them. */
export async function lookForFiles(
  location: Location,
  path: string,
  signal: AbortSignal,
): Promise<readonly SeenFile[]> {
  const files = await filesOf(location, path, signal);
  await leaveOut(files);
  if (files.length > MOST_FILES) {
    throw new AppError(
      "invalid",
      `Cannot wait for files of "${path}": there are more than ${
        MOST_FILES.toLocaleString("en")
      }; narrow the path`,
    );
  }
  return files.map(({ shown, sizeBytes, modifiedMs, etag }) => ({
    name: shown,
    tag: [sizeBytes, modifiedMs ?? "", etag ?? ""].join(" "),
  }));
}

async function filesOf(
  location: Location,
  path: string,
  signal: AbortSignal,
): Promise<readonly StoredFile[]> {
  try {
    return (await location.list(path, signal)).files;
  } catch (error) {
    if (error instanceof AppError && error.code === "not_found") return [];
    throw error;
  }
}
