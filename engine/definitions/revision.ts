import { AppError } from "../../contract/errors.ts";
import type { LoadedPipeline } from "./parse_pipeline.ts";
import type { Revision } from "../../contract/revision.ts";

/**
 * The id of a revision: SHA-256 in hex over its content as JSON with sorted keys and files in order
 * of their paths, so that the same content has the same id however it was written down.
 */
export async function revisionId(parts: Omit<Revision, "id" | "gitCommit">): Promise<string> {
  const { pipeline, definition, files, connectors } = parts;
  const sorted = [...files].map(({ path, content }) => ({ path, content })).sort((a, b) =>
    compare(a.path, b.path)
  );
  const json = canonicalJson({ pipeline, definition, files: sorted, connectors });
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(json));
  return new Uint8Array(hash).toHex();
}

/** JSON with the keys of every object in order and without keys whose value is undefined. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    entries.sort(([a], [b]) => compare(a, b));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

/** By UTF-16 units: the same on every machine, whatever its language. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What a pipeline becomes as its files are. Throws `invalid` for one without a definition. */
export async function currentRevision(
  pipeline: LoadedPipeline,
  commit: string | undefined,
): Promise<Revision> {
  const { definition, name, files, scripts, connectors } = pipeline;
  if (definition === undefined) throw new AppError("invalid", `Pipeline "${name}" has no definition`);
  const parts = { pipeline: name, definition, files: [...files, ...scripts], connectors };
  return { id: await revisionId(parts), ...parts, ...(commit === undefined ? {} : { gitCommit: commit }) };
}
