import type { StoredFile } from "../../locations/location.ts";
import type { Compression } from "../options.ts";
import type { JsonNode } from "./json_node.ts";

/** What a survey of JSON files finds. */

/** How the records stand in a file: in DuckDB's words. */
export type JsonLayout = "newline_delimited" | "unstructured" | "array";

export interface SurveyedFile {
  readonly file: StoredFile;
  readonly compression: Compression;
  /** It is compressed in a way that DuckDB cannot read. */
  readonly isOdd: boolean;
  /** Undefined where the file has no records. */
  readonly layout: JsonLayout | undefined;
}

export interface JsonSurvey {
  readonly root: JsonNode;
  readonly files: readonly SurveyedFile[];
  /** Of the longest record. */
  readonly maxRecordBytes: number;
}
