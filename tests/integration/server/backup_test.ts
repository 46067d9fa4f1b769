import { deepEqual, equal, match } from "node:assert/strict";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { AuditLine } from "../../../contract/audit/line.ts";
import type { Run, RunDetail } from "../../../contract/run.ts";
import type { TablePreview } from "../../../contract/table.ts";
import { CONNECTORS, Served } from "../../support/served_project.ts";
import { sluiceArgs, SluiceServer } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

const PIPELINE = `extract:
  orders: { connector: files, path: data/orders.csv, mode: incremental, primary_key: [id], update_key: id }
`;

Deno.test("a server is backed up while it runs, and goes on from there in another folder", async () => {
  await using shop = await Served.start({
    "data/orders.csv": "id,name\n1,a\n2,b\n",
    "pipelines/shop.yaml": PIPELINE,
  });
  const { projectDir, dataDir } = shop.project;
  const first = await shop.runToEnd("shop");
  deepEqual([first.state, first.rows_extracted], ["succeeded", 2]);
  const file = join(projectDir, "backup.zip");
  const during = await shop.server.trigger("shop");
  const made = await sluice("backup", file, "--project", projectDir, "--data", dataDir, "--json");
  equal(made.code, 0, made.stderr);
  equal((await shop.server.ended(during.id)).state, "succeeded");
  equal((await shop.runToEnd("shop")).state, "succeeded", "held pipelines are let go");

  const filled = await sluice("restore", file, "--data", dataDir);
  deepEqual([filled.code, /is using it/.test(filled.stderr)], [2, true], "held by the server");
  await shop.server.stop();
  const kept = await sluice("restore", file, "--data", dataDir);
  deepEqual([kept.code, /it has "/.test(kept.stderr)], [2, true], kept.stderr);

  const other = join(projectDir, "other");
  const restored = await sluice("restore", file, "--data", other);
  match(restored.stdout, /^Restored \d+ files/, restored.stderr);
  await Deno.writeTextFile(join(projectDir, "data/orders.csv"), "id,name\n1,a\n2,b\n3,c\n");
  await using server = await SluiceServer.start(projectDir, other);
  const runs = await server.call<Run[] | { runs: Run[] }>("GET", "/api/runs?pipeline=shop");
  equal((Array.isArray(runs) ? runs : runs.runs).some(({ id }) => id === first.id), true);
  const next: RunDetail = await server.ended((await server.trigger("shop")).id);
  deepEqual([next.state, next.rows_loaded <= 1], ["succeeded", true], "only what is new");
  const orders = await server.call<TablePreview>("GET", "/api/pipelines/shop/tables/raw.orders");
  deepEqual([orders.row_count, orders.cursor?.value], [3, "3"]);
  const [line] = await server.call<AuditLine[]>("GET", "/api/audit?action=backup.restore");
  const by = `local:${userInfo().username}`;
  deepEqual([line?.target, line?.actor.name], [{ kind: "backup", name: file }, by]);
});

Deno.test("an encrypted backup goes the whole way: nothing of it is readable, and without its key nothing comes back", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": CONNECTORS,
    "data/orders.csv": "id,name\n1,canary-of-a-row\n",
    "pipelines/shop.yaml": PIPELINE,
  });
  const { projectDir, dataDir } = project;
  const folders = ["--project", projectDir, "--data", dataDir];
  equal((await sluice("run", "shop", ...folders)).code, 0);
  const [file, key] = [join(projectDir, "backup.age"), join(projectDir, "key.txt")];
  const made = await sluice("backup-identity", key);
  const recipient = made.stdout.trim();
  match(recipient, /^age1[0-9a-z]+$/);
  equal((Deno.statSync(key).mode ?? 0) & 0o777, 0o600);
  equal((await sluice("backup-identity", key)).code, 2, "what is there stays");
  const nobody = await sluice("backup", file, ...folders, "--encrypt");
  deepEqual([nobody.code, /needs to know for whom/.test(nobody.stderr)], [2, true]);

  const backed = await sluiceWith(
    { env: { SLUICE_BACKUP_RECIPIENTS: recipient } },
    "backup",
    file,
    ...folders,
  );
  match(backed.stdout, /encrypted\)/, backed.stderr);
  const text = new TextDecoder("latin1").decode(await Deno.readFile(file));
  deepEqual([text.includes("canary-of-a-row"), text.includes("sluice.db")], [false, false]);
  deepEqual((await filesBelow(dataDir)).filter((path) => path.includes("backing-up")), []);

  const other = join(projectDir, "other");
  const refused = await sluice("restore", file, "--data", other);
  deepEqual([refused.code, /give --identity FILE/.test(refused.stderr)], [2, true], refused.stderr);
  const restored = await sluice("restore", file, "--data", other, "--identity", key);
  equal(restored.code, 0, restored.stderr);
  const again = await sluice("run", "shop", "--project", projectDir, "--data", other, "--json");
  equal(JSON.parse(again.stdout.trim().split("\n").at(-1) ?? "").rows_loaded <= 1, true, again.stdout);

  const spoken = join(projectDir, "spoken.age");
  const stdin = "a passphrase of many words\n";
  equal((await sluiceWith({ stdin }, "backup", spoken, ...folders, "--passphrase-stdin")).code, 0);
  const third = join(projectDir, "third");
  const wrong = await sluiceWith(
    { stdin: "another of many words\n" },
    "restore",
    spoken,
    "--data",
    third,
    "--passphrase-stdin",
  );
  deepEqual([wrong.code, /another passphrase/.test(wrong.stderr)], [2, true], wrong.stderr);
  equal((await sluiceWith({ stdin }, "restore", spoken, "--data", third, "--passphrase-stdin")).code, 0);
});

const sluice = (...args: string[]) => sluiceWith({}, ...args);

async function sluiceWith(
  { stdin, env }: { stdin?: string; env?: Record<string, string> },
  ...args: string[]
) {
  const child = new Deno.Command(Deno.execPath(), {
    args: sluiceArgs(...args),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    ...(env === undefined ? {} : { env }),
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin ?? ""));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

async function filesBelow(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    paths.push(join(folder, name));
    if (isDirectory) paths.push(...await filesBelow(join(folder, name)));
  }
  return paths;
}
