import type { RequestIdVariables } from "hono/request-id";
import type { Principal } from "../../contract/access/principal.ts";

/** What a request brings beside itself; a request without a listener behind it brings nothing. */
export interface AppEnv {
  readonly Bindings: {
    readonly remoteAddress?: string;
    /** SHA-256, in lower-case hex, of the certificate that the client has shown and that was verified. */
    readonly clientCertificate?: string | undefined;
    /** Aborts when the client has gone or the server is to stop: endless responses end then. */
    readonly signal?: AbortSignal;
  };
  readonly Variables: RequestIdVariables & {
    /** Who asks, once that is known. */
    principal?: Principal;
  };
}
