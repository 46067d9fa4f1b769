import type { RecordBatch } from "apache-arrow";
import { AppError } from "../../../../contract/errors.ts";
import { isSameName } from "../../../../contract/sql.ts";
import { extensionOf, jsonText } from "../../../destination/json_text.ts";
import type { ApiRequest } from "../api_request.ts";
import { simplePath } from "../json_path.ts";
import { urlOf, withValue } from "../requests.ts";
import { fillRowPlaces } from "./row_places.ts";
import type { RestTarget } from "./target.ts";

/** A row of a batch. */
export interface RowPlace {
  readonly batch: RecordBatch;
  readonly index: number;
}

/** A row that has no address, and why. */
export interface Unaddressed {
  readonly reason: string;
}

/** The requests that send rows to one target. */
export class RowRequests {
  readonly #baseUrl: URL;
  readonly #target: RestTarget;
  /** What comes before and behind the rows in a body. */
  readonly #around: readonly [string, string];

  constructor(baseUrl: URL, target: RestTarget) {
    this.#baseUrl = baseUrl;
    this.#target = target;
    this.#around = aroundOf(target);
  }

  /**
   * The request that sends the rows; one row where the target has no `batch`. `key` tells apart rows that are the
   * same. Throws `invalid` where the address names a column that there is not.
   */
  async make(rows: readonly RowPlace[], key: string): Promise<ApiRequest | Unaddressed> {
    const { method, headers, idempotency_header: header } = this.#target;
    const url = this.#url(rows[0]);
    if (!(url instanceof URL)) return url;
    const body = this.#body(rows);
    const told = `${key}\n${method} ${url.href}\n${body ?? ""}`;
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(told));
    // Beside the rows' place it is of what is sent: a key never stands for other rows than those it came with.
    return { method, url, body, headers: { ...headers, [header]: new Uint8Array(digest).toHex() } };
  }

  #body(rows: readonly RowPlace[]): string | null {
    const { method, batch, records_path } = this.#target;
    if (method === "DELETE" && batch === undefined && records_path === undefined) return null;
    const texts = rows.map(rowText);
    const [before, behind] = this.#around;
    return before + (batch === undefined ? texts.join() : `[${texts.join()}]`) + behind;
  }

  #url(row: RowPlace | undefined): URL | Unaddressed {
    const { path, params } = this.#target;
    let fault: string | undefined;
    const valueOf = (column: string): string => {
      const value = row === undefined ? null : columnText(row, column);
      if (value === null || /^\.{0,2}$/.test(value)) {
        fault ??= `its ${column} is ${
          value === null ? "NULL" : JSON.stringify(value)
        }, which cannot stand in the address`;
      }
      return value ?? "";
    };
    const filled = fillRowPlaces(path, (column) => encodeURIComponent(valueOf(column)));
    const query = Object.entries(params).flatMap(([name, value]) =>
      [value].flat().map((item) => [name, fillRowPlaces(String(item), valueOf)] as const)
    );
    if (fault !== undefined) return { reason: fault };
    const url = urlOf(this.#baseUrl, filled);
    for (const [name, value] of query) url.searchParams.append(name, value);
    return url;
  }
}

const base64 = (bytes: Uint8Array): string => bytes.toBase64();

/** The row as a JSON object. */
export const rowText = ({ batch, index }: RowPlace): string => jsonText(batch.data, index, undefined, base64);

/** A value as it stands in an address; null for NULL. */
function columnText({ batch, index }: RowPlace, column: string): string | null {
  const place = batch.schema.fields.findIndex(({ name }) => isSameName(name, column));
  const [field, data] = [batch.schema.fields[place], batch.data.children[place]];
  if (field === undefined || data === undefined) {
    const names = batch.schema.fields.map(({ name }) => name).join(", ");
    throw new AppError("invalid", `The endpoint names {row.${column}}, and the rows have only ${names}`);
  }
  const text = jsonText(data, index, extensionOf(field), base64);
  if (text === "null") return null;
  return text.startsWith('"') ? String(JSON.parse(text)) : text;
}

/** JSON before and behind the rows. They are put in as text, since JSON.stringify would round their numbers. */
function aroundOf({ json = {}, records_path }: RestTarget): readonly [string, string] {
  if (records_path === undefined) return ["", ""];
  const mark = crypto.randomUUID();
  const [before = "", behind = ""] = JSON.stringify(withValue(json, simplePath(records_path) ?? [], mark))
    .split(JSON.stringify(mark));
  return [before, behind];
}
