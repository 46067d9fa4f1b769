import type { ServerStatus } from "../../../contract/runs/server_status.ts";
import type { Admission } from "../../runs/admission/admission.ts";
import type { RunQueue } from "../../runs/run_queue.ts";

/** How a server is, and whether it starts runs. Every failure is an AppError. */
export interface ServerControl {
  status(): Promise<ServerStatus>;
  /** No run begins any more until `undrain`, or until the server is started again; those under way go on. */
  drain(by: string): Promise<ServerStatus>;
  /** Runs begin again. */
  undrain(by: string): Promise<ServerStatus>;
}

/** Of this process. */
export function createServerControl(
  admission: Admission,
  queue: Pick<RunQueue, "running">,
): ServerControl {
  const status = () => Promise.resolve(admission.status(queue.running));
  return {
    status,
    drain(by) {
      admission.drain(by);
      return status();
    },
    undrain(by) {
      admission.undrain(by);
      return status();
    },
  };
}
