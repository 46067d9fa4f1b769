import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { Budget } from "../../../../contract/connector/connector.ts";
import { AppError } from "../../../../contract/errors.ts";
import { FetchedFile, readInOrder } from "../../../../connectors/locations/remote/fetched_file.ts";
import {
  type ByteRange,
  type RemoteObject,
  TRANSFER_CUT,
} from "../../../../connectors/locations/remote/remote_object.ts";

const MB = 1024 * 1024;

class FakeObject implements RemoteObject {
  readonly path = "/data/a.csv";
  readonly shown = "fake://data/a.csv";
  readonly modifiedMs = null;
  readonly etag = '"1"';
  readonly isPinned: boolean;
  readonly content: Uint8Array;
  readonly asked: ByteRange[] = [];
  looks = 0;
  /** What a read gives, instead of what was asked for. */
  give: (range: ByteRange, bytes: Uint8Array) => AsyncIterable<Uint8Array> = (_, bytes) => chunksOf(bytes);
  isChanged = false;
  readonly begun = Promise.withResolvers<void>();

  constructor(sizeBytes: number, isPinned = true) {
    this.content = new Uint8Array(sizeBytes).map((_, at) => (at * 31 + (at >> 12)) & 255);
    this.isPinned = isPinned;
  }

  get sizeBytes(): number {
    return this.content.length;
  }

  read(range: ByteRange): AsyncIterable<Uint8Array> {
    this.asked.push(range);
    this.begun.resolve();
    return this.give(range, this.content.subarray(range.start, range.end));
  }

  checkUnchanged(): Promise<void> {
    this.looks++;
    return this.isChanged
      ? Promise.reject(new AppError("unavailable", "Cannot read it: it changed while it was read"))
      : Promise.resolve();
  }
}

async function* chunksOf(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 100_000) {
    yield await Promise.resolve(bytes.slice(at, at + 100_000));
  }
}

async function* failing(error: AppError): AsyncIterable<Uint8Array> {
  yield* await Promise.reject<Uint8Array[]>(error);
}

/** Counts who holds a place. */
class CountedBudget implements Budget {
  readonly limit = 4;
  held = 0;
  most = 0;

  acquire(): Promise<Disposable> {
    this.most = Math.max(this.most, ++this.held);
    return Promise.resolve({ [Symbol.dispose]: () => void this.held-- });
  }
}

class Bench implements AsyncDisposable {
  readonly folder: string;
  readonly budget = new CountedBudget();
  readonly stop = new AbortController();

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async start(): Promise<Bench> {
    return new Bench(await Deno.makeTempDir({ prefix: "sluice-fetched-" }));
  }

