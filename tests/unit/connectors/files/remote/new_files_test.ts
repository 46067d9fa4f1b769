import { deepEqual, match, throws } from "node:assert/strict";
import { newFiles } from "../../../../../connectors/files/read/new_files.ts";
import type { StoredFile } from "../../../../../connectors/locations/location.ts";

const none = () => Promise.reject(new Error("nobody reads it"));

function remote(
  path: string,
  facts: Partial<Pick<StoredFile, "etag" | "modifiedMs" | "sizeBytes">>,
): StoredFile {
  return {
    path,
    shown: path,
    sizeBytes: 5,
    modifiedMs: null,
    etag: null,
    localPath: path,
    localCopy: { missingBytes: 5, complete: none, remove: none, leaveOut: () => {} },
    read: () => {
      throw new Error("nobody reads it");
    },
    open: none,
    checkUnchanged: none,
    ...facts,
  };
}

const pathsOf = (files: readonly StoredFile[]) => files.map(({ path }) => path);

Deno.test("newFiles() takes what is new or another one, by its ETag or by size and time", () => {
  const [a, b] = [remote("/r/a", { etag: '"1"' }), remote("/r/b", { modifiedMs: 7 })];
  const first = newFiles("/r", [a, b], undefined);
  deepEqual([pathsOf(first.files), first.messages], [["/r/a", "/r/b"], []]);
  deepEqual(first.state, { files: { a: '"1"', b: "5 7" } });
  deepEqual(newFiles("/r", [a, b], first.state).files, []);
  const others = [
    remote("/r/a", { etag: '"2"' }),
    remote("/r/b", { modifiedMs: 8 }),
    remote("/r/c", { etag: '"1"' }),
  ];
  const second = newFiles("/r", others, first.state);
  deepEqual(pathsOf(second.files), ["/r/a", "/r/b", "/r/c"]);
  match(
    second.messages[0]?.message ?? "",
    /^"\/r\/a", "\/r\/b" changed since the last read: all of the rows are added/,
  );
  deepEqual(pathsOf(newFiles("/r", [remote("/r/b", { modifiedMs: 7, sizeBytes: 6 })], first.state).files), [
    "/r/b",
  ]);
});

Deno.test("newFiles() knows a file that went away and came back, in a root that moved", () => {
  const [a, b] = [remote("/r/a", { etag: "x" }), remote("/r/b", { etag: "y" })];
  const without = newFiles("/r", [b], newFiles("/r", [a, b], undefined).state);
  deepEqual(newFiles("/moved", [remote("/moved/a", { etag: "x" })], without.state).files, []);
  const many = Array.from({ length: 10_050 }, (_, i) => remote(`/r/${i}`, { etag: "x" }));
  const { state } = newFiles("/r", [a], newFiles("/r", many, undefined).state);
  deepEqual(newFiles("/r", many, state).files.length, 50, "the oldest are forgotten");
});

Deno.test("newFiles() tells the disk's files by size and time, and refuses what nobody can tell", () => {
  const { localCopy: _, ...onDisk } = remote("/r/a", { etag: "5-ino-7", modifiedMs: 7 });
  deepEqual(newFiles("/r", [onDisk], undefined).state, { files: { a: "5 7" } });
  throws(() => newFiles("/r", [remote("/r/a", {})], undefined), /neither a strong ETag nor when it changed/);
});
