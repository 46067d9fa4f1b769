import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { AppError, type ErrorCode } from "../../../contract/errors.ts";
import { openDataFolder, readHolder } from "../../../server/data_folder.ts";

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const failsWith = (code: ErrorCode, message: RegExp) => (error: unknown) =>
  error instanceof AppError && error.code === code && message.test(error.message);

/** Another process that holds the folder until its stdin closes. */
function spawnHolder(path: string): Deno.ChildProcess {
  const module = import.meta.resolve("../../../server/data_folder.ts");
  const code = `import { openDataFolder } from ${JSON.stringify(module)};
    const folder = await openDataFolder(${JSON.stringify(path)}, "serve");
    await folder?.announce({ url: "http://127.0.0.1:1", token: "t" });
    console.log(folder === undefined ? "busy" : "held");
    await Deno.stdin.read(new Uint8Array(1));`;
  return new Deno.Command(Deno.execPath(), {
    args: ["eval", code],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
}

async function firstLine(child: Deno.ChildProcess): Promise<string> {
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return new TextDecoder().decode(value).trim();
}

Deno.test("openDataFolder() makes a private folder that git leaves alone", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a", "data");
    await using held = await openDataFolder(path, "run");
    strictEqual(held?.path, path);
    strictEqual((await Deno.stat(path)).mode! & 0o777, 0o700);
    strictEqual(await Deno.readTextFile(join(path, ".gitignore")), "*\n");
    deepStrictEqual(await readHolder(path), { pid: Deno.pid, command: "run" });
  });
});

Deno.test("openDataFolder() answers undefined while another process holds the folder, and takes it when that was killed", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "data");
    const holder = spawnHolder(path);
    strictEqual(await firstLine(holder), "held");
    strictEqual(await openDataFolder(path, "serve"), undefined);
    deepStrictEqual(await readHolder(path), {
      pid: holder.pid,
      command: "serve",
      server: { url: "http://127.0.0.1:1", token: "t" },
    });
    strictEqual((await Deno.stat(join(path, "server.json"))).mode! & 0o777, 0o600);
    holder.kill("SIGKILL");
    await holder.stdin.close();
    await holder.stdout.cancel();
    await holder.status;
    await using held = await openDataFolder(path, "run");
    ok(held);
    // What the killed server announced is gone with it.
    deepStrictEqual(await readHolder(path), { pid: Deno.pid, command: "run" });
  });
});

Deno.test("readHolder() does not take another process's announcement for the holder's", async () => {
  await withFolder(async (path) => {
    await using held = await openDataFolder(path, "run");
    ok(held);
    const stale = { pid: Deno.pid + 1, url: "http://127.0.0.1:1", token: "t" };
    await Deno.writeTextFile(join(path, "server.json"), JSON.stringify(stale));
    deepStrictEqual(await readHolder(path), { pid: Deno.pid, command: "run" });
    await Deno.writeTextFile(join(path, "server.json"), '{"pid":');
    deepStrictEqual(await readHolder(path), { pid: Deno.pid, command: "run" });
  });
});

Deno.test("openDataFolder() refuses a path that is no folder and one that a newer version made", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "file");
    await Deno.writeTextFile(file, "");
    await rejects(openDataFolder(file, "run"), failsWith("invalid", /it is not a folder/));
    await rejects(openDataFolder(join(file, "below"), "run"), failsWith("invalid", /it is not a folder/));
    const newer = join(folder, "newer");
    await Deno.mkdir(newer);
    await Deno.writeTextFile(join(newer, "format.json"), '{"format":99}');
    await rejects(
      openDataFolder(newer, "run"),
      failsWith("invalid", /a newer version of sluice made it \(format 99/),
    );
    // The refusal lets go of the lock.
    await Deno.remove(join(newer, "format.json"));
    await using held = await openDataFolder(newer, "run");
    ok(held);
  });
});
