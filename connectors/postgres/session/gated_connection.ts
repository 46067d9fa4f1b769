import type { Duplex } from "node:stream";
import { type ConnectionOptions, TLSSocket } from "node:tls";
import pg from "pg";
import type { AuthMethod, ChannelBinding, SslNegotiation } from "./connection_options.ts";
import { MessageGate } from "./message_gate.ts";
import type {} from "./pg_types.ts";
import { handshakeFault, NO_TLS } from "../../network/failures.ts";
import { ConnectionLostError, HandshakeError, NOT_THE_PROTOCOL, type ServerMessage } from "./server_error.ts";

export interface ConnectionPolicy {
  /** Undefined for a connection without TLS. */
  readonly tls: ConnectionOptions | undefined;
  readonly sslNegotiation: SslNegotiation;
  /** Over a Unix socket, where nobody can read along. */
  readonly isLocal: boolean;
  readonly channelBinding: ChannelBinding;
  readonly authMethods: ReadonlySet<AuthMethod>;
  onNotice(notice: ServerMessage): void;
}

const KEEP_ALIVE_MS = 30_000;
const SCRAM_PLUS = "SCRAM-SHA-256-PLUS";
const UNBOUND = "channel_binding is require, and the server does not bind the sign-in to its TLS connection";

interface ParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}

interface BackendKeyData {
  readonly processID: number;
  readonly secretKey: number;
}

/** The client's side of a sign-in by SCRAM. */
type Scram = { readonly isBound: boolean; isVerified: boolean };

/**
 * pg's connection with a MessageGate before its parser, and with rules for signing in that pg does
 * not have: no password in clear where others can read along, no sign-in whose SCRAM ends before the
 * server has shown that it knows the password too, none without channel binding where that is
 * required, none by a method that is not allowed, and not a word before TLS stands.
 */
export class GatedConnection extends pg.Connection {
  readonly policy: ConnectionPolicy;
  /** What the server says of itself, as `server_encoding`. */
  readonly parameters = new Map<string, string>();
  /** The server's process that serves this session, and what it takes to cancel its command. */
  processId = 0;
  secretKey = 0;
  /** Resolves when the socket is closed. */
  readonly closed: Promise<void>;
  #gate: MessageGate | undefined;
  #tlsAnswer: string | undefined;
  #isSecure = false;
  #scram: Scram | undefined;
  #method: AuthMethod = "none";
  #refusal: Error | undefined;

