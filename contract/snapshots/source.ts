import { MODEL_NAME_PATTERN, PIPELINE_NAME_PATTERN } from "../names.ts";
import type { ErrorRecord } from "../errors.ts";
import type { StreamDefinition } from "../pipeline/stream.ts";
import type { Column } from "../sql.ts";

/**
 * Streams that read what other pipelines publish: `connector: sluice`, `stream: shop.daily`. The connector is built in, by the
 * name of its type.
 */

export const PUBLISHED_CONNECTOR = "sluice";

/** A model by the pipeline that publishes it. */
export interface PublishedName {
  readonly pipeline: string;
  readonly model: string;
}

/** Reads `shop.daily`; undefined for what is no such name. */
export function parsePublishedName(text: string): PublishedName | undefined {
  const [pipeline = "", model = "", ...rest] = text.split(".");
  const isName = PIPELINE_NAME_PATTERN.test(pipeline) && MODEL_NAME_PATTERN.test(model) && rest.length === 0;
  return isName ? { pipeline, model } : undefined;
}

export const publishedNameText = ({ pipeline, model }: PublishedName): string => `${pipeline}.${model}`;

/** A stream that reads a published model. */
export interface PublishedRead extends PublishedName {
  /** Its name in the pipeline that reads. */
  readonly stream: string;
  /** Where the definition says what it reads. */
  readonly path: readonly (string | number)[];
}

/** What the definition reads of other pipelines, in the order of its streams; what is no such name is left out. */
export function publishedReads(
  { extract }: { readonly extract: Readonly<Record<string, StreamDefinition>> },
): PublishedRead[] {
  return Object.entries(extract).flatMap(([name, stream]) => {
    const address = addressOf(stream);
    const read = address === undefined ? undefined : parsePublishedName(address);
    return read === undefined ? [] : [{ ...read, stream: name, path: ["extract", name, "stream"] }];
  });
}

/** What a stream of this connector reads, as it is written; undefined for a stream of another one. */
export function addressOf(stream: StreamDefinition): string | undefined {
  const { connector, stream: address } = stream;
  return connector === PUBLISHED_CONNECTOR && typeof address === "string" ? address : undefined;
}

/** A file with the rows of a snapshot that stays as long as the run needs it. */
export interface SnapshotFile {
  readonly id: string;
  /** Absolute. */
  readonly path: string;
  readonly rows: number;
  readonly sizeBytes: number;
  /** ISO 8601, in UTC. */
  readonly publishedAt: string;
  /** Of an encrypted one: base64. */
  readonly key?: string;
}

/** What a job reads of a published model, or why it cannot. A check has the columns, by the model's own types, and no file. */
export type SnapshotInput =
  | {
    readonly columns: readonly Column[];
    /** Those with personal data, as far as a check knows. */
    readonly pii?: readonly string[];
    readonly file?: SnapshotFile;
  }
  | { readonly error: ErrorRecord };

/** By names such as `shop.daily`. */
export type SnapshotInputs = Readonly<Record<string, SnapshotInput>>;
