import { CreateMultipartUploadCommand, ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { FakeClock } from "../../support/fake_clock.ts";
import { S3Bench, storeError } from "./s3_bench.ts";

/** What loads that died have left in a bucket is taken away by later ones, a day after. */

const ROWS = "(1, 'a')";
const HOUR_MS = 3_600_000;

async function beginUpload({ bucket }: S3Bench, key: string): Promise<void> {
  await bucket.client.send(new CreateMultipartUploadCommand({ Bucket: bucket.name, Key: key }));
}

/** When the store says that the upload began, which need not be the time of our clock. */
async function beganMs({ bucket }: S3Bench): Promise<number> {
  const { Uploads = [] } = await bucket.client.send(new ListMultipartUploadsCommand({ Bucket: bucket.name }));
  const [upload] = Uploads;
  ok(upload?.Initiated !== undefined);
  return upload.Initiated.getTime();
}

Deno.test("s3: uploads that loads left unfinished a day ago are ended, younger ones and others' are not", async () => {
  const clock = new FakeClock(0);
  await using bench = await S3Bench.start({}, { clock });
  const ours = ["t/day=1/part-x.sxabcdefgh.parquet", "t/part-x.sxabcdefgh.parquet", "one.csv"];
  const theirs = ["one.csv.bak", "t/backup.parquet", "u/part-x.sxabcdefgh.parquet"];
  for (const key of [...ours, ...theirs]) await beginUpload(bench, key);
  const begunMs = await beganMs(bench);
  const loadBoth = async (loadId: string) => {
    await bench.files.load("t/", ROWS, { loadId });
    await bench.files.load("one.csv", ROWS, { loadId });
  };
  await clock.advance(begunMs + 23 * HOUR_MS);
  await loadBoth("a");
  deepStrictEqual((await bench.bucket.uploads()).toSorted(), [...ours, ...theirs].toSorted());
  await clock.advance(2 * HOUR_MS);
  await loadBoth("b");
  deepStrictEqual((await bench.bucket.uploads()).toSorted(), theirs.toSorted());
});

Deno.test("s3: parts and notes of loads that died are removed a day after, and nothing else", async () => {
  const clock = new FakeClock(Date.now());
  await using bench = await S3Bench.start({}, { clock });
  await bench.files.load("t/", ROWS, { loadId: "a" });
  await bench.files.load("one.csv", ROWS, { loadId: "a" });
  const orphan = "t/part-b.sxzzzzzzzz.parquet";
  const note = ".one.csv.sluice/00000000-0000-4000-8000-000000000000";
  for (const key of [orphan, note]) await bench.bucket.put(key, "{}");
  for (const key of ["t/.sluice.bak", "t/notes.txt"]) await bench.bucket.put(key, "theirs");
  const load = async (loadId: string) => {
    await bench.files.load("t/", ROWS, { loadId, mode: "append" });
    await bench.files.load("one.csv", ROWS, { loadId });
    return await bench.bucket.keys();
  };
  const soon = await load("c");
  ok(soon.includes(orphan) && soon.includes(note));
  await clock.advance(25 * HOUR_MS);
  const later = await load("d");
  ok(!later.includes(orphan) && !later.includes(note), later.join(" "));
  ok(later.includes("t/.sluice.bak") && later.includes("t/notes.txt"));
  deepStrictEqual(later.filter((key) => key.startsWith(".one.csv.sluice/")).length, 1);
});

Deno.test("s3: a store that does not tell of its uploads is loaded into all the same", async () => {
  await using bench = await S3Bench.start();
  bench.proxy.rule = ({ url }) => /[?&]uploads/.test(url) ? storeError(403, "AccessDenied") : undefined;
  await bench.files.load("t/", ROWS, { loadId: "a" });
  await bench.files.load("one.csv", ROWS, { loadId: "a" });
  match((await bench.bucket.keys()).join(" "), /one\.csv .*t\/part-a\./);
});

Deno.test("s3: targets with odd characters are loaded, added to and read back", async () => {
  await using bench = await S3Bench.start({ prefix: "pre fix+1" });
  const folders = [
    "a b+c/",
    "50%25 off/",
    "\u00fcn\u00ef/\u6f22\u5b57\u{1f986}/",
    "br[1]ack*et?/",
    "q'uo\"te&<>/",
    "day=1/#x/",
  ];
  for (const folder of folders) {
    for (const loadId of ["a", "b"]) await bench.files.load(folder, ROWS, { loadId, mode: "append" });
    const literal = folder.replace(/[*?[]/g, "[$&]");
    deepStrictEqual((await bench.files.read(`${literal}*.parquet`)).rows.length, 2, folder);
    await bench.files.load(`${folder}one.csv`, ROWS, { loadId: "c" });
    const key = `pre fix+1/${folder}one.csv`;
    deepStrictEqual(await bench.bucket.text(key), "id,name\n1,a\n", folder);
  }
});
