import { AppError } from "../../../contract/errors.ts";
import type { Outcome, SftpServer } from "./sftp_server.ts";

/** How often the holder of a lock says that it is alive. */
const BEAT_MS = 5_000;
/** A lock that has not changed for so long, by the watch of who waits for it, is that of a process that died. */
const STALE_MS = 30_000;
const LOOK_MS = 500;
/** Names of what a holder is about to rename. */
const UNFINISHED = /^\.\w+\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.new$/;

export interface LockWait {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * A file that only one can create keeps other loads of the same target out: SFTP has no locks that end with a
 * connection. Its holder touches it again and again.
 *
 * A holder that was stopped for long enough loses it without knowing. So what a commit renames has the holder's name
 * in its own (`unfinished()`), and who takes the lock removes what others have under such names before looking at the
 * target: what was renamed before is seen then, and what would be renamed after is not there any more.
 */
export class SftpLock implements AsyncDisposable {
  readonly #server: SftpServer;
  readonly #path: string;
  readonly #shown: string;
  readonly #owner: string;
  readonly #beat: ReturnType<typeof setInterval>;

  private constructor(server: SftpServer, path: string, shown: string, owner: string) {
    this.#server = server;
    this.#path = path;
    this.#shown = shown;
    this.#owner = owner;
    this.#beat = setInterval(() => this.#touch(), BEAT_MS);
  }

  /** Waits while another load holds it. Throws `unavailable` where that takes too long. */
  static async take(server: SftpServer, path: string, shown: string, wait: LockWait): Promise<SftpLock> {
    const { clock } = server;
    const owner = crypto.randomUUID();
    const begunMs = clock.now();
    let seen = { state: "", sinceMs: begunMs };
    for (;;) {
      wait.signal.throwIfAborted();
      if (await server.create(path, new TextEncoder().encode(owner))) {
        return new SftpLock(server, path, shown, owner);
      }
      const state = await stateOf(server, path);
      if (state !== seen.state) seen = { state, sinceMs: clock.now() };
      if (state !== "" && clock.now() - seen.sinceMs >= STALE_MS) {
        await breakLock(server, path, owner);
        continue;
      }
      if (clock.now() - begunMs > wait.timeoutMs) {
        throw new AppError("unavailable", `Cannot write "${shown}": another load is writing it`);
      }
      await clock.sleep(LOOK_MS, wait.signal);
    }
  }

  /** Where what is to be renamed is written. `folder` is without a slash at its end. */
  unfinished(folder: string, name: string): string {
    return `${folder}/.${name}.${this.#owner}.new`;
  }

  /** Removes what other holders were about to rename. The folder need not be there. */
  async removeUnfinished(folder: string): Promise<void> {
    if (await this.#server.stat(folder) === undefined) return;
    for (const { name } of await this.#server.list(folder)) {
      if (UNFINISHED.test(name) && !name.includes(this.#owner)) {
        await this.#server.remove(`${folder}/${name}`);
      }
    }
  }

  /**
   * Puts what unfinished() named in its place, in one step. `unknown` where the answer did not come. Throws
   * `unavailable` where another load took the lock: nothing is changed then.
   */
  async commit(unfinished: string, path: string): Promise<Outcome> {
    await this.check();
    try {
      return await this.#server.replace(unfinished, path);
    } catch (error) {
      await this.check();
      throw error;
    }
  }

  /** Throws `unavailable` where another load took it for the lock of a process that died. */
  async check(): Promise<void> {
    if (await this.#isOurs()) return;
    throw new AppError(
      "unavailable",
      `Cannot write "${this.#shown}": another load took its place, since this one did not get on; run it again`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#beat);
    // One that cannot be removed is broken by whoever comes next.
    if (await this.#isOurs().catch(() => false)) await this.#server.remove(this.#path).catch(() => {});
  }

  async #isOurs(): Promise<boolean> {
    const found = await this.#server.getAll(this.#path);
    return found !== undefined && new TextDecoder().decode(found.bytes) === this.#owner;
  }

  /** What cannot be said now is said the next time, or the lock is lost, which check() tells. */
  #touch(): void {
    this.#server.setModified(this.#path, Math.floor(Date.now() / 1000)).catch(() => {});
  }
}

/** Another one after each beat; empty where there is no lock. */
async function stateOf(server: SftpServer, path: string): Promise<string> {
  const found = await server.stat(path);
  const content = found && await server.getAll(path);
  return content === undefined ? "" : `${new TextDecoder().decode(content.bytes)} ${found?.modifiedS}`;
}

/** Of all who try, one succeeds. */
async function breakLock(server: SftpServer, path: string, owner: string): Promise<void> {
  const broken = `${path}.${owner}`;
  try {
    await server.rename(path, broken);
    await server.remove(broken);
  } catch (error) {
    if (error instanceof AppError && error.code === "unavailable") throw error;
    // Another one was faster.
  }
}
