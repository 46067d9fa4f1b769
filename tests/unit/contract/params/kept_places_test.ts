import { deepEqual, doesNotThrow, throws } from "node:assert/strict";
import * as v from "valibot";
import { keptStreams, requireOwnPlace } from "../../../../contract/params/kept_places.ts";
import { resolveParams } from "../../../../contract/params/values.ts";
import { pipelineSchema } from "../../../../contract/pipeline/pipeline.ts";
import { variableNames } from "../../../../sql/language/scan_sql.ts";

const KEPT = { mode: "incremental", primary_key: ["id"], update_key: "at" };
const BY_REGION = "region = ${param:region}";

/** Asks for a run with these params, and with a range where it says so. */
function ask(stream: Record<string, unknown>, given: Record<string, unknown>, hasRange = false): () => void {
  const definition = v.parse(pipelineSchema, {
    params: { region: { default: "eu" }, day: { type: "timestamp", default: "2026-01-01" } },
    extract: { a: { connector: "shop", stream: "t", ...stream } },
  });
  const kept = keptStreams(definition, (connector) => connector === "files", variableNames);
  return () => requireOwnPlace(definition, kept, resolveParams(definition.params, given), hasRange);
}

Deno.test("a stream with a cursor takes other values for a range alone", () => {
  const stream = { ...KEPT, where: BY_REGION };
  doesNotThrow(ask(stream, {}));
  doesNotThrow(ask(stream, { region: "eu" }));
  throws(ask(stream, { region: "us" }), {
    message:
      'Cannot use the param region = "us": the stream "a" goes on from where it was with region = "eu"; a run ' +
      "with from and to, or a backfill, may read others",
  });
  doesNotThrow(ask(stream, { region: "us" }, true));
  // The same moment, written in another way.
  doesNotThrow(ask({ ...KEPT, where: "at > ${param:day}" }, { day: "2026-01-01T00:00:00Z" }));
  throws(
    ask({ ...KEPT, where: "region = getvariable('REGION')" }, { region: "us" }),
    /Cannot use the param region/,
  );
  throws(ask({ mode: "append", update_key: "at", where: BY_REGION }, { region: "us" }), /Cannot use/);
});

Deno.test("a stream that looks for rows that are gone, or has no key to read a range by, takes no other values at all", () => {
  for (
    const stream of [
      { ...KEPT, where: BY_REGION, deletes: "hard" },
      { connector: "files", stream: undefined, path: "${param:region}/*.csv", mode: "append" },
    ]
  ) {
    throws(
      ask(stream, { region: "us" }, true),
      /put what has other values into a stream of mode full, or of its own/,
    );
  }
});

Deno.test("a stream without a place of its own, or that names no param, takes any value", () => {
  doesNotThrow(ask({ where: BY_REGION }, { region: "us" }));
  doesNotThrow(ask({ mode: "append", where: BY_REGION }, { region: "us" }));
  doesNotThrow(ask(KEPT, { region: "us" }));
  deepEqual(keptStreams(v.parse(pipelineSchema, {}), () => true, variableNames), []);
});
