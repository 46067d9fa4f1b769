import type { RenewedToken, TokenRequest } from "../../../contract/connector/tokens.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Answer } from "../../../contract/jobs/questions.ts";
import type { Redactor } from "../redact.ts";
import type { Renewal, SharedTokens } from "./shared_tokens.ts";

/** One process's part in the shared tokens. Disposing of it gives back what it had the right to renew. */
export class ProcessTokens implements Disposable {
  readonly #tokens: SharedTokens;
  readonly #dataDir: string;
  readonly #redactor: Redactor;
  readonly #ended = new AbortController();
  /** By the number of the question that asked for it. */
  readonly #renewals = new Map<number, Renewal>();

  constructor(tokens: SharedTokens, dataDir: string, redactor: Redactor) {
    this.#tokens = tokens;
    this.#dataDir = dataDir;
    this.#redactor = redactor;
  }

  /** Throws as SharedTokens.claim does. */
  async claim(id: number, request: TokenRequest): Promise<Answer> {
    const found = await this.#tokens.claim(this.#dataDir, request, this.#ended.signal);
    if ("access" in found) {
      this.#redactor.learn([found.access.token]);
      return { type: "token", id, access: found.access };
    }
    const { renewal } = found;
    this.#renewals.set(id, renewal);
    if (this.#ended.signal.aborted) this.#giveBack();
    this.#redactor.learn(renewal.refreshTokens);
    return { type: "renew", id, refreshTokens: renewal.refreshTokens };
  }

  /** What came of the renewal; null: nothing. Throws `unavailable` where it cannot be kept. */
  async settle(claim: number, renewed: RenewedToken | null): Promise<void> {
    const found = this.#renewals.get(claim);
    if (found === undefined) throw new AppError("forbidden", "It is not for this process to renew the token");
    using _renewal = found;
    this.#renewals.delete(claim);
    if (renewed === null) return;
    this.#redactor.learn([renewed.access.token, renewed.refreshToken]);
    await found.keep(renewed);
  }

  [Symbol.dispose](): void {
    this.#ended.abort(new AppError("cancelled", "The process has ended"));
    this.#giveBack();
  }

  #giveBack(): void {
    for (const renewal of this.#renewals.values()) renewal[Symbol.dispose]();
    this.#renewals.clear();
  }
}
