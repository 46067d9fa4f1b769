import type { Clock } from "../../../contract/clock.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import {
  type CertificateFiles,
  expiryWarning,
  readServerCertificate,
  type ServerCertificate,
} from "./certificate.ts";

/** Files are looked at this often: a link that is turned to another folder shows as a change of what they hold. */
const LOOK_EVERY_MS = 5_000;
const WARN_EVERY_MS = 86_400_000;

export interface CertificateKeeperOptions {
  readonly files: CertificateFiles;
  readonly clock: Clock;
  readonly log: Log;
  /** Called with each other pair that can be used. */
  readonly onChange: (certificate: ServerCertificate) => void;
}

/** What is wrong with the certificate in use, or with the one that was to take its place. */
export interface CertificateState {
  readonly certificate: ServerCertificate;
  /** Undefined where all is well. */
  readonly problem: string | undefined;
}

/**
 * Watches the files of the server's certificate. A pair that cannot be used, as one half of which is
 * written already, changes nothing: the last good one is served, and the log says why. `start` has to be called
 * once, with the pair that is in use.
 */
export class CertificateKeeper {
  readonly #options: CertificateKeeperOptions;
  readonly #stopping = new AbortController();
  #certificate: ServerCertificate;
  #fault: string | undefined;
  #isFaultTold = false;
  #warnedAtMs = -Infinity;
  #loop: Promise<void> | undefined;

  constructor(certificate: ServerCertificate, options: CertificateKeeperOptions) {
    this.#certificate = certificate;
    this.#options = options;
  }

  get state(): CertificateState {
    const certificate = this.#certificate;
    return { certificate, problem: this.#fault ?? expiryWarning(certificate, this.#options.clock.now()) };
  }

  /** Says what is odd about the pair in use, and watches from now on. */
  start(): void {
    for (const warning of this.#certificate.warnings) this.#options.log("warn", warning);
    this.#warnOfExpiry();
    this.#loop = this.#watch();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  /** Looks at the files once. Never throws. */
  async look(): Promise<void> {
    const { files, log, onChange } = this.#options;
    try {
      const found = await readServerCertificate(files);
      if (found.cert !== this.#certificate.cert || found.key !== this.#certificate.key) {
        this.#requireBetter(found);
        onChange(found);
        this.#certificate = found;
        this.#warnedAtMs = -Infinity;
        log("info", "The server's certificate was renewed: new connections get it", {
          names: found.names,
          expires: new Date(found.expiresAtMs).toISOString(),
        });
        for (const warning of found.warnings) log("warn", warning);
      }
      this.#fault = undefined;
      this.#isFaultTold = false;
    } catch (error) {
      const { message } = toAppError(error);
      // At the second look: between two files that are written one after the other, nothing is wrong.
      if (message === this.#fault && !this.#isFaultTold) {
        log("error", `The server goes on with the certificate that it has: ${message}`);
        this.#isFaultTold = true;
      }
      if (message !== this.#fault) this.#isFaultTold = false;
      this.#fault = message;
    }
    this.#warnOfExpiry();
  }

  /** A pair that has expired takes the place of none that has not. */
  #requireBetter({ expiresAtMs }: ServerCertificate): void {
    const nowMs = this.#options.clock.now();
    if (expiresAtMs > nowMs || this.#certificate.expiresAtMs <= nowMs) return;
    const { certPath } = this.#options.files;
    throw new AppError(
      "invalid",
      `The new certificate ${certPath} has expired on ${new Date(expiresAtMs).toISOString()}`,
    );
  }

  async #watch(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    for (;;) {
      await clock.sleep(LOOK_EVERY_MS, signal);
      if (signal.aborted) return;
      await this.look();
    }
  }

  #warnOfExpiry(): void {
    const nowMs = this.#options.clock.now();
    const warning = expiryWarning(this.#certificate, nowMs);
    if (warning === undefined || nowMs - this.#warnedAtMs < WARN_EVERY_MS) return;
    this.#warnedAtMs = nowMs;
    this.#options.log(this.#certificate.expiresAtMs <= nowMs ? "error" : "warn", warning);
  }
}
