import { deepEqual, equal, fail } from "node:assert/strict";
import { attemptSpanId } from "../../../engine/runs/telemetry/trace_ids.ts";
import { apiProject } from "../../support/api_project.ts";

const PIPELINE = "extract: { orders: { connector: api, endpoint: orders } }\n";
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

Deno.test("requests of endpoints carry the run's trace where their connector says so, and nowhere else", async () => {
  const came: (string | null)[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    came.push(request.headers.get("traceparent"));
    return Response.json([{ id: 1 }]);
  });
  for (const more of ["", ", traceparent: true"]) {
    await using project = await apiProject(`http://127.0.0.1:${server.addr.port}`, PIPELINE, more);
    const { code, stdout } = await project.sluice("run", ["p", "--json"], {
      SLUICE_POLICY: `${project.projectDir}/policy.yaml`,
      TRACEPARENT: `00-${TRACE}-00f067aa0ba902b7-00`,
    });
    equal(code, 0, stdout);
    const { id } = JSON.parse(stdout.trim().split("\n").at(-1) ?? fail());
    const expected = more === "" ? null : `00-${TRACE}-${attemptSpanId(id, 1)}-00`;
    // What asks before the run is a check, which is in no trace.
    deepEqual(came.splice(0).at(-1), expected);
  }
});
