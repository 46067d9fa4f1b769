import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import type { PublicationTarget, StoredFile } from "../../../connectors/locations/location.ts";
import { publishSftpFile } from "../../../connectors/locations/sftp/publish_file.ts";
import { publishSftpFolder } from "../../../connectors/locations/sftp/publish_folder.ts";
import type { Found } from "../../../connectors/locations/sftp/sftp_listing.ts";
import { type Outcome, SftpServer } from "../../../connectors/locations/sftp/sftp_server.ts";
import { SftpSession } from "../../../connectors/locations/sftp/sftp_session.ts";
import { AppError } from "../../../contract/errors.ts";
import { Secret } from "../../../contract/secret.ts";
import { systemClock } from "../../../contract/clock.ts";
import { never } from "../../support/connections.ts";
import { CuttingRelay } from "../../support/cutting_relay.ts";
import { SftpFolder, sftpServer } from "../../support/sftp_folder.ts";

/** Two loads of one target, of which one was stopped for so long that the other took its lock. */

/** `before` is what happens while the process stands still, behind its last look at the lock. */
class StoppedServer extends SftpServer {
  before: ((to: string) => Promise<void>) | undefined;

  override async replace(from: string, to: string): Promise<Outcome> {
    await this.before?.(to);
    return await super.replace(from, to);
  }
}

function serverOf(folder: SftpFolder): StoppedServer {
  const { host, port, user, password, host_key } = folder.server;
  const settings = {
    host,
    port,
    user,
    password: new Secret(password),
    privateKey: undefined,
    passphrase: undefined,
    hostKeys: [host_key.replace(/=+$/, "")],
    connectTimeoutMs: 20_000,
  };
  return new StoppedServer(settings, systemClock);
}

const unread = () => Promise.reject(new Error("nobody reads it"));

async function begin(server: SftpServer, target: PublicationTarget, scratchDir: string) {
  const context = {
    server,
    scratchDir,
    signal: never(),
    file: ({ path, stat }: Found): StoredFile => ({
      path,
      shown: path,
      sizeBytes: stat.sizeBytes,
      modifiedMs: stat.modifiedS * 1000,
      etag: null,
      localPath: path,
      read: () => {
        throw new Error("nobody reads it");
      },
      open: unread,
      checkUnchanged: unread,
    }),
  };
  const publish = target.kind === "file" ? publishSftpFile : publishSftpFolder;
  return await publish(target, context);
}

type Publication = Awaited<ReturnType<typeof begin>>;

async function prepare(publication: Publication, name: string, text: string): Promise<void> {
  const file = await publication.stage(name);
  await file.write(new TextEncoder().encode(text));
  await file.commit();
  await file[Symbol.asyncDispose]();
  await publication.prepare({ keepsCurrent: false, note: text });
}

const KINDS = {
  "a file": { kind: "file", name: "t.csv", at: "t.csv", work: ".t.csv.sluice" },
  "a new folder": { kind: "folder", name: "part.csv", at: "t", work: ".t.sluice" },
} as const;

for (const [what, { kind, name, at, work }] of Object.entries(KINDS)) {
  for (const point of ["the note or the first manifest", "the commit"] as const) {
    Deno.test(`${what}: a load that slept at ${point} while another took its lock changes nothing`, async () => {
      await using folder = await SftpFolder.create();
      const scratchDir = await Deno.makeTempDir({ prefix: "sluice-sftp-lock-" });
      try {
        await using sleeper = serverOf(folder);
        await using other = serverOf(folder);
        const target = { kind, path: `/${folder.name}/${at}`, shown: at };
        await using first = await begin(sleeper, target, scratchDir);
        const takeOver = async () => {
          sleeper.before = undefined;
          // As of one that has not been touched for 30 s.
          await other.remove(`/${folder.name}/${work}/lock`);
          await using second = await begin(other, target, scratchDir);
          await prepare(second, name, "the other's");
          await second.commit();
        };
        const isFirst = point !== "the commit";
        if (isFirst && kind === "folder") await takeOver();
        else {sleeper.before = async (to) => {
            if (isFirst === to.endsWith("/loads")) await takeOver();
          };}
        await rejects(async () => {
          await prepare(first, name, "the sleeper's");
          await first.commit();
        }, /another load took its place/);
        await first[Symbol.asyncDispose]();
        await using third = await begin(other, target, scratchDir);
        equal(third.current?.note, "the other's");
        const files = third.current?.files.map(({ path }) => path) ?? [];
        equal(files.length, 1);
        const path = kind === "file" ? `${folder.path}/t.csv` : `${folder.path}/t/${files[0]}`;
        equal(await Deno.readTextFile(path), "the other's");
        const left = await Array.fromAsync(Deno.readDir(`${folder.path}/${kind === "file" ? work : at}`));
        deepEqual(left.map(({ name }) => name).filter((name) => name.endsWith(".new")), []);
      } finally {
        await Deno.remove(scratchDir, { recursive: true });
      }
    });
  }
}

Deno.test("what a load that died was about to rename is removed by the next one, and nobody else's files are", async () => {
  await using folder = await SftpFolder.create();
  const scratchDir = await Deno.makeTempDir({ prefix: "sluice-sftp-lock-" });
  try {
    await using server = serverOf(folder);
    await Deno.mkdir(`${folder.path}/t`);
    const theirs = ["notes.new", ".sluice.new", ".backup.2024.new"];
    const ours = `.sluice.${crypto.randomUUID()}.new`;
    for (const name of [...theirs, ours]) await Deno.writeTextFile(`${folder.path}/t/${name}`, "x");
    await using _next = await begin(
      server,
      { kind: "folder", path: `/${folder.name}/t`, shown: "t" },
      scratchDir,
    );
    const left = await Array.fromAsync(Deno.readDir(`${folder.path}/t`));
    deepEqual(left.map(({ name }) => name).toSorted(), theirs.toSorted());
  } finally {
    await Deno.remove(scratchDir, { recursive: true });
  }
});

// The driver leaves the ciphers of a connection that was lost while it was made to the collector.
const leavesCiphers = { sanitizeResources: false };
Deno.test(
  "a connection that is lost at any moment of being made is an error, and never waited for",
  leavesCiphers,
  async () => {
    const { host: hostname, port, ...server } = sftpServer();
    await using relay = new CuttingRelay({ hostname, port });
    const settings = {
      host: "127.0.0.1",
      port: relay.port,
      user: server.user,
      password: new Secret(server.password),
      privateKey: undefined,
      passphrase: undefined,
      hostKeys: [server.host_key.replace(/=+$/, "")],
      connectTimeoutMs: 20_000,
    };
    const opens = async (bytes: number) => {
      relay.cutAfter(bytes);
      try {
        await using _session = await SftpSession.open(settings);
        return true;
      } catch (error) {
        ok(error instanceof AppError && error.code === "unavailable", `after ${bytes} bytes: ${error}`);
        return false;
      } finally {
        relay.mend();
      }
    };
    let enough = 100;
    while (!await opens(enough)) enough += 60;
    // What comes last decides: the answer and the end of the connection, at once.
    for (let bytes = enough - 100; bytes <= enough; bytes += 2) await opens(bytes);
  },
);
