import type { StreamDefinition } from "../pipeline/stream.ts";
import type { RevisionFile } from "../revision.ts";
import type { JobBase } from "./job_base.ts";

/** Finds what streams a connector has. */
export interface DiscoveryJob extends JobBase {
  readonly kind: "discovery";
  readonly connector: string;
  /** As of a CheckJob. */
  readonly scripts?: readonly RevisionFile[];
  /** Says what works of the connector in place of its streams. */
  readonly isTest?: boolean;
  /** Says what its system keeps for this pipeline in place of them, see Source.followed. */
  readonly follower?: JobFollower;
  /** Says what files this path or glob names in place of them, see Source.look. */
  readonly look?: string;
}

/** A pipeline whose streams follow the connector's log. */
export interface JobFollower {
  readonly pipeline: string;
  readonly token: string;
  /** Where its last run was in the log; null where that is not known. */
  readonly position: string | null;
  readonly streams: Readonly<Record<string, StreamDefinition>>;
}
