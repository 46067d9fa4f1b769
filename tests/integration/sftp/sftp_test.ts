import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import * as v from "valibot";
import { sftp } from "../../../connectors/sftp/connector.ts";
import { SftpLock } from "../../../connectors/locations/sftp/sftp_lock.ts";
import { SftpServer } from "../../../connectors/locations/sftp/sftp_server.ts";
import { Secret } from "../../../contract/secret.ts";
import { connectorContext, never } from "../../support/connections.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { SftpFolder, sftpServer } from "../../support/sftp_folder.ts";
import { FileBench } from "../../unit/connectors/files/file_bench.ts";
import { TestProject } from "../../support/test_project.ts";

/** Files over SFTP: a real server, whole runs, and what goes wrong on the way. */

const json = (value: unknown) => JSON.stringify(value);

async function project(
  config: Record<string, unknown>,
  stream: string,
  target = "out.csv",
): Promise<TestProject> {
  return await TestProject.create({
    "connectors.yaml": `store: ${json({ type: "sftp", ...config })}\n`,
    "pipelines/p.yaml": `
extract: { t: { connector: store, path: "${stream}" } }
load: { t: { connector: store, path: "${target}" } }
`,
  });
}

Deno.test("files that a glob matches are read, hidden ones and folders that are linked are not, and one is written", async () => {
  await using folder = await SftpFolder.create();
  await Deno.mkdir(`${folder.path}/in/day=1`, { recursive: true });
  await Deno.mkdir(`${folder.path}/in/day=2`);
  await Deno.writeTextFile(`${folder.path}/in/day=1/a b#?.csv`, "id\n1\n");
  await Deno.writeTextFile(`${folder.path}/in/day=2/ü.csv`, "id\n2\n");
  await Deno.writeTextFile(`${folder.path}/in/day=2/.hidden.csv`, "id\n3\n");
  await Deno.symlink("../day=2/ü.csv", `${folder.path}/in/day=1/link.csv`);
  await Deno.symlink("day=2", `${folder.path}/in/day=3`);
  await using shop = await project(folder.config(), "in/**/*.csv");
  const { code, stdout, stderr } = await shop.sluice("run", ["p"]);
  equal(code, 0, stdout + stderr);
  const lines = (await Deno.readTextFile(`${folder.path}/out.csv`)).trim().split("\n");
  deepEqual(lines.toSorted(), ["1,1", "2,1", "2,2", "id,day"]);
  match(stdout + stderr, /in\/day=3" is a link to a folder and is left out/);
});

Deno.test("a key signs in, by its text or from a file of the project", async () => {
  await using folder = await SftpFolder.create();
  await Deno.writeTextFile(`${folder.path}/in.csv`, "id\n1\n");
  const { password: _password, ...config } = folder.config();
  await using shop = await project({ ...config, private_key_file: "keys/id" }, "in.csv");
  await shop.write({ "keys/id": folder.server.private_key });
  const byFile = await shop.sluice("run", ["p"]);
  equal(byFile.code, 0, byFile.stdout + byFile.stderr);
  equal(await Deno.readTextFile(`${folder.path}/out.csv`), "id\n1\n");
  await using other = await project({ ...config, private_key: "${env:KEY}" }, "in.csv", "other.csv");
  const byText = await other.sluice("run", ["p"], { KEY: folder.server.private_key });
  equal(byText.code, 0, byText.stdout + byText.stderr);
});

async function openError(config: Record<string, unknown>): Promise<string> {
  const projectDir = await Deno.makeTempDir({ prefix: "sluice-sftp-" });
  try {
    await using _connection = await sftp.open(
      v.parse(sftp.configSchema, config),
      connectorContext(projectDir),
    );
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await Deno.remove(projectDir, { recursive: true });
  }
}

Deno.test("who cannot sign in is told why", async () => {
  await using folder = await SftpFolder.create();
  const other = `SHA256:${"A".repeat(43)}`;
  const { host_key } = folder.server;
  match(await openError(folder.config({ password: "no" })), /does not let sluice in; check user, password/);
  const unknown = await openError(folder.config({ host_key: other }));
  ok(unknown.includes(`its key is ${host_key.replace(/=+$/, "")}, which host_key does not have`), unknown);
  equal(await openError(folder.config({ host_key: [other, host_key] })), "");
  match(await openError(folder.config({ port: 1 })), /nothing answers there/);
  match(await openError(folder.config({ private_key: "no key" })), /private key/);
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  match(
    await openError(folder.config({ port: silent.addr.port, connect_timeout: 1 })),
    /it does not answer/,
  );
  silent.close();
});

/** Hands bytes on between a client and the server, until it is to cut. */
function relay(cutsAfter: (connection: number) => number) {
  const { host, port } = sftpServer();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const pumps: Promise<void>[] = [];
  let connections = 0;
  const accepting = (async () => {
    for await (const client of listener) {
      const server = await Deno.connect({ hostname: host, port });
      let left = cutsAfter(++connections);
      const pump = async (from: Deno.Conn, to: Deno.Conn, isCounted: boolean) => {
        const buffer = new Uint8Array(65_536);
        try {
          for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
            if (isCounted) left -= count;
            if (left < 0) break;
            for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
          }
        } catch {
          // The other side is gone.
        }
        for (const end of [client, server]) {
          try {
            end.close();
          } catch {
            // It is closed.
          }
        }
      };
      pumps.push(pump(server, client, true), pump(client, server, false));
    }
  })();
  return {
    port: listener.addr.port,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(pumps);
    },
  };
}

