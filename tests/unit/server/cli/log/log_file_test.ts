import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { join } from "node:path";
import { LogFile, type LogFileOptions } from "../../../../../server/cli/log/log_file.ts";
import { createServerLog, lineOf } from "../../../../../server/cli/log/server_log.ts";
import { SmallDisk } from "../../../../support/small_disk.ts";

const TIME = Date.parse("2026-11-27T07:38:16.001Z");

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice log " });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function open(path: string, change: Partial<LogFileOptions> = {}) {
  const fallen: string[] = [];
  const file = LogFile.open({
    path,
    maxBytes: 0,
    keep: 10,
    now: () => TIME,
    lineOf: lineOf("text"),
    fallback: (line) => void fallen.push(line),
    ...change,
  });
  return { file, fallen };
}

const linesOf = (text: string) => text.split("\n").slice(0, -1);

/** The lines of all files of the log, the oldest file first. */
async function allLines(folder: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  const lines: string[] = [];
  // What is written to has the shortest name, and comes last.
  for (const name of names.toSorted((a, b) => b.length - a.length || a.localeCompare(b))) {
    const file = await Deno.open(join(folder, name));
    const bytes = name.endsWith(".gz")
      ? file.readable.pipeThrough(new DecompressionStream("gzip"))
      : file.readable;
    lines.push(...linesOf(await new Response(bytes).text()));
  }
  return lines;
}

Deno.test("a log that is put aside again and again loses no line, and is compressed", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "logs", "server.log");
    const expected = Array.from({ length: 500 }, (_, i) => `line ${i} é`);
    {
      const { file, fallen } = open(path, { maxBytes: 1_000, keep: 100 });
      await using _ = file;
      for (const line of expected) file.write(line);
      deepEqual(fallen, []);
    }
    deepEqual(await allLines(join(folder, "logs")), expected);
    const names = await Array.fromAsync(Deno.readDir(join(folder, "logs")), ({ name }) => name);
    deepEqual(names.filter((name) => name !== "server.log" && !name.endsWith(".gz")), []);
    match(names.toSorted()[1] ?? "", /^server\.log\.20261127T073816001Z\.gz$/);
    ok((await Deno.stat(path)).size <= 1_000);
    equal((await Deno.stat(path)).mode! & 0o777, 0o640);
  });
});

Deno.test("only the newest files that were put aside are kept, and what a killed process left is compressed", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "server.log");
    await Deno.writeTextFile(`${path}.20200101T000000000Z`, "old\n");
    await Deno.writeTextFile(`${path}.20260101T000000000Z`, "left behind\n");
    await Deno.writeTextFile(join(folder, "server.log.notes"), "somebody's\n");
    {
      await using _ = open(path, { keep: 1 }).file;
    }
    const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    deepEqual(names.toSorted(), ["server.log", "server.log.20260101T000000000Z.gz", "server.log.notes"]);
    deepEqual((await allLines(folder)).toSorted(), ["left behind", "somebody's"]);
  });
});

Deno.test("reopen() goes on in a new file where another program has moved the old one away", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "server.log");
    const { file } = open(path);
    await using _ = file;
    file.write("before");
    await Deno.rename(path, `${path}.1`);
    file.write("while");
    file.reopen();
    file.write("after");
    deepEqual(
      [linesOf(await Deno.readTextFile(`${path}.1`)), linesOf(await Deno.readTextFile(path))],
      [["before", "while"], ["after"]],
    );
  });
});

Deno.test({
  name: "on a full disk each line goes elsewhere as a whole, and the file says so when it takes lines again",
  // A file system of its own can only be mounted by root.
  ignore: !SmallDisk.isPossible,
  async fn() {
    await using disk = await SmallDisk.mount(1 << 20);
    const path = join(disk.path, "server.log");
    const { file, fallen } = open(path, { maxBytes: 600_000 });
    await using _ = file;
    file.write("first");
    await disk.fill();
    // Longer than what is left of the page that the file has.
    const long = "x".repeat(5_000);
    file.write(long);
    file.write(long);
    equal(fallen.length, 3);
    match(fallen[0] ?? "", /The log file .* cannot be written; lines go here: .*No space left/);
    deepEqual(fallen.slice(1), [long, long]);
    await disk.free();
    file.write("last");
    const lines = linesOf(await Deno.readTextFile(path));
    deepEqual([lines[0], lines[2], lines.length], ["first", "last", 3]);
    match(
      lines[1] ?? "",
      /warn 2 lines before this one went to the server's standard error error=".*No space left/,
    );
  },
});

Deno.test("a log file that cannot be written is refused at the start", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(join(folder, "taken"));
    throws(() => open(join(folder, "taken")), {
      code: "invalid",
      message: /^Cannot write the log file .*taken: /,
    });
    await Promise.resolve();
  });
});

Deno.test("a line of JSON keeps what all lines have, whatever fields an event brings", () => {
  const lines: string[] = [];
  const log = createServerLog(lineOf("json"), (line) => void lines.push(line));
  log("warn", "two\nlines", { run: "r1", level: 3, nested: { a: [1] } });
  log("debug", "nobody needs this");
  equal(lines.length, 1);
  const { time, ...rest } = JSON.parse(lines[0] ?? "");
  match(time, /^\d{4}-\d\d-\d\dT/);
  deepEqual(rest, { level: "warn", message: "two\nlines", run: "r1", level_: 3, nested: { a: [1] } });
});
