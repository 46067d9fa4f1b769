import type { RateLimit } from "../connector/connector.ts";
import type { AccessToken, RenewedToken, TokenRequest } from "../connector/tokens.ts";
import type { ErrorRecord } from "../errors.ts";

/** What a process needs of its server while it works; the answer has the same `id`. */
export type Question =
  /**
   * The config of one of its job's connectors, references resolved as they are now. `isAfresh`: the system did not let it
   * in, the secrets may have been changed a moment ago.
   */
  | {
    readonly type: "config";
    readonly id: number;
    readonly connector: string;
    readonly isAfresh?: boolean;
  }
  /** A secret that one of them refers to. */
  | { readonly type: "secret"; readonly id: number; readonly name: string }
  /** The way to a guarded host, `name:port`. */
  | { readonly type: "way_out"; readonly id: number; readonly host: string }
  /** To wait until a request may go to a guarded host: of all processes together so many in so many milliseconds. */
  | { readonly type: "turn"; readonly id: number; readonly host: string; readonly limit: RateLimit | null }
  /** A guarded host wants to be left alone for so long. */
  | { readonly type: "hold"; readonly id: number; readonly host: string; readonly waitMs: number }
  /** The next body that was posted to a webhook of the run's pipeline, behind that of this place. */
  | { readonly type: "posted"; readonly id: number; readonly webhook: string; readonly afterSeq: number }
  /** How much memory a process has that it has started: the sandbox of a script. */
  | { readonly type: "memory"; readonly id: number; readonly pid: number }
  /** An access token of one of its connectors that is good now. */
  | {
    readonly type: "token";
    readonly id: number;
    readonly connector: string;
    readonly request: TokenRequest;
  }
  /** What came of the renewal that the answer to `claim` gave the right to; null where nothing did. */
  | {
    readonly type: "renewed";
    readonly id: number;
    readonly claim: number;
    readonly renewed: RenewedToken | null;
  };

/** It may hold secrets: it travels over stdin, and is stored nowhere. */
export type Answer =
  | {
    readonly type: "config";
    readonly id: number;
    readonly config: Readonly<Record<string, unknown>>;
    /** For so long, in milliseconds, its credentials are good for further connections; without end where it is left out. */
    readonly goodForMs?: number;
  }
  | { readonly type: "secret"; readonly id: number; readonly value: string }
  | { readonly type: "way_out"; readonly id: number; readonly proxy: string; readonly token: string }
  /** For so long further requests to the host that keep to no limit may go without being asked for; 0 where they may not. */
  | { readonly type: "turn"; readonly id: number; readonly freeMs: number }
  | { readonly type: "memory"; readonly id: number; readonly bytes: number | null }
  /** Null where no body came behind it. */
  | {
    readonly type: "posted";
    readonly id: number;
    readonly posted: {
      readonly seq: number;
      readonly contentType: string;
      readonly base64: string;
    } | null;
  }
  | { readonly type: "token"; readonly id: number; readonly access: AccessToken }
  /** It is for this process to renew the token, by the first of these that is taken; all others wait for it. */
  | { readonly type: "renew"; readonly id: number; readonly refreshTokens: readonly string[] }
  | { readonly type: "done"; readonly id: number }
  | { readonly type: "refused"; readonly id: number; readonly error: ErrorRecord };
