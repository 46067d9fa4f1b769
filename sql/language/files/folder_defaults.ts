import type { RevisionFile } from "../../../contract/revision.ts";
import type { Fault } from "../../../text/fault.ts";
import { isRecord } from "../../../text/is_record.ts";
import { checkSchema } from "../../../text/schema_faults.ts";
import { parseYamlDocument } from "../../../text/yaml_document.ts";
import { defaultsSchema } from "../model_header.ts";

/** What a `_defaults.yaml` says for the models of its folder and of those below. */
export interface FolderDefaults {
  readonly path: string;
  /** The folder with a `/` at its end, as `transforms/orders/`. */
  readonly folder: string;
  /** Keys of a header without a fault, as they are written. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly faults: readonly Fault[];
}

/** Never throws for what a user wrote. */
export function parseDefaults({ path, content }: RevisionFile): FolderDefaults {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  const document = parseYamlDocument(content, path);
  const { value } = document;
  if (value === undefined) return { path, folder, values: {}, faults: document.faults };
  const shape = checkSchema(defaultsSchema, value);
  const faults = "faults" in shape ? shape.faults : [];
  const wrong = new Set(faults.map(({ path: [key] }) => key));
  return {
    path,
    folder,
    values: isRecord(value)
      ? Object.fromEntries(Object.entries(value).filter(([key]) => key !== "$schema" && !wrong.has(key)))
      : {},
    faults: faults.map((fault): Fault => ({
      ...(fault.at === "key" ? document.place(fault.path) : document.valuePlace(fault.path)),
      message: fault.message,
      severity: "error",
    })),
  };
}

/** A header with what the folders above its file say, and which of its keys come from there. */
export interface CompletedHeader {
  readonly values: Readonly<Record<string, unknown>>;
  /** Key → the file that it comes from. */
  readonly inherited: ReadonlyMap<string, string>;
}

/**
 * The keys that a model's header does not have: of the folders above it the deepest goes first. Tags of all of
 * them add up.
 */
export function completeHeader(
  path: string,
  header: Readonly<Record<string, unknown>>,
  defaults: readonly FolderDefaults[],
): CompletedHeader {
  const above = defaults.filter(({ folder }) => path.startsWith(folder))
    .sort((a, b) => a.folder.length - b.folder.length);
  if (above.length === 0) return { values: header, inherited: new Map() };
  const inherited = new Map(
    above.flatMap((one) => Object.keys(one.values).map((key) => [key, one.path] as const)),
  );
  for (const key of Object.keys(header)) inherited.delete(key);
  const values = { ...Object.assign({}, ...above.map((one) => one.values)), ...header };
  const tags = [...above.map((one) => one.values["tags"]), header["tags"]].filter(Array.isArray).flat();
  const hasOwn = "tags" in header;
  const isList = !hasOwn || Array.isArray(header["tags"]);
  return {
    values: tags.length > 0 && isList ? { ...values, tags: [...new Set(tags)] } : values,
    inherited,
  };
}
