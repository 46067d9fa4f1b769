import type { AuditTrail } from "../../../contract/audit/entry.ts";
import type { Clock } from "../../../contract/clock.ts";
import type { Log } from "../../../contract/log.ts";
import type { ApplyResult } from "../../../contract/run.ts";
import type { RemoteSettings } from "../../definitions/git/settings.ts";
import type { ProjectLook } from "../../definitions/watch.ts";
import type { GrantContext } from "../../grants/provide.ts";
import type { RunProcessProgram } from "../../runs/attempt/spawn.ts";
import type { RetentionSettings } from "../../runs/housekeeping.ts";
import type { WarehouseKeys } from "../../runs/warehouses/warehouse_keys.ts";
import type { Store } from "../../store/store.ts";
import type { BackgroundContext } from "../services/create_background.ts";
import type { StartedAhead } from "../start_ahead.ts";

/** `projectDir` and `dataDir` are absolute; the caller holds the data folder's lock. */
export interface EngineContext extends GrantContext {
  readonly store: Store;
  readonly runProcess: RunProcessProgram;
  /** What opens encrypted warehouses; all are plain by default. */
  readonly warehouseKeys?: WarehouseKeys;
  /** Takes what is done to warehouses; nothing is kept by default. */
  readonly audit?: AuditTrail;
  readonly clock: Clock;
  readonly log: Log;
  /** How many runs go on at the same time. */
  readonly maxRuns: number;
  /** Whether no other server can work on the store: what is under way elsewhere was left by a dead one. */
  readonly isAlone: boolean;
  readonly retention: RetentionSettings;
  /** Where people reach the server, for links in alerts; undefined where nobody has said so. */
  readonly publicUrl?: string | undefined;
  /** Where other systems hear of runs; nowhere by default. */
  readonly telemetry?: BackgroundContext["telemetry"];
  /** How many slots each pool has that pipelines name in `concurrency`; one that is not there has one. */
  readonly pools?: Readonly<Record<string, number>>;
  /** How many bytes of the data folder's disk a server keeps free; undefined: by its size, 0: none. */
  readonly diskReserveBytes?: number | undefined;
  /** The repository that definitions are pulled from; the project's folder is read without. */
  readonly remote?: RemoteSettings | undefined;
  /** What is wrong with the certificate that the server shows, for alerts. */
  readonly certificateProblem?: (() => string | undefined) | undefined;
  /** What was started while the store was opened. */
  readonly ahead?: StartedAhead | undefined;
}

export interface StartOptions {
  /** Whether pipelines start by their schedules. */
  readonly schedule: boolean;
  /** How the project's files looked before they were applied: what has changed since is applied, and goes on to be. */
  readonly watchSince?: ProjectLook;
  /** What applies them; `applyProject` by default. */
  readonly apply?: () => Promise<ApplyResult>;
  /** Whether what is old is forgotten. */
  readonly housekeeping: boolean;
  /** How many processes wait for the next runs of pipelines that ran or are due; none by default. */
  readonly readyProcesses?: number;
  /** Work on the runs of these pipelines only; all by default. */
  readonly pipelines?: readonly string[];
}

/** The context with what is not asked for every time. */
export type PartsContext = EngineContext & { readonly warehouseKeys: WarehouseKeys };
