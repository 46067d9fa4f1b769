import type { RunFacts } from "../connector/source.ts";
import type { WarehouseKey } from "../keys/warehouse_key.ts";
import type { PipelineDefinition } from "../pipeline/pipeline.ts";
import type { StreamDefinition } from "../pipeline/stream.ts";
import type { RevisionFile } from "../revision.ts";
import type { JobBase } from "./job_base.ts";

/** Puts rejects of a stream back into its table, sends those of a load again, or removes them. */
export interface RejectsJob extends JobBase {
  readonly kind: "rejects";
  readonly action: "replay" | "drop";
  /** Or the step of a load. */
  readonly stream: string;
  /** Only those of these positions; all by default. */
  readonly positions?: readonly string[];
  /** Of a stream that is to be replayed. */
  readonly definition?: StreamDefinition;
  /** Of a load whose rows are to be sent again. */
  readonly load?: LoadSentAgain;
  readonly scripts?: readonly RevisionFile[];
  readonly warehousePath: string;
  /** Of an encrypted one. */
  readonly warehouseKey?: WarehouseKey;
  /** As of a RunJob. */
  readonly dieAt?: string;
}

/** What a load's rows are sent with. */
export interface LoadSentAgain {
  readonly definition: PipelineDefinition;
  /** The models. */
  readonly files: readonly RevisionFile[];
  /** The run that kept them. */
  readonly run: RunFacts;
}
