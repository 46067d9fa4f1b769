import { fileError } from "../file_error.ts";
import type { SftpServer } from "./sftp_server.ts";

/** Sends a file of the local disk, and makes the folders that its place lies in. Throws where not all of it arrived. */
export async function sendFile(server: SftpServer, localPath: string, path: string): Promise<void> {
  await server.makeFolder(path.slice(0, path.lastIndexOf("/")));
  await server.write(path, bytesOf(localPath));
}

async function* bytesOf(path: string): AsyncIterable<Uint8Array> {
  try {
    yield* (await Deno.open(path)).readable;
  } catch (error) {
    throw fileError("read", path, error);
  }
}
