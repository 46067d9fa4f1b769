import * as fs from "node:fs";
import { AppError, toAppError } from "../../../contract/errors.ts";
import type { CommitInfo } from "../../../contract/versions/commit.ts";
import { GitHttp } from "./http_client.ts";
import { Repository } from "./repository.ts";
import type { RemoteSettings } from "./settings.ts";

/** Who is asked for so long does not answer. */
const LOOK_TIMEOUT_MS = 30_000;
const FETCH_TIMEOUT_MS = 300_000;

/** A repository that a commit of it can be read from, until it is disposed of. */
export interface OpenedCommit extends AsyncDisposable {
  readonly repository: Repository;
  readonly commit: CommitInfo;
}

/**
 * The repository that definitions are pulled from. Each pull is one shallow fetch into a folder of its own: a transfer
 * that breaks leaves nothing behind, and whatever happened to the branch meanwhile, what is read is one commit.
 */
export class GitRemote {
  readonly settings: RemoteSettings;
  readonly #signal: AbortSignal;

  constructor(settings: RemoteSettings, signal: AbortSignal) {
    this.settings = settings;
    this.#signal = signal;
  }

  /** The object that a branch or tag names now. Throws not_found where there is none, unavailable, unauthorized. */
  async latest(ref: string): Promise<string> {
    const { listServerRefs } = await import("./library.ts");
    const { branch, tag } = namesOf(ref);
    const found = await this.#asking(
      ref,
      LOOK_TIMEOUT_MS,
      (request) => listServerRefs({ ...request, prefix: "refs/", peelTags: true }),
    );
    for (const name of [branch, tag]) {
      const one = found.find((entry) => entry.ref === name);
      if (one !== undefined) return one.peeled ?? one.oid;
    }
    throw new AppError("not_found", `${this.settings.url} has no branch or tag "${ref}"`);
  }

  /** Fetches the commit that a branch or tag names. Throws as `latest`. */
  async fetch(ref: string): Promise<OpenedCommit> {
    const { addRemote, fetch, init } = await import("./library.ts");
    const folder = await Deno.makeTempDir({ prefix: "sluice-git-" });
    const remove = () => Deno.remove(folder, { recursive: true });
    try {
      await init({ fs, dir: folder, gitdir: folder, bare: true, defaultBranch: "main" });
      await addRemote({ fs, gitdir: folder, remote: "origin", url: this.settings.url });
      const fetchOne = (name: string) =>
        this.#asking(
          ref,
          FETCH_TIMEOUT_MS,
          (request) =>
            fetch({ ...request, fs, gitdir: folder, ref: name, singleBranch: true, depth: 1, tags: false }),
        );
      const { branch, tag } = namesOf(ref);
      // By its whole name: of a branch and a tag with one name it is the branch, as `latest` has it.
      const { fetchHead } = await fetchOne(branch).catch((error) => {
        if (error instanceof AppError && error.code === "not_found") return fetchOne(tag);
        throw error;
      });
      if (fetchHead === null) {
        throw new AppError("unavailable", `${this.settings.url} sent nothing for "${ref}"`);
      }
      const repository = new Repository({ headDir: folder, gitDir: folder, prefix: this.settings.folder });
      const commit = await repository.commit(fetchHead).catch((error) => {
        throw new AppError(
          "unavailable",
          `Cannot read ${this.settings.url}: it sent less than the commit ${fetchHead.slice(0, 12)}`,
          { cause: error },
        );
      });
      return { repository, commit, [Symbol.asyncDispose]: remove };
    } catch (error) {
      await remove();
      throw error;
    }
  }

  async #asking<T>(ref: string, timeoutMs: number, ask: (request: RemoteRequest) => Promise<T>): Promise<T> {
    const { url, user, token } = this.settings;
    await using http = new GitHttp(AbortSignal.any([this.#signal, AbortSignal.timeout(timeoutMs)]));
    try {
      return await ask({
        http,
        url,
        onAuth: () => token === undefined ? { cancel: true } : { username: user, password: token },
        onAuthFailure: () => ({ cancel: true }),
      });
    } catch (error) {
      throw await this.#told(error, ref, timeoutMs);
    }
  }

  async #told(error: unknown, ref: string, timeoutMs: number): Promise<AppError> {
    const { Errors } = await import("./library.ts");
    const { url, token } = this.settings;
    const of = (code: "unauthorized" | "not_found" | "unavailable" | "timeout", message: string) =>
      new AppError(code, message, { cause: error });
    if (error instanceof AppError) return error;
    if (this.#signal.aborted) return toAppError(this.#signal.reason);
    if (
      error instanceof Errors.UserCanceledError || (error instanceof Errors.HttpError && isRefusal(error))
    ) {
      return of(
        "unauthorized",
        token === undefined
          ? `${url} wants to know who asks: set SLUICE_GIT_TOKEN`
          : `${url} refuses the token in SLUICE_GIT_TOKEN`,
      );
    }
    if (error instanceof Errors.HttpError && error.data.statusCode === 404) {
      return of("not_found", `There is no repository at ${url}, or the token may not read it`);
    }
    if (error instanceof Errors.NotFoundError) return of("not_found", `${url} has no branch or tag "${ref}"`);
    if (error instanceof DOMException && error.name === "TimeoutError") {
      return of("timeout", `${url} did not answer within ${timeoutMs / 1000} s`);
    }
    const reason = reasonOf(error);
    return of("unavailable", `Cannot read ${url}: ${reason}${adviceFor(reason)}`);
  }
}

const namesOf = (ref: string) => ({ branch: `refs/heads/${ref}`, tag: `refs/tags/${ref}` });

function adviceFor(reason: string): string {
  if (reason.includes("CaUsedAsEndEntity")) {
    return "; the server's certificate is one of an authority (CA:TRUE): make it anew with basicConstraints=CA:FALSE";
  }
  return reason.includes("peer certificate")
    ? "; where an authority of your own has signed it, name that in DENO_CERT"
    : "";
}

/** What failed at the line itself stands in the cause: that no such host is known, or what is wrong with a certificate. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  const [, detail] = /client error \([^)]*\): (.+)$/s.exec(cause.message) ?? [];
  return `${error.message}: ${detail ?? cause.message}`;
}

type RemoteRequest = Pick<
  Parameters<typeof import("isomorphic-git").listServerRefs>[0],
  "http" | "url" | "onAuth" | "onAuthFailure"
>;

const isRefusal = ({ data }: { readonly data: { readonly statusCode: number } }): boolean =>
  data.statusCode === 401 || data.statusCode === 403;
