import type { RateLimit, WayOut } from "../../contract/connector/connector.ts";
import type { AccessToken, RenewedToken, TokenRequest } from "../../contract/connector/tokens.ts";
import type { Order } from "../../contract/jobs/job.ts";
import type { Answer, Question } from "../../contract/jobs/questions.ts";
import type { Report } from "../../contract/jobs/reports.ts";
import type { PostedBody } from "../../contract/triggers/webhooks.ts";
import { AppError } from "../../contract/errors.ts";

/** A question without its number. */
type Asked = Question extends infer Kind ? Kind extends Question ? Omit<Kind, "id"> : never : never;

/**
 * What a process asks its server for while it works: a connector's config and secrets, which it gets
 * no earlier than it needs them, as they are at that moment; and its way to guarded hosts.
 */
export class ServerRequests {
  readonly #send: (report: Report) => void;
  readonly #open = new Map<number, PromiseWithResolvers<Answer>>();
  /** By host: until when requests may go without being asked for, by performance.now(). */
  readonly #freeUntilMs = new Map<string, number>();
  #holds = 0;
  #lastId = 0;

  constructor(send: (report: Report) => void) {
    this.#send = send;
  }

  /**
   * The connector's config with its references resolved, and how long that is good for further connections. Throws what the
   * server says against it.
   */
  async config(
    connector: string,
    { isAfresh = false } = {},
  ): Promise<{ readonly config: Readonly<Record<string, unknown>>; readonly goodForMs: number }> {
    const answer = await this.#ask({ type: "config", connector, ...(isAfresh ? { isAfresh } : {}) });
    if (answer.type === "config") return { config: answer.config, goodForMs: answer.goodForMs ?? Infinity };
    throw new AppError("internal", `The server gave no config for connector "${connector}"`);
  }

  /** The value of a secret that one of the pipeline's connectors refers to. Throws what the server says against it. */
  async secret(name: string): Promise<string> {
    const answer = await this.#ask({ type: "secret", name });
    if (answer.type === "secret") return answer.value;
    throw new AppError("internal", `The server gave no secret "${name}"`);
  }

  /** The way to a guarded host, `name:port`. Throws what the server says against it. */
  async wayOut(host: string): Promise<WayOut> {
    const answer = await this.#ask({ type: "way_out", host });
    if (answer.type === "way_out") {
      const { proxy, token } = answer;
      return { url: `socks5h://${proxy}`, basicAuth: { username: "sluice", password: token } };
    }
    throw new AppError("internal", `The server gave no way to ${host}`);
  }

  /** See ConnectorContext.turn. */
  async turn(host: string, limit: RateLimit | undefined, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (limit === undefined && performance.now() < (this.#freeUntilMs.get(host) ?? 0)) return;
    const { promise, reject } = Promise.withResolvers<never>();
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    const [askedAtMs, holds] = [performance.now(), this.#holds];
    try {
      const answer = await Promise.race([this.#ask({ type: "turn", host, limit: limit ?? null }), promise]);
      // An answer to what was asked before a hold does not know of it.
      if (answer.type === "turn" && holds === this.#holds) {
        this.#freeUntilMs.set(host, askedAtMs + answer.freeMs);
      }
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** See ConnectorContext.hold. */
  async hold(host: string, waitMs: number): Promise<void> {
    this.#holds++;
    this.#freeUntilMs.delete(host);
    await this.#ask({ type: "hold", host, waitMs });
  }

  /** See ConnectorContext.posted. */
  async posted(webhook: string, afterSeq: number): Promise<PostedBody | undefined> {
    const answer = await this.#ask({ type: "posted", webhook, afterSeq });
    if (answer.type !== "posted") throw new AppError("internal", "The server gave no body of a webhook");
    if (answer.posted === null) return undefined;
    const { base64, ...posted } = answer.posted;
    return { ...posted, body: Uint8Array.fromBase64(base64) };
  }

  /** Bytes of memory that a process has; null where the server cannot say. */
  async memoryOf(pid: number): Promise<number | null> {
    const answer = await this.#ask({ type: "memory", pid });
    return answer.type === "memory" ? answer.bytes : null;
  }

  /** See ConnectorContext.accessToken. */
  async accessToken(
    connector: string,
    request: TokenRequest,
    renew: (refreshTokens: readonly string[]) => Promise<RenewedToken>,
  ): Promise<AccessToken> {
    const answer = await this.#ask({ type: "token", connector, request });
    if (answer.type === "token") return answer.access;
    if (answer.type !== "renew") throw new AppError("internal", "The server gave no token");
    const { id: claim, refreshTokens } = answer;
    let renewed: RenewedToken | null = null;
    try {
      renewed = await renew(refreshTokens);
    } finally {
      // Before it is used: whoever comes next has to know it.
      await this.#ask({ type: "renewed", claim, renewed });
    }
    return renewed.access;
  }

  /** An order of the server; one that answers no question of ours is passed by. */
  take(order: Order): void {
    if (order.type !== "answer") return;
    const { answer } = order;
    this.#open.get(answer.id)?.resolve(answer);
    this.#open.delete(answer.id);
  }

  async #ask(asked: Asked): Promise<Answer> {
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<Answer>();
    this.#open.set(id, waiting);
    this.#send({ type: "question", question: { ...asked, id } });
    const answer = await waiting.promise;
    if (answer.type !== "refused") return answer;
    const { code, message, detail, reason } = answer.error;
    throw new AppError(code, message, {
      ...(detail === undefined ? {} : { detail }),
      ...(reason === undefined ? {} : { reason }),
    });
  }
}
