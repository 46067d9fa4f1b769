import type { Clock } from "../../../contract/clock.ts";
import type { Store } from "../../store/store.ts";
import type { Encrypt } from "./encryption.ts";

export interface BackupContext {
  readonly store: Store;
  readonly dataDir: string;
  readonly clock: Clock;
  /** The program's. */
  readonly version: string;
  /** How long it waits for a run that holds a warehouse. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** Told of a pipeline that it waits for. */
  readonly onWait: (pipeline: string) => void;
  /** Published models are left out: the next runs publish them anew. */
  readonly leavesSnapshotsOut?: boolean;
  /** Where the backup is to be encrypted. */
  readonly encrypt?: Encrypt | undefined;
}
