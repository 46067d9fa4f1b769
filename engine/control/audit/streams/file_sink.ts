import type { AuditSink } from "./sink.ts";

const NEWLINE = 10;

/**
 * A file that lines are added to as JSON, one a line, and synced. It is opened anew for each time: where others have
 * moved it away, as logrotate does, the next lines begin another one.
 */
export function createFileSink(path: string): AuditSink {
  return {
    name: `file ${path}`,
    async send(lines) {
      const bytes = new TextEncoder().encode(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
      using file = await Deno.open(path, { read: true, append: true, create: true, mode: 0o600 });
      const { size } = await file.stat();
      try {
        if (size > 0 && await lastByte(file, size) !== NEWLINE) await writeAll(file, Uint8Array.of(NEWLINE));
        await writeAll(file, bytes);
        await file.syncData();
      } catch (error) {
        // Half a line would spoil the next one; they all come again.
        await file.truncate(size).catch(() => {});
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** What a process that was killed may have left is half a line. */
async function lastByte(file: Deno.FsFile, size: number): Promise<number | undefined> {
  const byte = new Uint8Array(1);
  await file.seek(size - 1, Deno.SeekMode.Start);
  await file.read(byte);
  return byte[0];
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}
