import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import type { SiteFile } from "../../../../../server/backend.ts";
import { LIST_FILE, writeSite } from "../../../../../server/cli/docs/write_site.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-docs-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function* filesOf(files: Readonly<Record<string, string>>): AsyncIterable<SiteFile> {
  for (const [path, text] of Object.entries(files)) yield await Promise.resolve({ path, text });
}

const write = (
  folder: string,
  files: Readonly<Record<string, string>>,
  signal = new AbortController().signal,
) => writeSite(folder, filesOf(files), signal);

async function namesIn(folder: string, below = ""): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(folder, below))) {
    const path = join(below, name);
    names.push(...isDirectory ? await namesIn(folder, path) : [path]);
  }
  return names.sort();
}

Deno.test("writeSite() makes the folder, leaves what is the same alone, and removes what is gone", () =>
  inFolder(async (above) => {
    const folder = join(above, "new", "site");
    const first = await write(folder, { "index.html": "one", "p/a/index.html": "a", "p/b.html": "b" });
    deepStrictEqual(first, { files: 3, changed: 3, removed: 0 });
    const before = await Deno.stat(join(folder, "p/b.html"));
    const again = await write(folder, { "index.html": "two", "p/b.html": "b" });
    deepStrictEqual(again, { files: 2, changed: 1, removed: 1 });
    deepStrictEqual(await namesIn(folder), [LIST_FILE, "index.html", "p/b.html"]);
    strictEqual((await Deno.stat(join(folder, "p/b.html"))).ino, before.ino);
    strictEqual(await Deno.readTextFile(join(folder, "index.html")), "two");
    // The folder of what is gone is gone, too.
    deepStrictEqual(await Array.fromAsync(Deno.readDir(join(folder, "p")), ({ name }) => name), ["b.html"]);
  }));

Deno.test("writeSite() refuses a folder with files of others before it changes anything", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "notes.md"), "mine");
    await rejects(write(folder, { "index.html": "x" }), {
      code: "invalid",
      message: /it has "notes\.md" in it, which sluice docs did not write: expected a new or an empty folder/,
    });
    deepStrictEqual(await namesIn(folder), ["notes.md"]);
    await Deno.remove(join(folder, "notes.md"));
    await write(folder, { "index.html": "x", "p/a.html": "a" });
    await Deno.writeTextFile(join(folder, "p", "mine.html"), "mine");
    await rejects(write(folder, { "index.html": "y" }), { message: /it has "p\/mine\.html" in it/ });
    strictEqual(await Deno.readTextFile(join(folder, "index.html")), "x");
    await Deno.remove(join(folder, "p", "mine.html"));
    // What a link leads to is somebody else's.
    await Deno.symlink(folder, join(folder, "p", "link"));
    await rejects(write(folder, { "index.html": "y" }), { message: /it has "p\/link" in it/ });
  }));

Deno.test("writeSite() goes on where it was stopped, whatever was written by then", () =>
  inFolder(async (folder) => {
    const stopping = new AbortController();
    const stop = new Error("stopped");
    async function* until(): AsyncIterable<SiteFile> {
      yield* filesOf({ "a.html": "a", "b.html": "b" });
      stopping.abort(stop);
      yield* filesOf({ "c.html": "c" });
    }
    await rejects(writeSite(folder, until(), stopping.signal), stop);
    deepStrictEqual(await namesIn(folder), [LIST_FILE, "a.html", "b.html"]);
    // As a kill between a file and its place leaves it.
    await Deno.writeTextFile(join(folder, ".sluice-docs.tmp"), "half");
    deepStrictEqual(await write(folder, { "b.html": "b", "c.html": "c" }), {
      files: 2,
      changed: 1,
      removed: 1,
    });
    deepStrictEqual(await namesIn(folder), [LIST_FILE, "b.html", "c.html"]);
  }));

Deno.test("writeSite() says what it could not write", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "file"), "");
    await rejects(write(join(folder, "file"), { "index.html": "x" }), {
      code: "invalid",
      message: /^Cannot write the docs to .*file: /,
    });
  }));
