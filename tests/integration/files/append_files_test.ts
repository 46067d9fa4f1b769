import { deepEqual, equal, match } from "node:assert/strict";
import { type Table as ArrowTable, tableFromArrays, tableToIPC } from "apache-arrow";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import { inS3, onDisk, overSftp } from "../../support/file_places.ts";
import { FileServer } from "../../support/file_server.ts";
import { attemptInProcess, succeed, type WorkerProject } from "../../support/worker_process.ts";

/** An `append` stream of files without an update_key reads each file once, and again what changed. */

const STREAM = { connector: "from", mode: "append" } as const;

const csv = (...ids: readonly number[]) => new TextEncoder().encode(`id\n${ids.join("\n")}\n`);
const arrow = (...ids: readonly number[]) => {
  const table: ArrowTable = tableFromArrays({ id: Int32Array.from(ids) });
  return tableToIPC(table, "file");
};

async function idsOf({ folder }: WorkerProject): Promise<string> {
  await using database = await openDatabase({
    path: `${folder}/data/p.duckdb`,
    allowedDirectories: [folder],
  });
  await using session = await database.session();
  const rows = await session.rows("SELECT id::INTEGER AS id FROM raw.s ORDER BY id");
  return rows.map((row) => row["id"]).join(" ");
}

const CSV = ["csv", csv] as const;
const ARROW = ["arrow", arrow] as const;
const PLACES = {
  "the disk": [(folder: string) => Promise.resolve(onDisk(`${folder}/project/in`)), [CSV]],
  "a bucket": [inS3, [CSV, ARROW]],
  "an SFTP server": [overSftp, [CSV]],
} as const;

for (const [name, [start, formats]] of Object.entries(PLACES)) {
  for (const [format, bytesOf] of formats) {
    Deno.test(`files of ${name} (${format}) are appended once, whatever happens to the process`, async () => {
      const folder = await Deno.makeTempDir({ prefix: "sluice-append-" });
      try {
        await using place = await start(folder);
        const project = {
          folder,
          connectors: { from: place.connector },
          pipeline: { extract: { s: { ...STREAM, path: `*.${format}` } } },
        };
        const run = (runId: string, attempt = 1) => succeed(project, { runId, attempt, models: {} });
        const die = async (runId: string, point: string) => {
          const request = { runId, attempt: 1, models: {}, dieAt: `extract:s ${point}` };
          equal((await attemptInProcess(project, request)).signal, "SIGKILL");
        };
        await place.put(`a.${format}`, bytesOf(1, 2));
        await place.put(`b.${format}`, bytesOf(3));
        await die("one", "before commit");
        await run("one", 2);
        equal(await idsOf(project), "1 2 3");
        const { log } = await run("two");
        match(log.join("\n"), /0 of 2 files are new or have changed/);
        equal(await idsOf(project), "1 2 3");

        await place.put(`c.${format}`, bytesOf(4));
        await die("three", "before commit");
        await run("three", 2);
        await die("four", "after commit");
        await run("four", 2);
        equal(await idsOf(project), "1 2 3 4");
        await place.put(`a.${format}`, bytesOf(1, 2, 9));
        const changed = await run("five");
        match(
          changed.log.join("\n"),
          new RegExp(`a\\.${format}" changed since the last read: all of the rows are added`),
        );
        equal(await idsOf(project), "1 1 2 2 3 4 9");
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}

Deno.test("a file of a web server is appended when its ETag, or its time, is another one", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-append-" });
  try {
    await using server = await FileServer.start({ "/a.csv": { bytes: csv(1), etag: '"1"' } });
    const project = {
      folder,
      connectors: { from: { type: "http", base_url: server.url } },
      privateHosts: ["127.0.0.1"],
      pipeline: { extract: { s: { ...STREAM, path: "a.csv" } } },
    };
    const run = (runId: string) => succeed(project, { runId, attempt: 1, models: {} });
    await run("1");
    await run("2");
    equal(await idsOf(project), "1");
    server.files.set("/a.csv", { bytes: csv(2), etag: '"2"' });
    await run("3");
    equal(await idsOf(project), "1 2");
    const modified = "Mon, 02 Feb 2026 10:00:00 GMT";
    server.files.set("/a.csv", { bytes: csv(3), etag: null, modified });
    await run("4");
    await run("5");
    equal(await idsOf(project), "1 2 3");
    server.files.set("/a.csv", { bytes: csv(4), etag: null });
    const { error } = await attemptInProcess(project, { runId: "6", attempt: 1, models: {} });
    match(error?.message ?? "", /neither a strong ETag nor when it changed/);
    deepEqual(await idsOf(project), "1 2 3");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
