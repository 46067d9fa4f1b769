import type { PipelineSubject } from "../../../contract/access/scope.ts";
import type { ConnectorDefinition } from "../../../contract/connector/entry.ts";
import type { ReadPublication } from "../../../contract/lineage/across.ts";
import type { PipelineLineage } from "../../../contract/lineage/lineage.ts";
import type { ReadableRevision, Revision, RevisionFile } from "../../../contract/revision.ts";
import type { PipelineStep } from "../../../contract/run.ts";
import type { Column } from "../../../contract/sql.ts";
import type { Fault } from "../../../text/fault.ts";
import type { Lease } from "./runs.ts";

/** Pipelines, their schedules and revisions, as the control store keeps them. */

export interface PipelineRecord {
  readonly name: string;
  readonly origin: "files" | "api";
  /** The revision in force; null while none has been right. */
  readonly revision: string | null;
  readonly paused: boolean;
  readonly faults: readonly Fault[];
  /** The revision that its files say, where an earlier one was put in its place; null where they are in force. */
  readonly rolledBackFrom: string | null;
  /** When the schedule last fired, epoch milliseconds, as versions wrote it that had no marks of schedules. */
  readonly lastFiredAtMs: number | null;
}

/** Up to when the firings of a schedule are dealt with. */
export interface ScheduleMark {
  readonly pipeline: string;
  /** Tells the pipeline's schedules apart. */
  readonly schedule: string;
  /** Epoch milliseconds. */
  readonly untilMs: number;
}

export interface PipelineStore {
  /** All that were ever there, or the one of that name, with what decides who may do what with them. */
  subjects(name?: string): Promise<PipelineSubject[]>;
  /** By name; removed ones are left out. */
  list(): Promise<PipelineRecord[]>;
  /** The names of those that `list` gives. */
  names(): Promise<string[]>;
  get(name: string): Promise<PipelineRecord | undefined>;
  /** The streams in force that read what pipelines publish, by the names of their pipelines. */
  publicationsRead(): Promise<ReadPublication[]>;
  /** By name those of these that there are. */
  getAll(names: readonly string[]): Promise<Map<string, PipelineRecord>>;
  /** Creates or changes; brings a removed one back. A revision of undefined keeps the one in force. */
  put(
    pipeline: {
      name: string;
      origin: "files" | "api";
      revision?: string;
      faults: readonly Fault[];
      rolledBackFrom?: string | null;
    },
  ): Promise<void>;
  /** The text of the definition in force, with its path in the project, as it was written. */
  source(name: string): Promise<RevisionFile | undefined>;
  /** For a definition that was written anew and means the same as before: it is that of the revision in force. */
  putSource(name: string, source: RevisionFile): Promise<void>;
  /** Its runs are kept. */
  remove(name: string): Promise<void>;
  setPaused(name: string, paused: boolean): Promise<void>;
  scheduleMarks(): Promise<ScheduleMark[]>;
  /** They never go back. */
  putScheduleMarks(marks: readonly ScheduleMark[]): Promise<void>;
  /** Of schedules that are no more. */
  forgetScheduleMarks(marks: readonly Omit<ScheduleMark, "untilMs">[]): Promise<void>;
  /**
   * What each stream of the pipeline looked like when it was last described or read. With a lease:
   * only while that is held.
   */
  putStreamColumns(
    pipeline: string,
    stream: string,
    columns: readonly Column[],
    lease?: Lease,
  ): Promise<void>;
  streamColumns(pipeline: string): Promise<Record<string, Column[]>>;
  /** The project's connectors, references not replaced; replaces what was there. Sealed. Throws as Sealer.seal does. */
  putConnectors(connectors: Readonly<Record<string, ConnectorDefinition>>): Promise<void>;
  /** Throws as Sealer.open does. */
  connectors(): Promise<Record<string, ConnectorDefinition>>;
}

/** What the connectors of a revision are sealed for, as Sealer takes it. */
export const revisionPlace = (id: string): string => `revision/${id}`;

/** What a connector's entry is sealed for. */
export const connectorPlace = (name: string): string => `connector/${name}`;

/** A revision as it is read without a key, and without its files, which may be many and long. */
export type RevisionHead = Omit<ReadableRevision, "files">;

export interface RevisionStore {
  /**
   * Keeps it with its connectors sealed, and file contents once by hash. Of one whose id is known it only seals the
   * connectors again where those do not open any more, and puts the lineage anew. Throws as Sealer.seal does.
   */
  save(revision: Revision, steps: readonly PipelineStep[], lineage?: PipelineLineage): Promise<void>;
  /** Where the columns of its tables come from; undefined where nobody has said so. */
  lineage(id: string): Promise<PipelineLineage | undefined>;
  /** For one that was found anew. */
  putLineage(id: string, lineage: PipelineLineage): Promise<void>;
  get(id: string): Promise<{ revision: ReadableRevision; steps: PipelineStep[] } | undefined>;
  /** What its connectors say, references not replaced. Throws `not_found`, and as Sealer.open does. */
  connectors(id: string): Promise<Readonly<Record<string, ConnectorDefinition>>>;
  /** The same without files and steps: what starting and listing pipelines need. */
  head(id: string): Promise<RevisionHead | undefined>;
  /** Those of these that there are, in any order. */
  heads(ids: readonly string[]): Promise<RevisionHead[]>;
  /** Those in force, by pipeline: for all at once. */
  headsInForce(): Promise<Map<string, RevisionHead>>;
  has(id: string): Promise<boolean>;
  /** Ids that begin so, in hex digits of either case; at most `limit`. */
  idsLike(beginning: string, limit: number): Promise<string[]>;
}
