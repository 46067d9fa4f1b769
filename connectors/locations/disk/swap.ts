import { AppError } from "../../../contract/errors.ts";

const AT_FDCWD = -100;
const RENAME_EXCHANGE = 2;
const LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1", "libc.so"];

/**
 * Puts `built` at `target` and what was there at `built`, in one step: nobody ever sees `target`
 * missing, empty or mixed. False where the system cannot (see man 2 renameat2, RENAME_EXCHANGE).
 */
export function exchange(built: string, target: string): boolean {
  if (Deno.build.os !== "linux") return false;
  for (const library of LIBRARIES) {
    let symbols;
    try {
      symbols = Deno.dlopen(library, {
        renameat2: { parameters: ["i32", "buffer", "i32", "buffer", "u32"], result: "i32" },
      });
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) return false;
      continue;
    }
    const path = (text: string) => new TextEncoder().encode(`${text}\0`);
    const { renameat2 } = symbols.symbols;
    const result = renameat2(AT_FDCWD, path(built), AT_FDCWD, path(target), RENAME_EXCHANGE);
    symbols.close();
    return result === 0;
  }
  return false;
}

/**
 * The folder `built` becomes `target`; what was there goes to `aside`, or to `built` where the two
 * could be exchanged. A process that is killed between the two renames of the fallback leaves
 * `target` missing and `aside` there: recoverSwap() puts it back.
 */
export async function swapFolder(built: string, target: string, aside: string): Promise<void> {
  if (exchange(built, target)) return;
  await Deno.rename(target, aside);
  try {
    await Deno.rename(built, target);
  } catch (error) {
    await Deno.rename(aside, target);
    throw error;
  }
}

/** Ends a swap that was cut in the middle. */
export async function recoverSwap(target: string, aside: string): Promise<void> {
  if (await exists(target) || !await exists(aside)) return;
  await Deno.rename(aside, target);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.NotADirectory) {
      throw new AppError("invalid", `Cannot write "${path}": a part of the path is a file, not a folder`);
    }
    throw error;
  }
}
