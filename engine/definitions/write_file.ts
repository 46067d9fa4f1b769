import { basename, dirname, join } from "node:path";
import { AppError } from "../../contract/errors.ts";

/** Files of a project that appear or change in one moment. */

/** Makes a file that is not there, and its folder. Throws `conflict` where there is one. */
export async function writeNewFile(path: string, text: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  const temporary = besideOf(path);
  try {
    await Deno.writeTextFile(temporary, text);
    // Unlike a rename, a link is refused where there is a file.
    await Deno.link(temporary, path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new AppError("conflict", `There is a file ${path} already`, { cause: error });
    }
    throw writeFault(path, error);
  } finally {
    await Deno.remove(temporary).catch(() => {});
  }
}

/** Replaces a file that holds `before`, which keeps its mode. Throws `conflict` where it holds something else by now. */
export async function replaceFile(path: string, before: string, text: string): Promise<void> {
  const target = await Deno.realPath(path);
  const temporary = besideOf(target);
  try {
    const { mode } = await Deno.stat(target);
    await Deno.writeTextFile(temporary, text);
    if (mode !== null) await Deno.chmod(temporary, mode & 0o7777);
    if (await Deno.readTextFile(target) !== before) {
      throw new AppError("conflict", `${path} was changed meanwhile: try again`);
    }
    await Deno.rename(temporary, target);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error instanceof AppError ? error : writeFault(path, error);
  }
}

/** Hidden: who watches the project does not take it for one of its files. */
const besideOf = (path: string): string => join(dirname(path), `.${basename(path)}.${Deno.pid}.tmp`);

function writeFault(path: string, error: unknown): AppError {
  const reason = error instanceof Error ? error.message : String(error);
  return new AppError("invalid", `Cannot write ${path}: ${reason}`, { cause: error });
}
