import { createHash } from "node:crypto";
import * as v from "valibot";
import {
  DATA_FORMATS,
  type DataFormat,
  isWholeFile,
  MEDIA_TYPES,
  NUMBER_STYLES,
  type WrittenQuery,
} from "../../../contract/snapshots/query.ts";
import { type Snapshot, snapshotSchema } from "../../../contract/snapshots/snapshot.ts";
import type { ByteRange, DataRows } from "../../../engine/control/data/port.ts";
import { HttpError } from "../../http/problem.ts";
import { route } from "../../http/route.ts";
import { pageOfAll, pageQuery } from "../paging.ts";
import { integerText, nameParams } from "../request_parts.ts";

const MAX_LIMIT = 100_000;
const MAX_TEXT = 10_000;

const text = (description: string) =>
  v.exactOptional(
    v.pipe(v.string(), v.nonEmpty("expected some text"), v.maxLength(MAX_TEXT), v.description(description)),
  );

const query = v.strictObject({
  format: v.exactOptional(
    v.pipe(v.picklist(DATA_FORMATS), v.description("Instead of Accept; json where neither says.")),
  ),
  columns: text("Only these, in this order: `day,revenue`."),
  where: text(
    "Only rows for which all of it is true, in the words of PostgREST: `revenue.gte.10,country.in.(fr,de)`; " +
      "eq, neq, gt, gte, lt, lte, like, ilike, in, is, and not. before one.",
  ),
  order: text("`day.desc,country.asc.nullsfirst`; the order of the snapshot by default."),
  limit: v.exactOptional(
    v.pipe(
      integerText(1, MAX_LIMIT),
      v.description(`A page of so many rows, 1 to ${MAX_LIMIT.toLocaleString("en")}; all by default.`),
    ),
  ),
  cursor: text("The page behind: the Link header has that of the next one, on the same snapshot."),
  numbers: v.exactOptional(
    v.pipe(
      v.picklist(NUMBER_STYLES),
      v.description(
        "How json and ndjson have integers of 64 bits and decimals: as texts (the default), or as numbers with all their digits.",
      ),
    ),
  ),
});

const headers = v.object({
  accept: v.exactOptional(v.pipe(v.string(), v.description("Of which format the response is to be."))),
  "if-none-match": v.exactOptional(
    v.pipe(v.string(), v.description("304 where the ETag is still one of these.")),
  ),
  "if-range": v.exactOptional(
    v.pipe(v.string(), v.description("The range only where the ETag is still this.")),
  ),
  range: v.exactOptional(v.pipe(v.string(), v.description("Of the Parquet file as it is: `bytes=0-1023`."))),
});

/** `/api/pipelines/:name/data` and `/api/data/:name/:model`. */
export function dataRoutes() {
  return [
    route({
      method: "get",
      path: "/api/pipelines/:name/data",
      operation: "listData",
      summary: "The current snapshots of the models that a pipeline publishes",
      permission: "pipeline:view",
      request: v.object({ params: nameParams, query: v.strictObject(pageQuery("all")) }),
      response: { status: 200, description: "In the order of publish.", schema: v.array(snapshotSchema) },
      errors: ["not_found"],
      handle: async ({ params, query }, { engine }) =>
        pageOfAll("snapshots", await engine.data.list(params.name), query, ({ model }) => model),
    }),
    route({
      method: "get",
      path: "/api/data/:name/:model",
      operation: "readData",
      summary: "The rows of a published model, as JSON, NDJSON, CSV, Parquet or an Arrow stream",
      permission: "pipeline:data",
      request: v.object({
        params: v.object({
          ...nameParams.entries,
          model: v.pipe(v.string(), v.description("The model's name.")),
        }),
        query,
        headers,
      }),
      response: {
        status: 200,
        description: "The rows of its newest snapshot; HEAD says what there would be.",
        mediaType: "application/json",
        otherMediaTypes: Object.values(MEDIA_TYPES).slice(1).map((type) => type.split(";")[0] ?? type),
        otherStatuses: {
          206: "The part of the Parquet file that Range asks for; Content-Range says which.",
          304: "The ETag of If-None-Match is still that of the snapshot and the query.",
          431: "The query and the headers are together longer than a server takes.",
        },
        headers: {
          "X-Row-Count": "How many rows the response has.",
          "X-Snapshot": "The id of the snapshot that it is of.",
          "X-Next-Cursor": "Of the next page, which Link points to; absent where none follows.",
          "ETag": "Of the snapshot and the query.",
          "Link": "The next page, where one follows.",
        },
      },
      errors: ["not_found", "not_acceptable", "range"],
      async handle({ params, query: { format, ...wanted }, headers }, { engine, signal, url }) {
        const snapshot = await engine.data.find(params.name, params.model, wanted.cursor);
        const written: WrittenQuery = { format: format ?? formatOf(headers.accept), ...wanted };
        const about = aboutOf(snapshot, written);
        if (matches(headers["if-none-match"], about.etag)) {
          return new Response(null, { status: 304, headers: about });
        }
        const isRanged = isWholeFile(written) && !snapshot.encrypted;
        const isSame = headers["if-range"] === undefined || headers["if-range"] === about.etag;
        const range = isRanged && isSame ? rangeOf(headers.range, snapshot.size_bytes) : undefined;
        const rows = await engine.data.read(snapshot, written, signal, range);
        return responseOf(rows, { ...about, ...(isRanged ? { "accept-ranges": "bytes" } : {}) }, range, url);
      },
    }),
  ];
}

