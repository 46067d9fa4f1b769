import type { SensorDefinition } from "../../../contract/triggers/sensors.ts";

/** A pipeline in force that waits for files. */
export interface Sensing {
  readonly pipeline: string;
  readonly sensors: readonly SensorDefinition[];
  /** As its definition says. */
  readonly overlap: string;
  readonly paused: boolean;
}

/** A run that is due, written down before it is queued. */
export interface PendingRun {
  readonly key: string;
  /** The files, for people. */
  readonly files: string;
}

/** How a sensor stands. Times are epoch milliseconds. */
export interface SensorState {
  readonly lookedAtMs: number;
  /** When it last found something, or began to look. */
  readonly waitingSinceMs: number;
  /** The files that were found last, for people. */
  readonly found: string | null;
  readonly foundAtMs: number | null;
  /** Why the last look failed. */
  readonly error: string | null;
}

/** With the files that have started runs, or are about to. */
export interface SensorMark extends SensorState {
  /** Their tags by their names. */
  readonly files: Readonly<Record<string, string>>;
  readonly pending: PendingRun | null;
}

/** What sensors have found. They are named by `sensorKey`. */
export interface SensorStore {
  /** The pipelines in force that wait for files, by name. */
  list(): Promise<Sensing[]>;
  get(pipeline: string, sensor: string): Promise<SensorMark | undefined>;
  put(pipeline: string, sensor: string, mark: SensorMark): Promise<void>;
  /** The same but for the files. */
  putState(pipeline: string, sensor: string, state: SensorState): Promise<void>;
  /** Of one pipeline, or of all, by pipeline and sensor. */
  states(
    pipeline?: string,
  ): Promise<(SensorState & { readonly pipeline: string; readonly sensor: string })[]>;
}
