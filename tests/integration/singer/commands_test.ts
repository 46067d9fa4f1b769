import { deepEqual, equal, match, ok } from "node:assert/strict";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import { failureOf } from "../../support/api_bench.ts";
import { madePipe, recordOf, says, schemaOf, stateOf, TapBench } from "../../support/singer_bench.ts";

/** How a tap's process is started, limited and ended. */

const bench = await TapBench.create();
Deno.test.afterAll(() => bench[Symbol.asyncDispose]());

const start = says(schemaOf(), recordOf({ id: 1 }));

Deno.test("a tap that hangs is killed at its timeout, with its children, though they ignore TERM", async () => {
  const held = await madePipe(bench.folder);
  const ended = Deno.readTextFile(held);
  const tap = await bench.tap(`exec 3> ${held}
trap '' TERM
${start}
sleep 600 &
wait
sleep 600`);
  const { code, message } = await failureOf(bench.read(tap, { config: { timeout: "700ms" } }));
  match(message, /took longer than its timeout of 700ms and was killed$/);
  equal(code, "timeout");
  equal(await ended, "", "nobody holds the pipe any more");
});

Deno.test("a cancel ends a tap and its children", async () => {
  const [held, begun] = [await madePipe(bench.folder), await madePipe(bench.folder)];
  const ended = Deno.readTextFile(held);
  const tap = await bench.tap(`exec 3> ${held}\n${start}\nsleep 600 &\necho > ${begun}\nwait`);
  const cancel = new AbortController();
  const reading = failure(bench.read(tap, { signal: cancel.signal }));
  await Deno.readTextFile(begun);
  cancel.abort(new Error("cancelled by a test"));
  equal(String(await reading), "Error: cancelled by a test");
  equal(await ended, "");
});

Deno.test("children that hold a tap's outputs open do not hold the step", async () => {
  const held = await madePipe(bench.folder);
  const ended = Deno.readTextFile(held);
  const { rows } = await bench.read(await bench.tap(`exec 3> ${held}\n${start}\nsleep 600 &\nexit 0`));
  equal(rows.length, 1);
  equal(await ended, "");
});

Deno.test("a tap has a folder and an environment of its own, and nothing else", async () => {
  const tap = await bench.tap(`
config=$2
${says(schemaOf({ properties: { env: {}, files: {}, pwd: {}, config: {}, mode: {}, args: {} } }))}
e=$(env | sed 's/=.*//' | sort | tr '\\n' ' ')
printf '{"type":"RECORD","stream":"orders","record":{"env":"%s","files":"%s","pwd":"%s","config":%s,"mode":"%s","args":"%s"}}\\n' \\
  "$e" "$(ls -A)" "$PWD $HOME $TMPDIR" "$(cat $config)" "$(stat -c %a $config)" "$*"`);
  Deno.env.set("SLUICE_TEST_LEAK", "leaked");
  const { rows: [row] } = await bench.read(tap, {
    config: { config: { token: "s3cr3t-token", n: 1 }, environment: { TAP_REGION: "eu" } },
    asTexts: true,
  });
  Deno.env.delete("SLUICE_TEST_LEAK");
  const text = (name: string): string => JSON.parse(String(row?.[name]));
  equal(text("env"), "HOME LANG PATH PWD TAP_REGION TMPDIR ");
  equal(text("files"), "");
  const [home = "", ...same] = text("pwd").split(" ");
  deepEqual(same, [home, home]);
  ok(home.startsWith(`${bench.folder}/.scratch/`), home);
  deepEqual(JSON.parse(String(row?.["config"])), { token: "s3cr3t-token", n: 1 });
  equal(String(text("mode")), "600");
  equal(text("args").includes("s3cr3t"), false);
  match(text("args"), /^--config \S+\/config\.json --catalog \S+\/catalog\.json$/);
  equal(await Deno.stat(home).then(() => "there", () => "gone"), "gone");
});

Deno.test("a tap gets no more memory than it may have", async () => {
  const body = `exec /usr/bin/env python3 -c 'x = bytearray(400_000_000); print(len(x))'`;
  const { code, message } = await failureOf(
    bench.read(await bench.tap(body), { config: { memory: "100MB" } }),
  );
  match(message, /ended with code 1: MemoryError$/);
  equal(code, "unavailable");
});

Deno.test("a program that is not there is named", async () => {
  const { code, message } = await failureOf(bench.read("/opt/no/tap-there"));
  match(message, /^Connector "it": cannot start \/opt\/no\/tap-there: .*No such file/);
  equal(code, "not_found");
});

