import { CERTIFICATE_ISSUER } from "../../contract/access/links.ts";
import type { Clock } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";
import { findWorkload, type WorkloadContext } from "../../engine/control/sso/find_workload.ts";
import type { LetIn } from "../../engine/store/ports/access.ts";
import { noteLink } from "./sso/note_link.ts";

export interface ClientCertificatesOptions {
  readonly workloads: WorkloadContext;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
}

/** Lets in services by the certificates that the TLS layer has verified: by SHA-256, which is one certificate's alone. */
export class ClientCertificates {
  readonly #options: ClientCertificatesOptions;

  constructor(options: ClientCertificatesOptions) {
    this.#options = options;
  }

  /** Undefined for a certificate that no active service is linked to. */
  async find(fingerprint: string): Promise<LetIn | undefined> {
    const { workloads, clock, log } = this.#options;
    const found = await findWorkload(workloads, CERTIFICATE_ISSUER, fingerprint);
    if (found?.letIn.identity.user.kind !== "service") return undefined;
    noteLink(found.link, { links: workloads.links, clock, log });
    return found.letIn;
  }
}