  file(object: RemoteObject): FetchedFile {
    const clock = { now: () => 0, sleep: () => Promise.resolve() };
    return new FetchedFile(object, `${this.folder}/copies/${crypto.randomUUID()}`, {
      budget: this.budget,
      clock,
      signal: this.stop.signal,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function whole(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Blob((await Array.fromAsync(bytes)).map((b) => b.slice())).arrayBuffer());
}

const cut = () => new AppError("unavailable", "the connection was cut", { reason: TRANSFER_CUT });

Deno.test("FetchedFile gives all bytes, and brings each of them once", async () => {
  await using bench = await Bench.start();
  const object = new FakeObject(23 * MB + 7);
  const file = bench.file(object);
  deepStrictEqual(await whole(file.read()), object.content);
  strictEqual(file.missingBytes, 0);
  await file.complete(bench.stop.signal);
  deepStrictEqual(await Deno.readFile(file.localPath), object.content);
  strictEqual(object.asked.reduce((sum, { start, end }) => sum + end - start, 0), object.sizeBytes);
  ok(bench.budget.most > 1, "parts come side by side");
  strictEqual(bench.budget.held, 0);
});

Deno.test("FetchedFile brings bytes here and there without the rest", async () => {
  await using bench = await Bench.start();
  const object = new FakeObject(20 * MB);
  const file = bench.file(object);
  await using reader = await file.open();
  deepStrictEqual(await reader.read(20 * MB - 8, 100), object.content.slice(-8));
  deepStrictEqual(await reader.read(5 * MB, 4), object.content.slice(5 * MB, 5 * MB + 4));
  strictEqual(file.missingBytes, 18 * MB);
  strictEqual((await Deno.stat(file.localPath)).size, 20 * MB);
});

Deno.test("FetchedFile goes on where a connection was cut, with an error or without one", async () => {
  await using bench = await Bench.start();
  const object = new FakeObject(3 * MB);
  let reads = 0;
  object.give = async function* (_range, bytes) {
    reads++;
    yield* chunksOf(bytes.subarray(0, 700_000));
    if (reads % 2 === 0 && bytes.length > 700_000) throw cut();
  };
  const file = bench.file(object);
  await file.complete(bench.stop.signal);
  deepStrictEqual(await Deno.readFile(file.localPath), object.content);
  ok(reads > 4);
  for (const { start } of object.asked.slice(1)) strictEqual(start % 700_000, 0);
});

Deno.test("FetchedFile gives up on a connection that is cut again and again, and can be tried anew", async () => {
  await using bench = await Bench.start();
  const object = new FakeObject(MB);
  const give = object.give;
  object.give = () => failing(cut());
  const file = bench.file(object);
  await rejects(
    file.complete(bench.stop.signal),
    (error) => error instanceof AppError && error.code === "unavailable",
  );
  strictEqual(object.asked.length, 5);
  object.give = give;
  deepStrictEqual(await whole(file.read()), object.content);
});

Deno.test("FetchedFile does not try again what is no cut", async () => {
  await using bench = await Bench.start();
  const object = new FakeObject(MB);
  object.give = () => failing(new AppError("forbidden", "no"));
  await rejects(
    whole(bench.file(object).read()),
    (error) => error instanceof AppError && error.message === "no",
  );
  strictEqual(object.asked.length, 1);
});

Deno.test("FetchedFile refuses more bytes than were asked for", async () => {
  await using bench = await Bench.start();
  const object = new FakeObject(MB);
  object.give = (_range, bytes) => chunksOf(new Uint8Array([...bytes, 1]));
  await rejects(
    whole(bench.file(object).read()),
    (error) => error instanceof AppError && error.message.includes("more bytes came"),
  );
});

Deno.test("FetchedFile looks again at a file that is not pinned when all of it is there", async () => {
  await using bench = await Bench.start();
  const pinned = new FakeObject(MB);
  await bench.file(pinned).complete(bench.stop.signal);
  strictEqual(pinned.looks, 0);
  const loose = new FakeObject(MB, false);
  const file = bench.file(loose);
  await file.complete(bench.stop.signal);
  await file.complete(bench.stop.signal);
  strictEqual(loose.looks, 1);
  const changed = new FakeObject(MB, false);
  changed.isChanged = true;
  await rejects(bench.file(changed).complete(bench.stop.signal), (error) => error instanceof AppError);
  await rejects(whole(bench.file(changed).read()), (error) => error instanceof AppError);
});

Deno.test("FetchedFile ends with its signal", async () => {
  await using bench = await Bench.start();
  const object = new FakeObject(3 * MB);
  object.give = async function* (_range, bytes) {
    yield bytes.slice(0, 10);
    bench.stop.abort(new Error("enough"));
    throw cut();
  };
  await rejects(bench.file(object).complete(bench.stop.signal), { message: "enough" });
});

Deno.test("FetchedFile frees the disk, and brings its bytes again for who reads on", async () => {
  await using bench = await Bench.start();
  const object = new FakeObject(2 * MB);
  const file = bench.file(object);
  await file.complete(bench.stop.signal);
  await file.remove();
  deepStrictEqual(await Array.fromAsync(Deno.readDir(`${bench.folder}/copies`)), []);
  strictEqual(file.missingBytes, 2 * MB);
  deepStrictEqual(await whole(file.read()), object.content);
});

Deno.test("FetchedFile of no bytes is an empty file", async () => {
  await using bench = await Bench.start();
  const file = bench.file(new FakeObject(0));
  deepStrictEqual(await whole(file.read()), new Uint8Array());
  await file.complete(bench.stop.signal);
  strictEqual((await Deno.stat(file.localPath)).size, 0);
});

Deno.test("readInOrder() has the beginnings, or ends, of the next files brought when one is read", async () => {
  await using bench = await Bench.start();
  const objects = [3, 3, 3].map((mb) => new FakeObject(mb * MB));
  const heads = objects.map((object) => bench.file(object));
  readInOrder(heads);
  await using reader = await heads[0]?.open();
  await reader?.read(0, 10);
  await Promise.all(objects.map(({ begun }) => begun.promise));
  deepStrictEqual(
    objects.map(({ asked }) => asked),
    Array.from({ length: 3 }, () => [{ start: 0, end: MB }]),
  );
  await Promise.all(heads.map((file) => file.remove()));
  const others = [3, 3].map((mb) => new FakeObject(mb * MB));
  const tails = others.map((object) => bench.file(object));
  readInOrder(tails);
  await using last = await tails[0]?.open();
  await last?.read(3 * MB - 8, 8);
  await Promise.all(others.map(({ begun }) => begun.promise));
  deepStrictEqual(others.map(({ asked }) => asked), [1, 2].map(() => [{ start: 2 * MB, end: 3 * MB }]));
  await Promise.all(tails.map((file) => file.remove()));
});

Deno.test("FetchedFile brings what is read in order in few requests", async () => {
  await using bench = await Bench.start();
  const object = new FakeObject(48 * MB);
  deepStrictEqual(await whole(bench.file(object).read()), object.content);
  ok(object.asked.length <= 11, `${object.asked.length} requests`);
  const lengths = object.asked.map(({ start, end }) => (end - start) / MB);
  deepStrictEqual(lengths.slice(-3), [8, 8, 8]);
});
