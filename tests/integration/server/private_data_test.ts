import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { CONNECTORS, Served } from "../../support/served_project.ts";
import { sluiceArgs } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

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
  strictEqual(((await Deno.stat(dataDir)).mode ?? 0) & 0o777, 0o700);
  deepStrictEqual(await openTo(0o077, dataDir), []);
  const isRead = ((await Deno.stat(join(projectDir, "out", "orders.csv"))).mode ?? 0) & 0o044;
  ok(isRead, "what a destination writes is as the user's umask says");
});

Deno.test("under umask 000 and in a folder of mode 777 nothing is open to others, a backup and a restored folder neither", async () => {
  await using shop = await TestProject.create({
    "connectors.yaml": CONNECTORS,
    "orders.csv": "id\n1\n",
    "pipelines/quick.yaml": "extract:\n  orders: { connector: files, path: orders.csv }\n",
  });
  await Deno.mkdir(shop.dataDir);
  await Deno.chmod(shop.dataDir, 0o777);
  const project = ["--project", shop.projectDir];
  const outside = join(shop.folder, "outside");
  await Deno.mkdir(outside);
  const other = join(shop.folder, "restored");
  await openly("run", "quick", ...project, "--data", shop.dataDir);
  await openly("backup", join(outside, "backup.zip"), ...project, "--data", shop.dataDir);
  await openly("restore", join(outside, "backup.zip"), ...project, "--data", other);
  await openly("backup-identity", join(outside, "key.txt"));
  await openly("run", "quick", ...project, "--data", other);
  for (const folder of [shop.dataDir, other]) {
    strictEqual(((await Deno.stat(folder)).mode ?? 0) & 0o777, 0o700);
    deepStrictEqual(await openTo(0o077, folder), []);
  }
  deepStrictEqual(await openTo(0o077, outside), []);
});

/** What of a folder somebody else may use in one of the ways of `bits`. */
async function openTo(bits: number, folder: string): Promise<string[]> {
  const open: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    // That says nothing but that git leaves the folder alone.
    if (((await Deno.lstat(path)).mode ?? 0) & bits && entry.name !== ".gitignore") open.push(path);
    if (entry.isDirectory) open.push(...await openTo(bits, path));
  }
  return open;
}

/** As a user whose files are open to all. */
async function openly(...args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", 'umask 000 && exec "$@"', "sh", Deno.execPath(), ...sluiceArgs(...args)],
    stdin: "null",
  }).output();
  strictEqual(code, 0, new TextDecoder().decode(stderr));
}
