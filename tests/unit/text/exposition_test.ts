import { equal } from "node:assert/strict";
import { formatExposition } from "../../../text/exposition.ts";

Deno.test("figures are written with their help and type, and families without any are left out", () => {
  equal(
    formatExposition([
      {
        name: "runs_total",
        type: "counter",
        help: "Runs,\nby \\ state.",
        samples: [
          { labels: { pipeline: 'a "b"\\\n', state: "failed" }, value: 2 },
          { labels: {}, value: 1e21 },
        ],
      },
      { name: "nothing", type: "gauge", help: "None.", samples: [] },
      {
        name: "seconds",
        type: "histogram",
        help: "Time.",
        samples: [
          { suffix: "_bucket", labels: { le: "+Inf" }, value: 1 },
          { suffix: "_sum", labels: {}, value: Infinity },
          { suffix: "_count", labels: {}, value: NaN },
        ],
      },
    ]),
    [
      "# HELP runs_total Runs,\\nby \\\\ state.",
      "# TYPE runs_total counter",
      'runs_total{pipeline="a \\"b\\"\\\\\\n",state="failed"} 2',
      "runs_total 1e+21",
      "# HELP seconds Time.",
      "# TYPE seconds histogram",
      'seconds_bucket{le="+Inf"} 1',
      "seconds_sum +Inf",
      "seconds_count NaN",
      "",
    ].join("\n"),
  );
  equal(formatExposition([]), "");
});