  constructor(policy: ConnectionPolicy) {
    super({
      ssl: policy.tls ?? false,
      sslNegotiation: policy.sslNegotiation,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    });
    this.policy = policy;
    this.closed = new Promise((resolve) => this.once("end", resolve));
    this.on("parameterStatus", ({ parameterName, parameterValue }: ParameterStatus) => {
      this.parameters.set(parameterName, parameterValue);
    });
    this.on("backendKeyData", ({ processID, secretKey }: BackendKeyData) => {
      this.processId = processID;
      this.secretKey = secretKey;
    });
    this.on("sslconnect", () => this.stream.once("secureConnect", () => this.#isSecure = true));
    this.on("authenticationCleartextPassword", () => this.#checkClearText());
    this.on("authenticationMD5Password", () => this.#checkMethod("md5"));
    this.on("authenticationSASL", () => this.#checkMethod("scram-sha-256"));
    this.on("authenticationSASLFinal", () => {
      // Whether the proof is right, pg finds out; where it is not, nothing that follows is heard.
      if (this.#scram !== undefined) this.#scram.isVerified = true;
    });
    this.on("authenticationOk", () => this.#checkEnd());
  }

  get gate(): MessageGate {
    if (this.#gate === undefined) throw new ConnectionLostError("the connection was closed");
    return this.#gate;
  }

  /** Why no more messages come; undefined while they may. */
  get endReason(): Error | undefined {
    return this.#gate?.endReason;
  }

  /** Why this side gave up, or what TLS met; undefined where there is no better word than pg's own. */
  explain(error: unknown): Error | undefined {
    if (this.#refusal !== undefined) return this.#refusal;
    if (this.policy.tls === undefined || this.#isSecure) return undefined;
    if (this.#tlsAnswer === "N") {
      return new HandshakeError(
        "encryption",
        NO_TLS,
      );
    }
    if (this.#tlsAnswer === undefined && this.policy.sslNegotiation === "postgres") return undefined;
    // More than the one byte could be a middleman's plain text put before the TLS stream.
    if (this.#tlsAnswer !== "S" && this.policy.sslNegotiation === "postgres") {
      return new ConnectionLostError(NOT_THE_PROTOCOL, { cause: error });
    }
    return new HandshakeError("encryption", handshakeFault(error), { cause: error });
  }

  /** Cuts the connection; what waits for it throws `reason`. */
  abandon(reason: Error): void {
    this.#gate?.abandon(reason);
    this.stream.destroy();
  }

  override attachListeners(socket: Duplex): void {
    const gate = new MessageGate(socket, this.policy.onNotice);
    this.#gate = gate;
    super.attachListeners(gate);
    void gate.run().then(() => this.stream.destroy());
  }

  /** What the server said last is heard before the connection's end. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    const gate = this.#gate;
    if (gate === undefined || (event !== "end" && event !== "error")) return super.emit(event, ...args);
    if (event === "error") this.#endFor(args[0]);
    void gate.ended.then((reason) => super.emit(event, ...(event === "error" ? [reason] : args)));
    return true;
  }

  override requestSsl(): void {
    this.stream.prependOnceListener("data", (bytes: Uint8Array) => {
      this.#tlsAnswer = String.fromCharCode(...bytes.subarray(0, 2));
    });
    super.requestSsl();
  }

  override startup(parameters: Readonly<Record<string, string>>): void {
    this.#onceSecure(() => super.startup(parameters));
  }

  override cancel(processId: number, secretKey: number): void {
    this.#onceSecure(() => super.cancel(processId, secretKey));
  }

  override sendSASLInitialResponseMessage(mechanism: string, response: string): void {
    this.#scram = { isBound: mechanism === SCRAM_PLUS, isVerified: false };
    if (this.#isBindingMissing()) return this.#refuse(UNBOUND);
    super.sendSASLInitialResponseMessage(mechanism, response);
  }

  /** pg writes before the handshake has shown who the server is. */
  #onceSecure(write: () => void): void {
    if (this.policy.tls === undefined || this.#isSecure) write();
    else this.stream.once("secureConnect", write);
  }

  /**
   * Of a socket that failed, what has come is still heard. Where pg gives up, as on a wrong proof of the
   * server's, nothing more must be: an "all right" may be right behind.
   */
  #endFor(error: unknown): void {
    const reason = error instanceof Error ? error : new ConnectionLostError(String(error));
    if ("code" in reason) this.#gate?.endWith(reason);
    else this.abandon(reason);
  }

  #checkClearText(): void {
    this.#checkMethod("password");
    if (this.policy.isLocal || this.stream instanceof TLSSocket) return;
    this.#refuse("the server asks for the password in clear text without TLS, which others could read");
  }

  #checkMethod(method: AuthMethod): void {
    this.#method = method;
    if (this.#scram !== undefined) return this.#refuse("the server asks twice for a password");
    if (!this.policy.authMethods.has(method)) {
      return this.#refuse(`the server asks for ${method}, which require_auth does not allow`);
    }
    // Before a word of the password leaves.
    if (method !== "scram-sha-256" && this.#isBindingMissing()) this.#refuse(UNBOUND);
  }

  #checkEnd(): void {
    if (this.#method === "none" && !this.policy.authMethods.has("none")) {
      return this.#refuse("the server asks for no password, which require_auth does not allow");
    }
    if (this.#scram?.isVerified === false) {
      return this.#refuse("the server ended SCRAM without a proof that it knows the password");
    }
    if (this.#isBindingMissing()) this.#refuse(UNBOUND);
  }

  #isBindingMissing(): boolean {
    return this.policy.channelBinding === "require" && this.#scram?.isBound !== true;
  }

  #refuse(what: string): void {
    this.#refusal ??= new HandshakeError("authentication", what);
    this.abandon(this.#refusal);
  }
}
