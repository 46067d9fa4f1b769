import { ok, rejects } from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import { freeBytes, requireSpace } from "../../../../connectors/locations/free_space.ts";
import type { StoredFile } from "../../../../connectors/locations/location.ts";

const GB = 1_000_000_000;

function remote(missingBytes: number): StoredFile {
  const none = () => Promise.reject(new Error("nobody reads it"));
  return {
    path: "/big.csv",
    shown: "s3://bucket/big.csv",
    sizeBytes: missingBytes,
    modifiedMs: null,
    etag: null,
    localPath: "/none",
    localCopy: { missingBytes, complete: none, remove: none, leaveOut: () => {} },
    read: () => {
      throw new Error("nobody reads it");
    },
    open: none,
    checkUnchanged: none,
  };
}

Deno.test("requireSpace() refuses files that the disk has no room for, and says what to do", async () => {
  const free = () => Promise.resolve(10 * GB);
  await requireSpace("/scratch", [remote(4 * GB), remote(5 * GB)], free);
  await rejects(requireSpace("/scratch", [remote(50 * GB)], free), (error) => {
    ok(error instanceof AppError && error.code === "unavailable");
    ok(/"s3:\/\/bucket\/big\.csv".*50\.0 GB.*10\.0 GB are free.*--data/.test(error.message), error.message);
    return true;
  });
  await rejects(requireSpace("/scratch", [remote(6 * GB), remote(6 * GB)], free), AppError);
  await requireSpace("/scratch", [remote(50 * GB)], () => Promise.resolve(undefined));
});

Deno.test("freeBytes() knows the disk of a folder that is not there yet", async () => {
  ok((await freeBytes(`${Deno.cwd()}/no/such/folder`) ?? 0) > 0);
});