const BY_MEDIA_TYPE: readonly (readonly [RegExp, DataFormat])[] = [
  [/^application\/(?:json|\*)$|^\*\/\*$/, "json"],
  [/^application\/(?:x-)?ndjson$|^application\/jsonl$/, "ndjson"],
  [/^text\/(?:csv|\*)$/, "csv"],
  [/^application\/(?:vnd\.apache\.|x-)?parquet$/, "parquet"],
  [/^application\/vnd\.apache\.arrow\.stream$/, "arrow"],
];

/** The format that is wanted most, as RFC 9110 weighs them. Throws 406 for nothing that is here. */
function formatOf(accept: string | undefined): DataFormat {
  if (accept === undefined || accept.trim() === "") return "json";
  const wanted = accept.split(",").map((one) => {
    const [type = "", ...params] = one.trim().toLowerCase().split(/\s*;\s*/);
    const [, weight = "1"] = /^q=([0-9.]+)$/.exec(params.find((param) => param.startsWith("q=")) ?? "") ?? [];
    return { type, weight: Number(weight) };
  }).filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight);
  for (const { type } of wanted) {
    const [, format] = BY_MEDIA_TYPE.find(([pattern]) => pattern.test(type)) ?? [];
    if (format !== undefined) return format;
  }
  throw new HttpError(
    406,
    "invalid",
    `There is none of ${accept}, but ${Object.values(MEDIA_TYPES).join(", ")}`,
  );
}

function aboutOf(snapshot: Snapshot, query: WrittenQuery) {
  const asked = createHash("sha256").update(JSON.stringify(Object.entries(query).sort())).digest("hex").slice(
    0,
    16,
  );
  return {
    etag: `"${snapshot.id}-${asked}"`,
    "last-modified": new Date(snapshot.published_at).toUTCString(),
    // A new snapshot has another ETag: whoever asks keeps it, and asks whether it is still the one.
    "cache-control": "private, no-cache",
    vary: "Accept, Authorization, Cookie",
    "x-snapshot": snapshot.id,
    "content-type": MEDIA_TYPES[query.format],
    "content-disposition": `attachment; filename="${snapshot.model}.${
      query.format === "arrow" ? "arrows" : query.format
    }"`,
  };
}

const matches = (given: string | undefined, etag: string): boolean =>
  given !== undefined &&
  (given.trim() === "*" || given.split(",").some((one) => one.trim().replace(/^W\//, "") === etag));

/** One range of RFC 9110; undefined for the whole. Throws 416 for one beyond the end. */
function rangeOf(header: string | undefined, size: number): ByteRange | undefined {
  const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "") ?? [];
  if (from === "" && to === "") return undefined;
  const start = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === "" || to === "" ? size : Math.min(size, Number(to) + 1);
  if (start < end) return { start, end };
  throw new HttpError(416, "invalid", `The range ${header} is not in the file, which has ${size} bytes`);
}

function responseOf(
  { rows, sizeBytes, next, body, snapshot }: DataRows,
  about: Readonly<Record<string, string>>,
  range: ByteRange | undefined,
  url: URL,
): Response {
  return new Response(body, {
    status: range === undefined ? 200 : 206,
    headers: {
      ...about,
      "content-length": String(sizeBytes),
      ...(range === undefined ? { "x-row-count": String(rows) } : {
        "content-range": `bytes ${range.start}-${range.end - 1}/${snapshot.size_bytes}`,
      }),
      ...(next === undefined ? {} : { link: nextLink(url, next), "x-next-cursor": next }),
    },
  });
}

/** Relative to wherever the server is reached. */
function nextLink({ pathname, searchParams }: URL, cursor: string): string {
  const query = new URLSearchParams(searchParams);
  query.set("cursor", cursor);
  return `<${pathname}?${query}>; rel="next"`;
}
