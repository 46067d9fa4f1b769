import type { ParentRow } from "../../../contract/connector/source.ts";
import type { Endpoint } from "./endpoint.ts";
import type { MoreMembers } from "./page/page_reader.ts";
import { type PageReading, readPages } from "./read_pages.ts";
import { Requests } from "./requests.ts";
import type { Values } from "./fill_in.ts";

/** As many parents' pages are read at a time; rate_limit bounds the requests. */
const PARENTS_AT_ONCE = 4;

export interface ChildReading extends Omit<PageReading, "requests" | "more"> {
  readonly baseUrl: URL;
  readonly values: Values;
  /** The stream that the endpoint names. */
  readonly parent: string;
  readonly rows: readonly ParentRow[];
  /** Told of each parent whose pages are read. */
  readonly onParent: (parents: number) => void;
}

/** Reads the pages of each row of the parent. Returns how many there were. Throws as readPages does, for the first that fails. */
export async function readChildren(reading: ChildReading, signal: AbortSignal): Promise<number> {
  const { rows, baseUrl, endpoint, values, parent, onParent } = reading;
  const stop = new AbortController();
  const gone = AbortSignal.any([signal, stop.signal]);
  let pages = 0;
  let next = 0;
  let done = 0;
  const work = async () => {
    for (let row = rows[next++]; row !== undefined; row = rows[next++]) {
      pages += await readPages({
        ...reading,
        requests: new Requests(baseUrl, endpoint, { ...values, row: row.texts }),
        more: includedMembers(endpoint, parent, row),
      }, gone);
      onParent(++done);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(PARENTS_AT_ONCE, rows.length) }, work));
  } finally {
    stop.abort();
  }
  return pages;
}

/** `_users_id` as `7`. */
function includedMembers(
  { include_from_parent: included }: Endpoint,
  parent: string,
  { json }: ParentRow,
): MoreMembers {
  return new Map(included.map((name) => [`_${parent}_${name}`, json[name] ?? "null"]));
}
