import { join } from "node:path";
import { checkSnapshots } from "../../../../server/cli/commands/operations/snapshot_check.ts";
import { checkWarehouses } from "../../../../server/cli/commands/operations/warehouse_checks.ts";
import { deepEqual, equal, match } from "node:assert/strict";
import {
  checkClock,
  checkConnector,
  checkServer,
} from "../../../../server/cli/commands/operations/doctor_command.ts";
import {
  checkDisk,
  checkOpenFiles,
  checkRuntime,
  checkSandbox,
} from "../../../../server/cli/commands/operations/machine_checks.ts";
import { diskOf } from "../../../../engine/runs/admission/disk.ts";

const GIB = 1024 ** 3;
const signal = new AbortController().signal;

Deno.test("what a machine lacks is said, with what is expected", async () => {
  const disk = (freeBytes: number, totalBytes: number, reserveBytes?: number) =>
    checkDisk("/data", { freeBytes, totalBytes }, reserveBytes).state;
  deepEqual([disk(GIB - 1, 20 * GIB), disk(GIB, 20 * GIB), disk(2 * GIB, 20 * GIB)], [
    "failed",
    "warning",
    "ok",
  ]);
  deepEqual([disk(1, 20 * GIB, 0), disk(2 * GIB, 20 * GIB, 3 * GIB)], ["ok", "failed"]);
  equal(checkDisk("/data", undefined, undefined).state, "warning");
  const here = await diskOf("/no such folder/at all");
  equal((here?.totalBytes ?? 0) > 0, true);

  deepEqual(
    ["glibc 2.26", "glibc 2.27", "glibc 3.1", undefined].map((libc) => checkRuntime("2.9.5", libc).state),
    ["failed", "ok", "ok", "ok"],
  );
  const limits = (soft: string) =>
    checkOpenFiles(`Limit Soft\nMax open files            ${soft}   4096  files\n`);
  deepEqual([limits("256").state, limits("1024").state, limits("unlimited").state], ["warning", "ok", "ok"]);
  const none = await checkSandbox({ runProcess: { deno: "", entry: "", codeRoots: [], denoDir: undefined } });
  deepEqual([none.state, /namespaces/.test(none.message)], ["warning", true]);

  const server = { held_by: null, running: 1, drained_by: null, drained_at: null, disk: null };
  equal(
    checkServer({ ...server, starts_runs: true, message: null }).message,
    "It starts runs; 1 run under way",
  );
  const held = checkServer({ ...server, starts_runs: false, message: "ada has drained the server" });
  deepEqual(held.state, "warning");
  match(held.message, /^It starts no runs: ada has drained the server; 1 run/);

  const nowMs = Date.parse("2026-11-27T05:00:00Z");
  equal(checkClock("2026-11-27T05:00:30Z", nowMs).state, "ok");
  match(checkClock("2026-11-27T06:00:00Z", nowMs).message, /set the clock/);
});

Deno.test("a connector is tested for as long as it may take", async () => {
  const limits = { timeoutMs: 60_000, signal };
  const check = (name: string, state: "ok" | "failed" | "missing") => ({
    name,
    state,
    message: `${name} ${state}`,
  });
  const tested = (...checks: ReturnType<typeof check>[]) => ({
    testConnector: (connector: string) =>
      Promise.resolve({ connector, ok: checks.every(({ state }) => state !== "failed"), checks }),
  });
  deepEqual(await checkConnector(tested(check("connect", "ok"), check("write", "missing")), "crm", limits), {
    check: "connector crm",
    state: "warning",
    message: "write: write missing",
  });
  equal((await checkConnector(tested(check("connect", "failed")), "crm", limits)).state, "failed");
  equal((await checkConnector(tested(check("connect", "ok")), "crm", limits)).state, "ok");
  const silent = {
    testConnector: (_: string, stopped: AbortSignal) =>
      new Promise<never>((_resolve, reject) =>
        stopped.addEventListener("abort", () => reject(stopped.reason), { once: true })
      ),
  };
  // A timer of the signal's does not keep the test alive.
  const alive = setInterval(() => {}, 1_000);
  match((await checkConnector(silent, "crm", { timeoutMs: 1, signal })).message, /No answer within/);
  clearInterval(alive);
});

Deno.test("checkSnapshots() counts what is published, what is to go and what runs have pinned", async () => {
  const dataDir = await Deno.makeTempDir();
  try {
    deepEqual(await checkSnapshots(dataDir), {
      check: "snapshots",
      state: "ok",
      message: "0 snapshots of 0 models, 0 B",
    });
    await Deno.mkdir(join(dataDir, "snapshots", "shop", "daily"), { recursive: true });
    await Deno.writeTextFile(
      join(dataDir, "snapshots", "shop", "daily", "unpublished"),
      "2026-01-01T00:00:00.000Z",
    );
    await Deno.mkdir(join(dataDir, "pinned", "r"), { recursive: true });
    const { message } = await checkSnapshots(dataDir);
    match(message, /of 1 model, .*; 1 model published no more, which go after 7 days; pinned by 1 run/);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

Deno.test("checkWarehouses() says which are plain where they are to be encrypted, and what encryption wants", async () => {
  const dataDir = await Deno.makeTempDir();
  try {
    const at = (env: Record<string, string>) => checkWarehouses(dataDir, (name) => env[name]);
    deepEqual(await at({}), {
      check: "warehouses",
      state: "ok",
      message: "0 warehouses, none encrypted",
    });
    await Deno.mkdir(join(dataDir, "warehouse"));
    await Deno.writeTextFile(join(dataDir, "warehouse", "orders.duckdb"), "x".repeat(100));
    const module = join(dataDir, "httpfs.duckdb_extension");
    const wanted = { SLUICE_ENCRYPT_WAREHOUSES: "1", SLUICE_DUCKDB_HTTPFS: module };
    const missing = await at(wanted);
    deepEqual([missing.state, /httpfs\.duckdb_extension\.gz/.test(missing.message)], ["failed", true]);
    await Deno.writeTextFile(module, "");
    const plain = await at(wanted);
    deepEqual([plain.state, /orders is plain/.test(plain.message)], ["warning", true]);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});
