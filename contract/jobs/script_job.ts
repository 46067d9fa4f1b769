import type { RunFacts } from "../connector/source.ts";
import type { JsonValue } from "../json.ts";
import type { LoadDefinition } from "../pipeline/load.ts";
import type { StreamDefinition } from "../pipeline/stream.ts";
import type { RevisionFile } from "../revision.ts";
import type { Column } from "../sql.ts";
import type { JobBase } from "./job_base.ts";

/** Runs one script as its stream or its load would, and stores nothing. */
export interface ScriptJob extends JobBase {
  readonly kind: "script";
  /** The stream's name, or that of what is loaded. */
  readonly name: string;
  /** One of the two. */
  readonly stream?: StreamDefinition;
  readonly load?: LoadDefinition;
  /** The rows that it is given: streams that read files, by the names of the streams that they stand for. */
  readonly inputs?: Readonly<Record<string, StreamDefinition>>;
  readonly scripts: readonly RevisionFile[];
  readonly run: RunFacts;
  readonly state?: JsonValue;
  /** The most rows that are wanted. */
  readonly limit: number;
}

/** What a ScriptJob has read. */
export interface ScriptTrial {
  readonly columns: readonly Column[];
  /** At most as many as were wanted, as texts; null is NULL. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** How many rows there were until it ended; of a load, how many it was given. */
  readonly count: number;
  /** False where the script was stopped, since more rows were not wanted. */
  readonly isWhole: boolean;
  /** Of the last checkpoint. */
  readonly state?: JsonValue;
  /** Of a load: rows that the script set aside, at most as many as were wanted, and how many there were. */
  readonly rejects?: readonly RejectedRow[];
  readonly rejectCount?: number;
}

/** A row that a script which takes rows did not want, by its place among all from 1 on. */
export interface RejectedRow {
  readonly row: number;
  readonly reason: string;
}
