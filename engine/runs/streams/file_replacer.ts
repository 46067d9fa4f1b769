import { dirname } from "node:path";

const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o600;

/**
 * Writes files whole, one after the other: a reader sees what was there or what is there now. What a process that dies
 * in between has left is written over by the next.
 */
export class FileReplacer {
  #turn: Promise<void> = Promise.resolve();

  /** `path` is absolute; its folder is made where it is not there. */
  replace(path: string, text: string): Promise<void> {
    const turn = this.#turn.then(() => write(path, text));
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

async function write(path: string, text: string): Promise<void> {
  const written = `${path}.new`;
  const put = () => Deno.writeTextFile(written, text, { mode: PRIVATE_FILE });
  try {
    await put().catch(async (error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      await Deno.mkdir(dirname(path), { recursive: true, mode: PRIVATE_FOLDER });
      await put();
    });
    await Deno.rename(written, path);
  } catch (error) {
    await Deno.remove(written).catch(() => {});
    throw error;
  }
}
