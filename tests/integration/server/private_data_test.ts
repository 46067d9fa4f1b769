import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { Served } from "../../support/served_project.ts";

Deno.test("a data folder that was open is closed to others, and so is what a run leaves in it", async () => {
  await using served = await Served.start({
    "orders.csv": "id\n1\n",
    "pipelines/quick.yaml":
      "extract:\n  orders: { connector: files, path: orders.csv }\nload:\n  orders: { connector: files, path: out/orders.csv }\n",
  });
  const { dataDir, projectDir } = served.project;
  await served.server.stop();
  await Deno.chmod(dataDir, 0o755);
  await Deno.chmod(join(dataDir, "sluice.db"), 0o644);
  await served.startNext();
  await served.succeed("quick");
  const open: string[] = [];
  const walk = async (folder: string) => {
    for await (const entry of Deno.readDir(folder)) {
      const path = join(folder, entry.name);
      if (((await Deno.stat(path)).mode ?? 0) & 0o077) open.push(path);
      if (entry.isDirectory) await walk(path);
    }
  };
  strictEqual(((await Deno.stat(dataDir)).mode ?? 0) & 0o777, 0o700);
  await walk(dataDir);
  // It says nothing but that git leaves the folder alone.
  deepStrictEqual(open.filter((path) => !path.endsWith(".gitignore")), []);
  const isRead = ((await Deno.stat(join(projectDir, "out", "orders.csv"))).mode ?? 0) & 0o044;
  ok(isRead, "what a destination writes is as the user's umask says");
});
