import { deepEqual, equal, match } from "node:assert/strict";
import { Admission } from "../../../../../engine/runs/admission/admission.ts";
import { type Disk, diskReserve } from "../../../../../engine/runs/admission/disk.ts";
import { FakeClock, settle } from "../../../../support/fake_clock.ts";

const MIB = 1_024 ** 2;
const GIB = 1_024 ** 3;

Deno.test("diskReserve() is a share of the disk within bounds, and never most of a small one", () => {
  const of = (totalBytes: number, wantedBytes?: number) =>
    diskReserve({ freeBytes: 0, totalBytes }, wantedBytes);
  deepEqual([of(64 * MIB), of(4 * GIB), of(40 * GIB), of(4_000 * GIB)], [
    16 * MIB,
    512 * MIB,
    2 * GIB,
    5 * GIB,
  ]);
  deepEqual([of(40 * GIB, 0), of(40 * GIB, 7)], [0, 7]);
});

/** One that has a disk of 10 GiB, of which `free` says how much is left. */
async function withAdmission(
  options: { diskReserveBytes?: number },
  work: (
    bench: {
      admission: Admission;
      clock: FakeClock;
      happened: string[];
      setFree(bytes: number | undefined): void;
    },
  ) => Promise<void>,
): Promise<void> {
  const clock = new FakeClock("2026-03-02T08:00:00Z");
  const happened: string[] = [];
  let free: number | undefined = 5 * GIB;
  const admission = new Admission({
    ...options,
    clock,
    log: (level, message) => void happened.push(`${level}: ${message}`),
    dataDir: "/data",
    diskOf: () =>
      Promise.resolve<Disk | undefined>(
        free === undefined ? undefined : { freeBytes: free, totalBytes: 10 * GIB },
      ),
    onOpen: () => void happened.push("open"),
    onDisk: () => void happened.push("disk"),
  });
  admission.start();
  await settle();
  await work({ admission, clock, happened, setFree: (bytes) => free = bytes });
  await admission.stop();
}

Deno.test("no run begins while too little of the disk is free, and runs begin by themselves when there is room", async () => {
  await withAdmission({ diskReserveBytes: GIB }, async ({ admission, clock, happened, setFree }) => {
    equal(await admission.mayBegin(), true);
    setFree(GIB - 1);
    equal(await admission.mayBegin(), false, "it looks before it says yes");
    equal(admission.held?.by, "disk");
    match(admission.held?.message ?? "", /the disk of \/data has 1.07 GB left, 1.07 GB are kept free/);
    deepEqual(happened.map((line) => line.split(":")[0]), ["error", "disk"]);

    setFree(GIB);
    await clock.advance(10_000);
    equal(await admission.mayBegin(), false, "what is just enough may be too little in a moment");
    setFree(1.1 * GIB);
    await clock.advance(10_000);
    deepEqual(happened.slice(2), ["info: the disk has room again: runs begin", "open", "disk"]);
    equal(await admission.mayBegin(), true);
    deepEqual(admission.status(2), {
      starts_runs: true,
      held_by: null,
      message: null,
      running: 2,
      drained_by: null,
      drained_at: null,
      disk: { free_bytes: 1.1 * GIB, total_bytes: 10 * GIB, reserve_bytes: GIB },
    });
  });
});

Deno.test("a reserve of 0, and a system that does not say what is free, hold nothing back", async () => {
  await withAdmission({ diskReserveBytes: 0 }, async ({ admission, setFree }) => {
    setFree(0);
    equal(await admission.mayBegin(), true);
  });
  await withAdmission({}, async ({ admission, setFree }) => {
    setFree(undefined);
    equal(await admission.mayBegin(), true);
    equal(admission.status(0).disk, null);
  });
});

Deno.test("no run begins on a drained server until that is taken back, and none on one that is about to stop", async () => {
  await withAdmission({}, async ({ admission, happened }) => {
    admission.undrain("ada");
    deepEqual(happened, [], "there was nothing to take back");
    admission.drain("ada");
    admission.drain("bob");
    equal(await admission.mayBegin(), false);
    const { drained_by, drained_at, held_by } = admission.status(0);
    deepEqual([drained_by, drained_at, held_by], ["ada", "2026-03-02T08:00:00.000Z", "drain"]);
    admission.undrain("bob");
    equal(happened.at(-1), "open");
    equal(await admission.mayBegin(), true);

    admission.leave();
    equal(await admission.mayBegin(), false);
    equal(admission.held?.by, "stop");
  });
});