Deno.test("a transfer that is cut goes on with the next connection, from where it came", async () => {
  await using folder = await SftpFolder.create();
  const rows = `id,text\n${Array.from({ length: 60_000 }, (_, i) => `${i},${"x".repeat(90)}`).join("\n")}\n`;
  await Deno.writeTextFile(`${folder.path}/in.csv`, rows);
  await using middle = relay((connection) => connection <= 3 ? 2_500_000 : Infinity);
  await using shop = await project(folder.config({ port: middle.port }), "in.csv");
  const { code, stdout, stderr } = await shop.sluice("run", ["p"]);
  equal(code, 0, stdout + stderr);
  ok(middle.connections() > 2, "it was cut");
  equal(await Deno.readTextFile(`${folder.path}/out.csv`), rows);
});

Deno.test("a file that changes while it is read is an error, and nothing is loaded", async () => {
  await using folder = await SftpFolder.create();
  // A small file is here as soon as it was looked at.
  const rows = (text: string) => `id,text\n${`1,${text.repeat(99)}\n`.repeat(90_000)}`;
  await Deno.writeTextFile(`${folder.path}/in.csv`, rows("x"));
  const projectDir = await Deno.makeTempDir({ prefix: "sluice-sftp-" });
  const context = connectorContext(projectDir);
  const connection = await sftp.open(v.parse(sftp.configSchema, folder.config()), context);
  const stream = { name: "s", address: v.parse(sftp.streamSchema, { path: "in.csv" }) };
  const scan = await connection.source.scan?.(stream, never());
  await Deno.writeTextFile(`${folder.path}/in.csv`, `${rows("y")}2,z\n`);
  await rejects(async () => await scan?.prepare?.(never()), /it changed while it was read/);
  await connection[Symbol.asyncDispose]();
  await Deno.remove(projectDir, { recursive: true });
});

function connect(clock: FakeClock): SftpServer {
  const { host, port, user, password, host_key } = sftpServer();
  return new SftpServer({
    host,
    port,
    user,
    password: new Secret(password),
    privateKey: undefined,
    passphrase: undefined,
    hostKeys: [host_key.replace(/=+$/, "")],
    connectTimeoutMs: 20_000,
  }, clock);
}

Deno.test("a lock of a process that died is broken after a while, one that is alive is not", async () => {
  await using folder = await SftpFolder.create();
  const clock = new FakeClock(0);
  await using server = connect(clock);
  const path = `/${folder.name}/.t.sluice/lock`;
  const wait = { timeoutMs: 20_000, signal: never() };
  await server.create(path, new TextEncoder().encode("a process that died"));
  let isWaiting = true;
  const advance = async () => {
    while (isWaiting) {
      await clock.advance(500);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const advancing = advance();
  await rejects(SftpLock.take(server, path, "t", wait), /another load is writing it/);
  const lock = await SftpLock.take(server, path, "t", { ...wait, timeoutMs: 120_000 });
  await lock.check();
  // Whoever takes it over is noticed before the commit.
  await server.write(
    path,
    (async function* () {
      yield new TextEncoder().encode("another");
    })(),
  );
  await rejects(lock.check(), /another load took its place/);
  await lock[Symbol.asyncDispose]();
  equal(await Deno.readTextFile(`${folder.path}/.t.sluice/lock`), "another");
  isWaiting = false;
  await advancing;
});

Deno.test("a first load of a folder is not seen before its end, nor what is left of one that died", async () => {
  await using folder = await SftpFolder.create();
  const local = await Deno.makeTempDir({ prefix: "sluice-sftp-load-" });
  const parsed = v.parse(sftp.configSchema, folder.config());
  await using connection = await sftp.open(parsed, connectorContext(local));
  await using files = await FileBench.at(local, connection);
  const seen: string[] = [];
  const reach = (point: string) => {
    if (point !== "before commit") return;
    Deno.mkdirSync(`${folder.path}/left`);
    for (const { name } of Deno.readDirSync(`${folder.path}/t`)) {
      if (!name.startsWith(".")) seen.push(name);
      Deno.copyFileSync(`${folder.path}/t/${name}`, `${folder.path}/left/${name}`);
    }
  };
  const load = { loadId: "a", mode: "append" } as const;
  await files.load("t/", "(1, 'a')", { ...load, reach });
  equal(seen.length, 1, "the part was there before the manifest named it");
  await files.failure("not_found", files.read("left/*.parquet"));
  const receipt = await files.load("left/", "(1, 'a')", load);
  deepEqual([receipt.rows, receipt.repeated], [1, false]);
  for (const name of ["t", "left"]) deepEqual((await files.read(`${name}/*.parquet`)).rows, [[1, "a"]]);
});

Deno.test("a load that is repeated after its answer was lost changes nothing", async () => {
  await using folder = await SftpFolder.create();
  await Deno.writeTextFile(`${folder.path}/in.csv`, "id\n1\n");
  for (const target of ["out.csv", "out/"]) {
    await using shop = await project(folder.config(), "in.csv", target);
    const first = await shop.sluice("run", ["p"]);
    equal(first.code, 0, first.stdout + first.stderr);
    const second = await shop.sluice("run", ["p"]);
    equal(second.code, 0, second.stdout + second.stderr);
  }
  equal(await Deno.readTextFile(`${folder.path}/out.csv`), "id\n1\n");
  const parts = (await Array.fromAsync(Deno.readDir(`${folder.path}/out`))).map(({ name }) => name);
  // The parts of the first load are gone.
  equal(parts.filter((name) => !name.startsWith(".")).length, 1, json(parts));
});
