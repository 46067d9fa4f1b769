import { dirname, join } from "node:path";
import type { Clock } from "../../../contract/clock.ts";
import type { RenewedToken } from "../../../contract/connector/tokens.ts";
import { AppError } from "../../../contract/errors.ts";
import type { TokenSeal } from "./sealed_token.ts";

const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o600;
const LOCK_AGAIN_MS = 50;

/** The newest tokens, a sealed file for each configured one in the data folder, which no process of a run can read. */
export class TokenFolder {
  readonly #path: string;

  constructor(dataDir: string) {
    this.#path = join(dataDir, "tokens");
  }

  /**
   * Waits until no other process of this machine renews the token; the kernel ends the lock with the process that
   * has it. Throws `unavailable` where the folder cannot be written: a new token could not be kept. Throws the
   * signal's reason.
   */
  async lock({ id }: TokenSeal, clock: Clock, signal: AbortSignal): Promise<Disposable> {
    const file = await this.#keeping(async () => {
      await this.#create();
      return await Deno.open(join(this.#path, `${id}.lock`), {
        create: true,
        write: true,
        mode: PRIVATE_FILE,
      });
    });
    try {
      while (!await file.tryLock(true)) {
        await clock.sleep(LOCK_AGAIN_MS, signal);
        signal.throwIfAborted();
      }
    } catch (error) {
      file.close();
      throw error;
    }
    return { [Symbol.dispose]: () => file.close() };
  }

  /** Undefined where none was kept, or what is there cannot be read any more. */
  async read(seal: TokenSeal): Promise<RenewedToken | undefined> {
    try {
      const text = await seal.open(await Deno.readFile(this.#fileOf(seal)));
      return text === undefined ? undefined : JSON.parse(text);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /** When it returns they are on the disk, in the place of the one before. Throws `unavailable`. */
  async write(seal: TokenSeal, renewed: RenewedToken): Promise<void> {
    const path = this.#fileOf(seal);
    const written = `${path}.new`;
    await this.#keeping(async () => {
      {
        using file = await Deno.open(written, {
          create: true,
          truncate: true,
          write: true,
          mode: PRIVATE_FILE,
        });
        const bytes = await seal.seal(JSON.stringify(renewed));
        for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
        await file.sync();
      }
      await Deno.rename(written, path);
      await syncFolder(this.#path);
    });
  }

  /** A check may come before the data folder, whose place may be in a project that git looks after. */
  async #create(): Promise<void> {
    const dataDir = dirname(this.#path);
    const isNew = await Deno.stat(dataDir).then(() => false, () => true);
    await Deno.mkdir(this.#path, { recursive: true, mode: PRIVATE_FOLDER });
    if (isNew) await Deno.writeTextFile(join(dataDir, ".gitignore"), "*\n");
  }

  async #keeping<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new AppError("unavailable", `Cannot keep a refresh token in ${this.#path}: ${reason}`, {
        cause: error,
      });
    }
  }

  #fileOf({ id }: TokenSeal): string {
    return join(this.#path, id);
  }
}

/** So that the name is on the disk as well; where a folder cannot be opened the system sees to it. */
async function syncFolder(path: string): Promise<void> {
  const folder = await Deno.open(path).catch(() => undefined);
  await folder?.sync().catch(() => {});
  folder?.close();
}
