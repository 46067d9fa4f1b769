import type { Answer } from "./operations.ts";
import { plainName } from "./json_value.ts";
import { NO_SCHEMA, type Schemas, type SchemaView } from "./schemas.ts";

/** Where the records of a page are. */
export interface RecordList {
  /** Keys down to the list; none where the page is the list. */
  readonly path: readonly string[];
  readonly item: SchemaView;
  /** Of the whole page. */
  readonly page: SchemaView;
}

/** What APIs call the list of a page. */
const USUAL = new Set(
  ["data", "items", "item", "results", "result", "records", "rows", "entries", "values", "value", "list"]
    .concat([
      "content",
      "contents",
      "elements",
      "objects",
      "hits",
      "docs",
      "documents",
      "resources",
      "members",
    ])
    .concat(["collection", "nodes", "response", "payload"]),
);
/** What they call the object around it. */
const AROUND = new Set(
  ["data", "result", "results", "response", "payload", "body", "embedded", "output", "collection", "hits"],
);
/** What else stands on a page, beside the list. */
const OF_PAGES =
  /^(?:total|count|size|limit|offset|skip|start|page|per|next|prev|previous|first|last|has|more|is|num|cursor|link|meta|pag|self|href|url|object|kind|type|etag|status|success|ok|code|message|error|warning|request|incomplete|facet|sort|order|empty|included|jsonapi|@odata|timestamp|version|api|query|filter|response|number)/;

const ONE_RECORD = { reason: "it returns one record, no list" };

/**
 * The one list of what comes back: the page itself, or what is obviously its list by its name, a usual one or the one that the
 * path ends with. A reason where there is none, or more than one.
 */
export function findRecords(
  { schema }: Answer,
  path: string,
  schemas: Schemas,
): RecordList | { readonly reason: string } {
  const page = schemas.view(schema);
  if (page.types.has("array")) return { path: [], item: schemas.view(page.items), page: NO_SCHEMA };
  const found = listsOf(page, schemas, nameOf(path), MOST_AROUND);
  if ("reason" in found) return isOfOne(path) ? ONE_RECORD : found;
  if (
    isOfOne(path) && [...page.properties.keys()].some((name) => name !== found.path[0] && !isOfPages(name))
  ) {
    return ONE_RECORD;
  }
  return { ...found, page };
}

type Found = Pick<RecordList, "path" | "item"> | { readonly reason: string };

/** Objects around a list. */
const MOST_AROUND = 3;

function listsOf(view: SchemaView, schemas: Schemas, name: string, depth: number): Found {
  const lists: Pick<RecordList, "path" | "item">[] = [];
  for (const [key, schema] of view.properties) {
    const property = schemas.view(schema);
    if (property.types.has("array")) lists.push({ path: [key], item: schemas.view(property.items) });
  }
  const named = lists.filter(({ path: [key = ""] }) => plainName(key) === name);
  const usual = lists.filter(({ path: [key = ""] }) => USUAL.has(plainName(key)));
  const [one, another] = named.length > 0 ? named : usual;
  if (one !== undefined && another === undefined) return one;
  // Whatever it is called: a list among nothing but what pages have beside their lists.
  const [only] = lists;
  if (only !== undefined && lists.length === 1 && isAmongPages(view, only)) return only;
  if (lists.length > 1) {
    return {
      reason: `it returns several lists (${lists.slice(0, 5).map(({ path }) => path[0]).join(", ")})`,
    };
  }
  for (const [key, schema] of view.properties) {
    if (depth === 0 || !AROUND.has(plainName(key))) continue;
    const found = listsOf(schemas.view(schema), schemas, name, depth - 1);
    if ("path" in found) return { ...found, path: [key, ...found.path] };
  }
  return ONE_RECORD;
}

/** `workflowruns` of `/repos/{repo}/actions/workflow-runs`. */
function nameOf(path: string): string {
  const last = path.split("/").filter((part) => part !== "" && !part.includes("{")).at(-1) ?? "";
  return plainName(last.replace(/\.json$/i, ""));
}

/** Whether the path names one thing, as `/users/{id}`. */
const isOfOne = (path: string): boolean => /\{[^{}]*\}[^/]*\/?$/.test(path);

const isAmongPages = ({ properties }: SchemaView, { path: [list] }: Pick<RecordList, "path">): boolean =>
  [...properties.keys()].every((name) => name === list || isOfPages(name));

const isOfPages = (key: string): boolean => OF_PAGES.test(plainName(key).replace(/^_+/, ""));
