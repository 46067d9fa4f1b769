import * as v from "valibot";
import type { ColumnChoice } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { isSchema } from "./json_schema.ts";

/** A tap's catalog: the streams that it has, and which of them it is to read. */

const entrySchema = v.looseObject({
  tap_stream_id: v.optional(v.string()),
  stream: v.optional(v.string()),
  schema: v.optional(v.looseObject({}), {}),
  metadata: v.optional(v.array(v.looseObject({
    breadcrumb: v.array(v.string()),
    metadata: v.looseObject({}),
  }))),
  key_properties: v.optional(v.nullable(v.array(v.string()))),
  replication_key: v.optional(v.nullable(v.string())),
  replication_method: v.optional(v.nullable(v.string())),
});
type WrittenEntry = v.InferOutput<typeof entrySchema>;
const catalogSchema = v.looseObject({ streams: v.array(entrySchema) });

export interface Catalog {
  readonly streams: readonly CatalogEntry[];
}

export interface CatalogEntry {
  /** By which a person and the catalog name it. */
  readonly id: string;
  /** By what its messages may name it. */
  readonly names: readonly string[];
  readonly schema: unknown;
  readonly primaryKey: readonly string[];
  readonly written: WrittenEntry;
}

/** Throws `invalid`, with `subject` as what has the catalog, for what is none. */
export function parseCatalog(value: unknown, subject: string): Catalog {
  const parsed = v.safeParse(catalogSchema, value);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const where = v.getDotPath(issue);
    throw new AppError(
      "invalid",
      `${subject} is no catalog${where === null ? "" : `: ${where}`}: ${issue.message}`,
    );
  }
  return { streams: parsed.output.streams.map((entry) => entryOf(entry, subject)) };
}

function entryOf(written: WrittenEntry, subject: string): CatalogEntry {
  const { tap_stream_id: id, stream } = written;
  const own = id ?? stream;
  if (own === undefined) throw new AppError("invalid", `${subject}: a stream has no tap_stream_id`);
  const keys = [metadataOf(written, [])["table-key-properties"], written.key_properties]
    .find((list) => Array.isArray(list) && list.length > 0);
  return {
    id: own,
    names: [...new Set([own, stream ?? own])],
    schema: written.schema,
    primaryKey: Array.isArray(keys) ? keys.filter((key) => typeof key === "string") : [],
    written,
  };
}

function metadataOf({ metadata = [] }: WrittenEntry, place: readonly string[]): Record<string, unknown> {
  return metadata.find(({ breadcrumb }) => breadcrumb.join("\0") === place.join("\0"))?.metadata ?? {};
}

/** The entry of the name. Throws `not_found` with names that there are. */
export function findEntry({ streams }: Catalog, name: string, subject: string): CatalogEntry {
  const found = streams.find(({ id }) => id === name) ?? streams.find(({ names }) => names.includes(name));
  if (found !== undefined) return found;
  const known = streams.map(({ id }) => id);
  const shown = known.length > MAX_SHOWN ? `${known.slice(0, MAX_SHOWN).join(", ")} …` : known.join(", ");
  throw new AppError("not_found", `${subject} has no stream "${name}" (it has ${shown || "none"})`);
}

const MAX_SHOWN = 50;

/** How the catalog says that the stream is read. */
export function methodOf({ written }: CatalogEntry): string | undefined {
  const method = metadataOf(written, [])["replication-method"] ?? written.replication_method;
  return method === undefined || method === null ? undefined : String(method);
}

export interface Selection {
  readonly columns: ColumnChoice | undefined;
  /** Columns that are needed, whatever `columns` says. */
  readonly needed: readonly string[];
  /** Where the catalog has none. */
  readonly replicationKey: string | undefined;
  /** How it is read, as by methodOf() where nothing else is asked. */
  readonly method: string | undefined;
}

/** The catalog, as JSON, with the one stream selected. */
export function selectStream(catalog: Catalog, chosen: CatalogEntry, selection: Selection): string {
  const streams = catalog.streams.map((entry) =>
    entry === chosen ? selected(entry, selection) : withMetadata(entry.written, [], { selected: false })
  );
  return JSON.stringify({ streams });
}

function selected({ written }: CatalogEntry, selection: Selection): WrittenEntry {
  const { columns, needed, replicationKey, method } = selection;
  const own = metadataOf(written, []);
  const wanted = method;
  // What the tap itself goes by it knows best.
  const key = own["replication-key"] ?? written.replication_key ?? replicationKey;
  const isIncremental = wanted === "INCREMENTAL" && key !== undefined;
  let entry = withMetadata(written, [], {
    selected: true,
    ...(wanted === undefined ? {} : { "replication-method": wanted }),
    ...(isIncremental ? { "replication-key": key } : {}),
  });
  entry = {
    ...entry,
    // Where taps of before there was metadata look.
    selected: true,
    schema: { ...entry.schema, selected: true },
    ...(wanted === undefined ? {} : { replication_method: String(wanted) }),
    ...(isIncremental ? { replication_key: String(key) } : {}),
  };
  const { properties } = written.schema;
  const names = isSchema(properties) ? Object.keys(properties) : [];
  for (const name of names) {
    const isKept = metadataOf(written, ["properties", name])["inclusion"] === "automatic" ||
      needed.some((other) => isSame(other, name)) || isChosen(columns, name);
    entry = withMetadata(entry, ["properties", name], { selected: isKept });
  }
  return entry;
}

function withMetadata(
  entry: WrittenEntry,
  breadcrumb: readonly string[],
  more: Readonly<Record<string, unknown>>,
): WrittenEntry {
  const place = breadcrumb.join("\0");
  const { metadata = [] } = entry;
  const others = metadata.filter((item) => item.breadcrumb.join("\0") !== place);
  const own = { breadcrumb: [...breadcrumb], metadata: { ...metadataOf(entry, breadcrumb), ...more } };
  return { ...entry, metadata: [...others, own] };
}

function isChosen(choice: ColumnChoice | undefined, name: string): boolean {
  if (choice?.only !== undefined) return choice.only.some((other) => isSame(other, name));
  return !(choice?.except ?? []).some((other) => isSame(other, name));
}

const isSame = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
