import { deepEqual } from "node:assert/strict";
import * as v from "valibot";
import { FileConnection } from "../../../../../connectors/files/file_connection.ts";
import { streamSchema } from "../../../../../connectors/files/options.ts";
import { DiskLocation } from "../../../../../connectors/locations/disk/disk_location.ts";
import { diskPaths } from "../../../../../connectors/locations/file_paths.ts";
import type { Location, StoredFile } from "../../../../../connectors/locations/location.ts";
import type { JsonValue } from "../../../../../contract/json.ts";

/** A file as of a server, which was brought to the disk when it was listed; what becomes of its copy goes to `events`. */
const remote = (file: StoredFile, etag: string, events: string[]): StoredFile => ({
  path: file.path,
  shown: file.shown,
  sizeBytes: file.sizeBytes,
  modifiedMs: null,
  etag,
  localPath: file.localPath,
  localCopy: {
    missingBytes: 0,
    complete: () => Promise.resolve(),
    leaveOut: () => void events.push(`${file.shown} left out`),
    remove: () => Promise.resolve(void events.push(`${file.shown} removed`)),
  },
  read: (range) => file.read(range),
  open: () => file.open(),
  checkUnchanged: () => file.checkUnchanged(),
});

Deno.test("local copies of files that are not read go, whatever keeps them from being read", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-left-" });
  try {
    for (const name of ["a.csv", "b.csv"]) await Deno.writeTextFile(`${folder}/${name}`, "x\n1\n");
    const disk = new DiskLocation(folder, { log: () => {} });
    const events: string[] = [];
    const etags = new Map([["a.csv", "1"], ["b.csv", "1"]]);
    const location: Location = {
      list: async (pattern, signal) => {
        const { base, files } = await disk.list(pattern, signal);
        return { base, files: files.map((file) => remote(file, etags.get(file.shown) ?? "", events)) };
      },
      find: (path) => disk.find(path),
      write: (path, condition) => disk.write(path, condition),
      remove: (path) => disk.remove(path),
      publish: (target, signal) => disk.publish(target, signal),
      pathSql: (localPath) => disk.pathSql(localPath),
    };
    await using connection = new FileConnection({
      paths: diskPaths(folder),
      scratchDir: `${folder}/scratch`,
      location: () => Promise.resolve(location),
    });
    const { signal } = new AbortController();
    const scanOf = async (asked: { state?: JsonValue; addsOnly?: boolean; validators?: JsonValue }) => {
      events.length = 0;
      const request = {
        name: "s",
        address: v.parse(streamSchema, { path: "*.csv" }),
        mayGuess: true,
        ...asked,
      };
      const scan = await connection.source.scan?.(request, signal);
      // What a scan reads may go when it was read.
      return { scan, left: events.filter((event) => !/removed/.test(event)), all: [...events] };
    };
    const first = await scanOf({ addsOnly: true });
    deepEqual(first.left, []);
    const state = first.scan?.state ?? null;
    const both = ["a.csv left out", "b.csv left out", "a.csv removed", "b.csv removed"];
    deepEqual((await scanOf({ addsOnly: true, state })).all, both, "nothing is new");
    etags.set("b.csv", "2");
    const [leftOut, removed] = (await scanOf({ addsOnly: true, state })).all;
    deepEqual([leftOut, removed], ["a.csv left out", "a.csv removed"], "only one is new");
    const { validators } = (await scanOf({})).scan ?? {};
    deepEqual((await scanOf({ validators: validators ?? null })).all, both, "nothing has changed");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