Deno.test("what a tap says on stderr is logged, and no more of it than is useful", async () => {
  bench.logged.length = 0;
  const tap = await bench.tap(`${start}
echo 'INFO one' >&2
head -c 1000000 /dev/zero | tr '\\0' y >&2
seq 1 5000 >&2`);
  await bench.read(tap);
  equal(bench.logged[0], "tap: INFO one".replace("tap", tap.replace(/^.*\//, "")));
  ok(bench.logged.every((line) => line.length < 2_100));
  ok(bench.logged.length < 2_010);
  match(bench.logged.at(-1) ?? "", /says more, which is not shown$/);
});

Deno.test("ACTIVATE_VERSION drops records of other versions, and never those of earlier runs", async () => {
  const activate = (version: number) => ({ type: "ACTIVATE_VERSION", stream: "orders", version });
  const tap = await bench.tap(
    says(
      schemaOf(),
      recordOf({ id: 1 }, { version: 1 }),
      recordOf({ id: 2 }, { version: 2 }),
      recordOf({ id: 3 }),
      activate(2),
      recordOf({ id: 4 }, { version: 2 }),
      stateOf({ at: 9007199254740993 }),
    ).replace("9007199254740992", "9007199254740993"),
  );
  const { rows, state } = await bench.read(tap);
  deepEqual(rows.map(({ id }) => Number(id)).toSorted(), [2, 3, 4]);
  deepEqual(state, { state_text: '{"at":9007199254740993}', version: "2" });
  const { message } = await failureOf(bench.read(tap, { state: { version: "1" } }));
  match(message, /line 5 .*begins a new version of the table.*--full-refresh/);
  equal((await bench.read(tap, { state: { version: "2" } })).rows.length, 3);
});

Deno.test("files of a BATCH are read from the tap's own folder only, and whole", async () => {
  const batch = (file: string, compression = "gzip") => ({
    type: "BATCH",
    stream: "orders",
    encoding: { format: "jsonl", compression },
    manifest: [file],
  });
  const tapOf = async (file: string, make: string, compression?: string) =>
    await bench.tap(`${make}\n${says(schemaOf()).replace("'EOF'", "EOF")}
cat <<EOF\n${JSON.stringify(batch(file, compression))}\nEOF`);
  const made = `printf '{"id":1}\\n{"id":9007199254740993}\\n' | gzip > b.gz`;
  for (const file of ["file://$PWD/b.gz", "file://b.gz", "b.gz"]) {
    const { rows } = await bench.read(await tapOf(file, made), { asTexts: true });
    deepEqual(rows.map(({ id }) => id), ["1", "9007199254740993"], file);
  }
  const failing = async (...args: Parameters<typeof tapOf>) =>
    (await failureOf(bench.read(await tapOf(...args)))).message;
  match(await failing("file:///etc/passwd", ""), /\/etc\/passwd is not in the tap's own folder/);
  match(await failing("../config.json", "", "none"), /not in the tap's own folder/);
  match(await failing("b.gz", `${made}; truncate -s 15 b.gz`), /b\.gz of a BATCH is no whole gzip file/);
  match(await failing("gone.gz", ""), /does not exist/);
  match(await failing("link.gz", "ln -s /etc/passwd link.gz", "none"), /not in the tap's own folder/);
  match(await failing("b.jsonl", "echo '{\"id\":1' > b.jsonl", "none"), /a line of b\.jsonl/);
  match(await failing("b.parquet", "", "zstd"), /set batch_config of the tap to the format jsonl/);
});

Deno.test("a BATCH may be of Parquet files, whose columns go by their names", async () => {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [bench.folder] });
  await using session = await database.session();
  const put = (name: string, select: string) =>
    session.run(`COPY (${select}) TO '${bench.folder}/${name}' (FORMAT parquet)`);
  await put(
    "1.parquet",
    "SELECT 1 AS id, 1.10::DECIMAL(9,2) AS price, TIMESTAMPTZ '2026-01-02 03:04:05Z' AS at",
  );
  await put("2.parquet", "SELECT 9007199254740993 AS id, 'x' AS name");
  const tapOf = async (make: string, files: readonly string[], ...more: readonly unknown[]) =>
    await bench.tap(`mkdir batches; ${make}\n${
      says(
        schemaOf(),
        {
          type: "BATCH",
          stream: "orders",
          encoding: { format: "parquet", compression: "gzip" },
          manifest: files.map((file) => `file://batches/${file}`),
        },
        ...more,
        stateOf({ n: 1 }),
      )
    }`);
  const copy = `cp ${bench.folder}/1.parquet ${bench.folder}/2.parquet batches`;
  const both = ["1.parquet", "2.parquet"];
  const { rows, types, state } = await bench.read(await tapOf(copy, both), { asTexts: true, mayGuess: true });
  deepEqual(types, { id: "BIGINT", price: "DECIMAL(9,2)", at: "TIMESTAMP WITH TIME ZONE", name: "VARCHAR" });
  deepEqual(rows.map(({ id, price, name }) => [id, price, name]), [
    ["1", "1.10", null],
    ["9007199254740993", null, "x"],
  ]);
  deepEqual(state, { state: { n: 1 } });
  const failing = async (...args: Parameters<typeof tapOf>) =>
    (await failureOf(bench.read(await tapOf(...args)))).message;
  match(await failing(`${copy}; truncate -s -5 batches/2.parquet`, both), /2\.parquet/);
  match(await failing(copy, ["../../config.json"]), /not in the tap's own folder/);
  match(await failing(copy, both, recordOf({ id: 1 })), /as Parquet files and otherwise too/);
});

const failure = async (work: Promise<unknown>): Promise<unknown> =>
  await work.then(() => undefined, (error) => error);
