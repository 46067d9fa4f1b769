import { Buffer } from "node:buffer";

/** All bytes of a control store's files, its log and its shared memory among them. */
export async function bytesOf(path: string): Promise<Buffer> {
  const files = await Promise.all(["", "-wal", "-shm", "-journal"].map(async (ending) => {
    try {
      return await Deno.readFile(path + ending);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return new Uint8Array();
      throw error;
    }
  }));
  return Buffer.concat(files);
}
