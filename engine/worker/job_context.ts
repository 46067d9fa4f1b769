import type { Connector } from "../../contract/connector/connector.ts";
import type { ConfigRequests } from "./config_requests.ts";
import type { Reporter } from "./reporter.ts";

/** What a job's process gives its job. */
export interface JobContext {
  readonly connectors: readonly Connector[];
  readonly reporter: Reporter;
  readonly requests: Pick<ConfigRequests, "config" | "secret">;
  /** Its abort stops the job. */
  readonly signal: AbortSignal;
  /** The program of threads that read; without it all is read in the main thread. */
  readonly readThread?: URL;
}
