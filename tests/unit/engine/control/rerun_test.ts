import { deepEqual, equal, throws } from "node:assert/strict";
import type { PipelineStep } from "../../../../contract/run.ts";
import { rerunRequest } from "../../../../engine/control/requests/rerun.ts";
import { makeRun } from "../../../support/fake_project.ts";
import { pipelineStep, revision } from "../store/store_fixture.ts";

const STEPS: readonly PipelineStep[] = [
  pipelineStep({ name: "extract:orders", kind: "extract" }),
  pipelineStep({ name: "model:daily", depends: ["extract:orders"] }),
  pipelineStep({ name: "check:daily.not_null_day", kind: "check", depends: ["model:daily"] }),
  pipelineStep({
    name: "load:daily→lake",
    kind: "load",
    depends: ["model:daily", "check:daily.not_null_day"],
  }),
  pipelineStep({ name: "load:orders→lake", kind: "load", depends: ["extract:orders"] }),
  pipelineStep({ name: "model:orders" }),
];

const RUN = makeRun({
  id: "r1",
  pipeline: "shop",
  state: "failed",
  params: { region: "us", gone: 1 },
  window_start: "2026-01-01T00:00:00.000Z",
  window_end: "2026-01-02T00:00:00.000Z",
  range: { from: "2026-01-01", to: "2026-01-02" },
  group: "g",
});

const definition = {
  ...revision().definition,
  params: { region: { type: "string" as const, default: "eu" } },
};

const ask = (from?: string) =>
  rerunRequest(RUN, { ...(from === undefined ? {} : { from }), triggeredBy: "ann" }, {
    definition,
    steps: STEPS,
  });

Deno.test("rerunRequest() asks for the run's window, range and params, as far as they are known still", () => {
  deepEqual(ask(), {
    trigger: "rerun",
    triggeredBy: "ann",
    params: { region: "us" },
    fullRefresh: false,
    window: { start: RUN.window_start, end: RUN.window_end },
    range: RUN.range,
    group: "g",
    parent: "r1",
    priority: 0,
  });
});

Deno.test("rerunRequest() selects a step and what needs it; a load with its table alone", () => {
  for (
    const [from, select] of [
      ["extract:orders", "raw.orders+"],
      ["raw.orders", "raw.orders+"],
      ["model:daily", "model:daily+"],
      ["daily", "model:daily+"],
      ["check:daily.not_null_day", "model:daily+"],
      ["load:daily->lake", "model:daily"],
      ["orders→lake", "raw.orders"],
    ] as const
  ) equal(ask(from).select, select, from);
  throws(() => ask("dayly"), /"shop" has no such step/);
  throws(() => ask("orders"), /"shop" has several steps of that name/);
});
