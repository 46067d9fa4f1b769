/** An environment of the project that something was put in force in, or copied to. */
export interface EnvironmentRecord {
  readonly name: string;
  /** creating, deleting: that is under way, or was when its server was killed, and has to be done again. */
  readonly state: "ready" | "creating" | "deleting";
  /** The ref of git that its definitions come from; null for the project's own files. */
  readonly ref: string | null;
  readonly commit: string | null;
  /** Epoch milliseconds; null where nothing was applied yet. */
  readonly appliedAtMs: number | null;
  readonly changedAtMs: number;
}

export interface EnvironmentStore {
  /** By name. */
  list(): Promise<EnvironmentRecord[]>;
  get(name: string): Promise<EnvironmentRecord | undefined>;
  /** Creates or changes. */
  put(record: EnvironmentRecord): Promise<void>;
  remove(name: string): Promise<void>;
}
