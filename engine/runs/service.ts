/** What works in the background of a server for as long as that does. */
export interface Service {
  start(): void;
  /** The runs or definitions that it reacts to may have changed: it looks now. */
  wake?(): void;
  /** Returns when nothing of it is under way any more. */
  stop(): Promise<void>;
}
