import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { AppError, type ErrorCode } from "../../../contract/errors.ts";
import { closeToOthers } from "../../../server/close_to_others.ts";
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

/** Path in the folder → mode. */
async function modesIn(folder: string, inside = ""): Promise<Record<string, string>> {
  const modes: Record<string, string> = {};
  for await (const entry of Deno.readDir(join(folder, inside))) {
    const path = join(inside, entry.name);
    if (entry.isSymlink) continue;
    modes[path] = (((await Deno.stat(join(folder, path))).mode ?? 0) & 0o777).toString(8);
    if (entry.isDirectory) Object.assign(modes, await modesIn(folder, path));
  }
  return modes;
}

Deno.test("openDataFolder() closes a folder that others could read, and all in it, but nothing that a link leads to", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "data");
    const outside = join(folder, "outside");
    await Deno.mkdir(join(path, "warehouse"), { recursive: true, mode: 0o755 });
    await Deno.mkdir(join(path, "tmp"), { mode: 0o755 });
    for (
      const name of [
        "sluice.db",
        "sluice.db-wal",
        "sluice.db-shm",
        "lock",
        "server.json",
        "warehouse/a.duckdb",
      ]
    ) {
      await Deno.writeTextFile(join(path, name), name === "lock" || name === "server.json" ? "{}" : "", {
        mode: 0o644,
      });
    }
    await Deno.writeTextFile(outside, "", { mode: 0o644 });
    await Deno.symlink(outside, join(path, "link"));
    await Deno.symlink(join(folder, "nowhere"), join(path, "warehouse", "dead"));
    await Deno.chmod(path, 0o755);
    await using held = await openDataFolder(path, "serve");
    strictEqual(held?.path, path);
    strictEqual(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o700);
    deepStrictEqual(await modesIn(path), {
      "sluice.db": "600",
      "sluice.db-wal": "600",
      "sluice.db-shm": "600",
      lock: "600",
      "format.json": "600",
      warehouse: "700",
      "warehouse/a.duckdb": "600",
      tmp: "700",
    });
    strictEqual(((await Deno.stat(outside)).mode ?? 0) & 0o777, 0o644);
  });
});

Deno.test("openDataFolder() takes an empty folder and closes it, and refuses one of other things", async () => {
  await withFolder(async (folder) => {
    const empty = join(folder, "empty");
    await Deno.mkdir(join(empty, "lost+found"), { recursive: true });
    await Deno.chmod(empty, 0o777);
    {
      await using held = await openDataFolder(empty, "serve");
      strictEqual(((await Deno.stat(held?.path ?? "")).mode ?? 0) & 0o777, 0o700);
    }
    const others = join(folder, "others");
    await Deno.mkdir(others);
    await Deno.chmod(others, 0o755);
    await Deno.writeTextFile(join(others, "photo.jpg"), "");
    await rejects(openDataFolder(others, "serve"), failsWith("invalid", /has "photo.jpg" in it/));
    strictEqual(((await Deno.stat(others)).mode ?? 0) & 0o777, 0o755);
  });
});

Deno.test("openDataFolder() refuses what others may have put into a folder that they could write to", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "data");
    await Deno.mkdir(join(path, "warehouse"), { recursive: true });
    const mine = join(folder, "mine");
    await Deno.writeTextFile(mine, "of value");
    await Deno.chmod(path, 0o777);
    const plant: Record<string, (target: string) => Promise<void>> = {
      "a symbolic link": (target) => Deno.symlink(mine, target),
      "a file with a second name elsewhere": (target) => Deno.link(mine, target),
    };
    for (const [what, put] of Object.entries(plant)) {
      for (const name of ["lock", "warehouse/orders.duckdb"]) {
        await put(join(path, name));
        // Again and again, until somebody has looked at it.
        for (let tries = 0; tries < 2; tries++) {
          await rejects(
            openDataFolder(path, "serve"),
            failsWith("forbidden", new RegExp(`${name} is ${what}`)),
          );
        }
        await Deno.remove(join(path, name));
      }
    }
    strictEqual(await Deno.readTextFile(mine), "of value");
    await Deno.writeTextFile(join(path, "warehouse/orders.duckdb"), "");
    await using held = await openDataFolder(path, "serve");
    ok(held);
    strictEqual((await Deno.stat(path)).mode! & 0o777, 0o700);
  });
});

Deno.test("closeToOthers() says why a folder cannot be closed", async () => {
  await withFolder(async (folder) => {
    await Deno.chmod(folder, 0o755);
    const forbidden = () =>
      Promise.reject(new Deno.errors.PermissionDenied("Operation not permitted (os error 1)"));
    await rejects(
      closeToOthers(folder, forbidden),
      failsWith("forbidden", /^Cannot close .* to other users: .*chown/),
    );
    const deaf = () => Promise.resolve();
    await rejects(closeToOthers(folder, deaf), failsWith("forbidden", /file system keeps the permissions/));
    await Deno.chmod(folder, 0o700);
    await closeToOthers(folder, forbidden);
  });
});
