import { deepEqual, equal, match } from "node:assert/strict";
import { openDatabase } from "../../engine/duckdb/database.ts";
import { madePipe } from "../support/singer_bench.ts";
import { attemptInProcess, succeed, type WorkerProject } from "../support/worker_process.ts";

/** A run's process dies around the commit of a tap's rows, or while the tap is at work: rows and state stay together. */

const POINTS = ["after read", "before commit", "after commit"] as const;
const CATALOG = { streams: [{ tap_stream_id: "t", schema: { properties: { id: { type: "integer" } } } }] };

/** A tap that gives two numbers a run, from where its state says that it was. */
const COUNTING = `#!/bin/sh
case "$*" in *--discover*) echo '${JSON.stringify(CATALOG)}'; exit 0;; esac
n=0
while [ $# -gt 0 ]; do [ "$1" = --state ] && n=$(tr -dc 0-9 < "$2"); shift; done
echo '{"type":"SCHEMA","stream":"t","schema":${
  JSON.stringify(CATALOG.streams[0]?.schema)
},"key_properties":[]}'
for id in $((n + 1)) $((n + 2)); do echo "{\\"type\\":\\"RECORD\\",\\"stream\\":\\"t\\",\\"record\\":{\\"id\\":$id}}"; done
echo "{\\"type\\":\\"STATE\\",\\"value\\":{\\"n\\":$((n + 2))}}"
`;

async function tapProject(folder: string, script: string): Promise<WorkerProject> {
  const tap = `${folder}/tap`;
  await Deno.writeTextFile(tap, script, { mode: 0o755 });
  return {
    folder,
    commands: [tap],
    connectors: { tap: { type: "singer", command: [tap] } },
    pipeline: { extract: { t: { connector: "tap", stream: "t", mode: "append" } } },
  };
}

Deno.test("each row of a tap is stored once, wherever the process dies", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-tap-crash-" });
  try {
    const project = await tapProject(folder, COUNTING);
    for (const [round, point] of POINTS.entries()) {
      const run = { runId: `r${round}`, models: {} };
      const died = await attemptInProcess(project, { ...run, attempt: 1, dieAt: `extract:t ${point}` });
      equal(died.signal, "SIGKILL", point);
      await succeed(project, { ...run, attempt: 2 });
    }
    await using database = await openDatabase({
      path: `${folder}/data/p.duckdb`,
      allowedDirectories: [folder],
    });
    await using session = await database.session();
    const rows = await session.rows("SELECT id::INTEGER AS id FROM raw.t ORDER BY id");
    deepEqual(rows.map(({ id }) => id), [1, 2, 3, 4, 5, 6]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const LAST = 250_000;
const LONG_SCHEMA = { properties: { id: { type: "integer" }, v: { type: "integer" } } };
const LONG_CATALOG = {
  streams: [{ tap_stream_id: "t", schema: LONG_SCHEMA, replication_method: "INCREMENTAL" }],
};

/** A tap that gives the numbers up to the last, says each 50,000 where it is, and has fractions in the end. */
const LONG = `#!/bin/sh
case "$*" in *--discover*) echo '${JSON.stringify(LONG_CATALOG)}'; exit 0;; esac
n=0
while [ $# -gt 0 ]; do [ "$1" = --state ] && n=$(tr -dc 0-9 < "$2"); shift; done
echo "goes on from $n" >&2
echo '{"type":"SCHEMA","stream":"t","schema":${JSON.stringify(LONG_SCHEMA)},"key_properties":["id"]}'
awk -v n=$n 'BEGIN {
  for (i = n + 1; i <= ${LAST}; i++) {
    printf "{\\"type\\":\\"RECORD\\",\\"stream\\":\\"t\\",\\"record\\":{\\"id\\":%d,\\"v\\":%d%s}}\\n", i, i, (i > 150000 ? ".5" : "")
    if (i % 50000 == 0) printf "{\\"type\\":\\"STATE\\",\\"value\\":{\\"n\\":%d}}\\n", i
  }
}'
`;

for (
  const [what, stream, points] of [
    ["append", { mode: "append" }, ["after"]],
    ["incremental", { mode: "incremental", primary_key: ["id"], update_key: "id" }, ["after", "before"]],
  ] as const
) {
  Deno.test(`a long tap goes on from its last committed STATE, ${what}`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "sluice-tap-crash-" });
    try {
      const pipeline = { extract: { t: { connector: "tap", stream: "t", ...stream } } };
      const project = { ...await tapProject(folder, LONG), pipeline };
      for (const [index, point] of points.entries()) {
        const dieAt = `extract:t ${point} checkpoint`;
        const died = await attemptInProcess(project, { runId: "r", attempt: index + 1, models: {}, dieAt });
        equal(died.signal, "SIGKILL", `${dieAt}: ${died.error?.message}\n${died.log.join("\n")}`);
      }
      const { log } = await succeed(project, { runId: "r", attempt: points.length + 1, models: {} });
      match(log.join("\n"), /goes on from 100000/);
      await using database = await openDatabase({
        path: `${folder}/data/p.duckdb`,
        allowedDirectories: [folder],
      });
      await using session = await database.session();
      const [found] = await session.rows(
        `SELECT count(*)::INTEGER AS rows, count(DISTINCT id)::INTEGER AS ids, count(*) FILTER (v > id)::INTEGER AS halves,
           sum(v - id)::DOUBLE AS rest FROM raw.t`,
      );
      deepEqual(found, { rows: LAST, ids: LAST, halves: 100_000, rest: 50_000 });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("a tap ends with its run's process", { ignore: Deno.build.os !== "linux" }, async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-tap-crash-" });
  try {
    const [begun, held] = [await madePipe(folder), await madePipe(folder)];
    const project = await tapProject(
      folder,
      `#!/bin/sh
case "$*" in *--discover*) echo '${JSON.stringify(CATALOG)}'; exit 0;; esac
exec 3> ${held}
echo > ${begun}
exec sleep 600`,
    );
    // Its end is there when nobody holds the pipe open any more.
    const ended = Deno.readTextFile(held);
    const killWhen = Deno.readTextFile(begun);
    const { signal } = await attemptInProcess(project, { runId: "r", attempt: 1, models: {}, killWhen });
    equal(signal, "SIGKILL");
    equal(await ended, "");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
