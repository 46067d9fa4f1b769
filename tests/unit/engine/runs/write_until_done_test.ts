import { deepEqual, equal, rejects } from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import { writeUntilDone } from "../../../../engine/runs/write_until_done.ts";
import { FakeClock, settle } from "../../../support/fake_clock.ts";

const full = () => new AppError("unavailable", "the disk is full");

function setUp(failures: number, error: () => Error = full) {
  const clock = new FakeClock(0);
  const leaving = new AbortController();
  const log: string[] = [];
  const tries: number[] = [];
  const write = () => {
    tries.push(clock.now());
    return tries.length > failures ? Promise.resolve("written") : Promise.reject(error());
  };
  const written = writeUntilDone(
    { clock, log: (_level, message) => void log.push(message), leaving: leaving.signal },
    "the end",
    write,
  );
  return { clock, leaving, log, tries, written };
}

Deno.test("writeUntilDone() writes once where that works, and says nothing of it", async () => {
  const { written, log, tries } = setUp(0);
  equal(await written, "written");
  deepEqual([log, tries.length], [[], 1]);
});

Deno.test("writeUntilDone() tries with growing waits until it is written, and says so twice", async () => {
  const { clock, written, log, tries } = setUp(7);
  await settle();
  for (let n = 0; n < 40; n++) await clock.advance(1_000);
  equal(await written, "written");
  deepEqual(tries, [0, 250, 750, 1_750, 3_750, 7_750, 15_750, 25_750]);
  deepEqual(log, ["the end could not be written; trying again until it is", "the end is written now"]);
});

Deno.test("writeUntilDone() tries once more when its server leaves, and then fails", async () => {
  const { leaving, written, tries } = setUp(99);
  await settle();
  leaving.abort();
  await rejects(written, /the disk is full/);
  equal(tries.length, 2);
});

Deno.test("writeUntilDone() fails at once where another try cannot help", async () => {
  const { written, tries } = setUp(9, () => new AppError("conflict", "it is there already"));
  await rejects(written, /there already/);
  equal(tries.length, 1);
});
