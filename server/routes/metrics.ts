import * as v from "valibot";
import { EXPOSITION_TYPE, formatExposition, type MetricFamily } from "../../text/exposition.ts";
import { route } from "../http/route.ts";

/** All that there is to be scraped now. */
export type ReadMetrics = () => Promise<readonly MetricFamily[]>;

export function metricRoutes(read: ReadMetrics) {
  return [
    route({
      method: "get",
      path: "/metrics",
      operation: "getMetrics",
      summary: "Figures of runs, the queue and the server's process, for Prometheus",
      permission: "metrics:read",
      request: v.object({}),
      response: {
        status: 200,
        description: "The metrics in Prometheus' text format.",
        mediaType: "text/plain",
      },
      async handle() {
        return new Response(formatExposition(await read()), { headers: { "content-type": EXPOSITION_TYPE } });
      },
    }),
  ];
}
