import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { dirname } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import { DiskLocation } from "../../../../connectors/locations/disk/disk_location.ts";
import type { FileWriter, StoredFile } from "../../../../connectors/locations/location.ts";
import { never } from "../../../support/connections.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A folder with a location on it; what the location logs is kept. */
class Place implements AsyncDisposable {
  readonly folder: string;
  readonly logged: string[] = [];
  readonly location: DiskLocation;

  private constructor(folder: string) {
    this.folder = folder;
    this.location = new DiskLocation(folder, {
      log: (message) => void this.logged.push(message),
      lockTimeoutMs: 0,
    });
  }

  static async create(files: readonly string[] = [], name = "root"): Promise<Place> {
    const place = new Place(`${await Deno.makeTempDir({ prefix: "sluice-disk-" })}/${name}`);
    await Deno.mkdir(place.folder);
    for (const file of files) await place.write(file, "x");
    return place;
  }

  async write(name: string, text: string): Promise<void> {
    await Deno.mkdir(dirname(`${this.folder}/${name}`), { recursive: true });
    await Deno.writeTextFile(`${this.folder}/${name}`, text);
  }

  async read(name: string): Promise<string> {
    return await Deno.readTextFile(`${this.folder}/${name}`);
  }

  async list(pattern: string): Promise<string[]> {
    return (await this.location.list(pattern, never())).files.map(({ shown }) => shown);
  }

  async find(name: string): Promise<StoredFile> {
    const file = await this.location.find(`${this.folder}/${name}`);
    ok(file !== undefined);
    return file;
  }

  /** All names in the folder, hidden ones too. */
  names(): string[] {
    return [...Deno.readDirSync(this.folder)].map(({ name }) => name).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(dirname(this.folder), { recursive: true });
  }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    ok(error instanceof AppError, `not an AppError: ${error}`);
    return error.code;
  }
}

async function textOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks = await Array.fromAsync(bytes);
  return await new Blob(chunks.map((chunk) => new Uint8Array(chunk))).text();
}

Deno.test("list() gives the files of a glob in order, without hidden ones and our own", async () => {
  await using place = await Place.create([
    "b.csv",
    "a.csv",
    "a.txt",
    ".hidden.csv",
    "_sluice_x.csv",
    "in/c.csv",
    "in/.work/d.csv",
    "in/deep/e.csv",
  ]);
  deepStrictEqual(await place.list("*.csv"), ["a.csv", "b.csv"]);
  deepStrictEqual(await place.list("**/*.csv"), ["a.csv", "b.csv", "in/c.csv", "in/deep/e.csv"]);
  deepStrictEqual(await place.list("in/*/[ef].csv"), ["in/deep/e.csv"]);
  deepStrictEqual(await place.list("./in/../in/c.csv"), ["in/c.csv"]);
  deepStrictEqual(await place.list(`${place.folder}/in/?.csv`), ["in/c.csv"]);
  deepStrictEqual(await place.list("in/**"), ["in/c.csv", "in/deep/e.csv"]);
});

Deno.test("list() takes the characters of the root and of files as they are", async () => {
  await using place = await Place.create(["data/a.csv", "data/b [1].csv", "data [x]/c.csv"], "proj [1]*");
  deepStrictEqual(await place.list("data/*.csv"), ["data/a.csv", "data/b [1].csv"]);
  deepStrictEqual(await place.list("data/b [1].csv"), ["data/b [1].csv"]);
  deepStrictEqual(await place.list("*/*.csv"), ["data [x]/c.csv", "data/a.csv", "data/b [1].csv"]);
});

Deno.test("list() says what it does not find", async () => {
  await using place = await Place.create(["in/a.csv"]);
  deepStrictEqual(
    await Promise.all(["no.csv", "*.parquet", "in", "*/../a.csv"].map((path) => codeOf(place.list(path)))),
    ["not_found", "not_found", "invalid", "invalid"],
  );
  strictEqual(await place.location.find(`${place.folder}/no.csv`), undefined);
});

Deno.test("list() follows a link to a file, and logs a link to a folder that the glob could have matched in", async () => {
  await using place = await Place.create(["store/x.csv", "in/a.csv"]);
  await Deno.symlink(`${place.folder}/store/x.csv`, `${place.folder}/in/linked.csv`);
  await Deno.symlink(`${place.folder}/store`, `${place.folder}/in/folder`);
  deepStrictEqual(await place.list("in/*.csv"), ["in/a.csv", "in/linked.csv"]);
  deepStrictEqual(place.logged, []);
  deepStrictEqual(await place.list("in/**/*.csv"), ["in/a.csv", "in/linked.csv"]);
  deepStrictEqual(place.logged, [
    '"in/folder" is a link to a folder and is left out of wildcards; name it by a stream of its own',
  ]);
  deepStrictEqual(await place.list("in/folder/*.csv"), ["in/folder/x.csv"]);
});

