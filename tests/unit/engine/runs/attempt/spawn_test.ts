import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import type { CheckJob } from "../../../../../contract/jobs/check_job.ts";
import { TestAuthority } from "../../../../support/certificates.ts";
import { waitFor } from "../../../../support/sluice_server.ts";
import { spawnRunProcess } from "../../../../../engine/runs/attempt/spawn.ts";

const namesIn = async (folder: string) =>
  (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();

Deno.test("spawnRunProcess() shows nothing of a job in the process's arguments, and keeps no file of it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      join(folder, "program.ts"),
      `const { reportKey, projectDir } = JSON.parse((await Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader().read()).value);
       const states = [["read", { path: "/s3cret, dir/x" }], ["read", { path: "/s3cret, dir" }], ["net", { host: "s3cret.example:1" }], ["net", { host: "s3cret.example:2" }], ["run", { command: "/bin/true" }], ["run", { command: "/bin/false" }]]
         .map(([name, more]) => Deno.permissions.querySync({ name, ...more }).state);
       Deno.stdout.writeSync(new TextEncoder().encode(reportKey + " " + JSON.stringify({ type: "log", level: "info", step: null, message: states.join(" ") }) + "\\n"));`,
    );
    const job: CheckJob = {
      kind: "check",
      projectDir: folder,
      tempDir: join(folder, "spill"),
      connectors: {},
      duckdb: { directories: [], files: [] },
      pipelines: [],
    };
    await using process = await spawnRunProcess(
      { deno: Deno.execPath(), entry: join(folder, "program.ts"), codeRoots: [], denoDir: undefined },
      job,
      {
        hosts: ["s3cret.example:1"],
        read: ["/s3cret, dir"],
        write: [],
        deny: ["/s3cret, dir/x"],
        commands: ["/bin/true"],
      },
      () => {},
    );
    const [file = ""] = (await namesIn(folder)).filter((name) => name.endsWith(".json"));
    equal(((await Deno.stat(join(folder, file))).mode ?? 0) & 0o777, 0o600);
    const said: unknown[] = [];
    for await (const report of process.reports) {
      said.push(report.type === "log" ? report.message : report);
      deepEqual(await namesIn(folder), ["program.ts"]);
      process.kill();
    }
    deepEqual(said, ["denied granted granted prompt granted prompt"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("spawnRunProcess() starts a process whose arguments are the same for every job", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(folder, "program.ts"), `for await (const _ of Deno.stdin.readable);`);
    const job: CheckJob = {
      kind: "check",
      projectDir: folder,
      tempDir: join(folder, "spill"),
      connectors: { shop: { type: "postgres", host: "s3cret.example" } },
      duckdb: { directories: ["/s3cret"], files: [] },
      pipelines: [],
    };
    await using process = await spawnRunProcess(
      { deno: Deno.execPath(), entry: join(folder, "program.ts"), codeRoots: [], denoDir: undefined },
      job,
      { hosts: ["s3cret.example:1"], read: ["/s3cret"], write: [], deny: [] },
      () => {},
    );
    // Until its exec the new process is a copy of this one.
    const shown = await waitFor(async () => {
      const line = await Deno.readTextFile(`/proc/${process.pid}/cmdline`);
      return line.includes("program.ts") ? line : undefined;
    }, 10_000) ?? "";
    ok(shown.includes("--permission-set"), shown);
    ok(!shown.includes("s3cret"), shown);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a run's process trusts the authorities that the server was told to trust, and no others", async () => {
  const folder = await Deno.makeTempDir();
  const authority = await TestAuthority.create(folder);
  const { cert, key } = await authority.issue({ name: "localhost" });
  const quiet = { hostname: "localhost", port: 0, cert, key, onListen: () => {} };
  const server = Deno.serve(quiet, () => new Response("trusted"));
  try {
    await Deno.writeTextFile(
      join(folder, "program.ts"),
      `const { reportKey } = JSON.parse((await Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader().read()).value);
       const message = await fetch("https://localhost:${server.addr.port}/").then((response) => response.text(), (error) => String(error.cause ?? error));
       Deno.stdout.writeSync(new TextEncoder().encode(reportKey + " " + JSON.stringify({ type: "log", level: "info", step: null, message }) + "\\n"));`,
    );
    const said = async (trust: Record<string, string>) => {
      const job: CheckJob = {
        kind: "check",
        projectDir: folder,
        tempDir: join(folder, "spill"),
        connectors: {},
        duckdb: { directories: [], files: [] },
        pipelines: [],
      };
      await using process = await spawnRunProcess(
        {
          deno: Deno.execPath(),
          entry: join(folder, "program.ts"),
          codeRoots: [],
          denoDir: undefined,
          trust,
        },
        job,
        { hosts: [`localhost:${server.addr.port}`], read: [], write: [], deny: [] },
        () => {},
      );
      for await (const report of process.reports) {
        process.kill();
        if (report.type === "log") return report.message;
      }
      return undefined;
    };
    equal(await said({ DENO_CERT: authority.pair.certPath }), "trusted");
    ok(/UnknownIssuer/.test(await said({}) ?? ""));
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
});