Deno.test("read() gives all of a file, or a range of it", async () => {
  await using place = await Place.create();
  const text = "0123456789".repeat(100_000);
  await place.write("a", text);
  const file = await place.find("a");
  strictEqual(file.sizeBytes, 1_000_000);
  strictEqual(await textOf(file.read()), text);
  strictEqual(await textOf(file.read({ start: 7, end: 12 })), "78901");
  strictEqual(await textOf(file.read({ start: 999_998, end: 2_000_000 })), "89");
  await using reader = await file.open();
  strictEqual(new TextDecoder().decode(await reader.read(999_999, 10)), "9");
});

for (
  const [what, change] of [
    ["gets more", (path: string) => Deno.writeTextFile(path, "more", { append: true })],
    ["is cut shorter", (path: string) => Deno.truncate(path, 300_000)],
    ["is replaced", async (path: string) => {
      await Deno.copyFile(path, `${path}.new`);
      await Deno.rename(`${path}.new`, path);
    }],
    ["is removed", (path: string) => Deno.remove(path)],
  ] as const
) {
  Deno.test(`a file that ${what} while it is read is told by name`, async () => {
    await using place = await Place.create();
    await place.write("a", "x".repeat(1_000_000));
    const file = await place.find("a");
    const read = async () => {
      let isFirst = true;
      for await (const _bytes of file.read()) {
        if (isFirst) await change(file.path);
        isFirst = false;
      }
      await file.checkUnchanged();
    };
    let message = "";
    await read().catch((error) => message = `${error.code}: ${error.message}`);
    ok(/^unavailable: Cannot read "a": it (?:changed|was removed) while it was read/.test(message), message);
  });
}

async function put(writer: FileWriter, text: string): Promise<void> {
  await using file = writer;
  await file.write(bytesOf(text));
  await file.commit();
}

Deno.test("write() puts a file in its place on its condition only", async () => {
  await using place = await Place.create();
  const { location } = place;
  const path = `${place.folder}/in/a`;
  await put(await location.write(path, { type: "absent" }), "one");
  strictEqual(
    await codeOf(location.write(path, { type: "absent" }).then((file) => put(file, "two"))),
    "conflict",
  );
  const { etag } = await place.find("in/a");
  ok(etag !== null);
  await put(await location.write(path, { type: "match", etag }), "three");
  strictEqual(await place.read("in/a"), "three");
  const stale = location.write(path, { type: "match", etag }).then((file) => put(file, "four"));
  strictEqual(await codeOf(stale), "conflict");
  await location.remove(path);
  await location.remove(path);
  strictEqual(
    await codeOf(location.write(path, { type: "match", etag }).then((file) => put(file, "x"))),
    "conflict",
  );
  await put(await location.write(path, { type: "any" }), "five");
  strictEqual(await place.read("in/a"), "five");
  deepStrictEqual([...Deno.readDirSync(`${place.folder}/in`)].map(({ name }) => name), ["a"]);
});

Deno.test("write() that is not committed leaves nothing", async () => {
  await using place = await Place.create(["a"]);
  {
    await using file = await place.location.write(`${place.folder}/a`, { type: "any" });
    await file.write(bytesOf("half"));
  }
  strictEqual(await place.read("a"), "x");
  deepStrictEqual(place.names(), ["a"]);
});

Deno.test("of many writers of an absent file one wins", async () => {
  await using place = await Place.create();
  const codes = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      codeOf(
        place.location.write(`${place.folder}/a`, { type: "absent" }).then((file) => put(file, String(i))),
      )),
  );
  deepStrictEqual(codes.sort(), [...new Array(7).fill("conflict"), "done"]);
});

Deno.test("publish() keeps a second publication of the target out until the first has ended", async () => {
  await using place = await Place.create();
  const target = { kind: "file", path: `${place.folder}/a.csv`, shown: "a.csv" } as const;
  {
    await using _first = await place.location.publish(target, never());
    strictEqual(await codeOf(place.location.publish(target, never())), "unavailable");
  }
  await using second = await place.location.publish(target, never());
  strictEqual(second.current, undefined);
});

for (const kind of ["file", "folder"] as const) {
  Deno.test(`a publication of a ${kind} is seen with its note after the commit, and not before`, async () => {
    await using place = await Place.create();
    const target = { kind, path: `${place.folder}/t.csv`, shown: "t.csv" } as const;
    const publish = async (text: string, isCommitted: boolean) => {
      await using publication = await place.location.publish(target, never());
      await put(await publication.stage("t.csv"), text);
      deepStrictEqual(await publication.staged(), [{ path: "t.csv", sizeBytes: text.length }]);
      await publication.prepare({ keepsCurrent: false, note: { text } });
      if (isCommitted) await publication.commit();
    };
    const seen = async () => {
      await using publication = await place.location.publish(target, never());
      const [only] = publication.current?.files ?? [];
      return only === undefined ? undefined : [await textOf(only.file.read()), publication.current?.note];
    };
    await publish("first", false);
    strictEqual(await seen(), undefined);
    await publish("one", true);
    deepStrictEqual(await seen(), ["one", { text: "one" }]);
    await publish("second", false);
    deepStrictEqual(await seen(), ["one", { text: "one" }]);
    await publish("two", true);
    deepStrictEqual(await seen(), ["two", { text: "two" }]);
    deepStrictEqual(place.names(), kind === "file" ? [".t.csv.sluice", "t.csv"] : ["t.csv"]);
  });
}
