import * as v from "valibot";
import {
  type Delivery,
  deliverySchema,
  type NotifierTest,
  notifierTestSchema,
  type NotifierView,
  notifierViewSchema,
  type Problem,
  problemSchema,
} from "../../../contract/alerts/problem.ts";
import { problemCursor } from "../../../contract/alerts/problem_cursor.ts";
import { type PageRequest, readPages } from "../../../contract/lists/page.ts";
import type { Alerts, DeliveryFilter, ProblemFilter } from "../../../engine/control/alerts/alerts.ts";
import { type ApiClient, read } from "./api_client.ts";
import { segment } from "./paths.ts";

/** The alerts of a server, asked over its HTTP API. */
export function createRemoteAlerts({ routes }: ApiClient): Alerts {
  const { problems, notifiers, deliveries } = routes;
  const problem = (id: string) => ({ param: { id: segment("problem", id) } });

  function listProblems({ isOpen, ...page }: ProblemFilter): Promise<Problem[]> {
    const state = isOpen === undefined ? undefined : isOpen ? "open" : "closed";
    return read(v.array(problemSchema), problems.$get({ query: { state, ...page } }));
  }

  return {
    problems: listProblems,

    async countOpen(): Promise<number> {
      const page = (page: PageRequest) => listProblems({ isOpen: true, ...page });
      return (await readPages(Infinity, page, problemCursor)).length;
    },

    /** Who it is, is the token's owner: the server says so. */
    acknowledge(id, by): Promise<Problem> {
      const { acknowledge } = problems[":id"];
      return read(
        problemSchema,
        by === null ? acknowledge.$delete(problem(id)) : acknowledge.$post(problem(id)),
      );
    },

    mute(id, forMs): Promise<Problem> {
      const { mute } = problems[":id"];
      return read(
        problemSchema,
        forMs === null
          ? mute.$delete(problem(id))
          : mute.$post({ ...problem(id), json: { for: `${forMs}ms` } }),
      );
    },

    notifiers: (): Promise<NotifierView[]> => read(v.array(notifierViewSchema), notifiers.$get()),

    /** Who asks for it, is the token's owner: the server says so. */
    test(notifier): Promise<NotifierTest> {
      const param = { name: segment("notifier", notifier) };
      return read(notifierTestSchema, notifiers[":name"].test.$post({ param }));
    },

    deliveries: (filter: DeliveryFilter): Promise<Delivery[]> =>
      read(v.array(deliverySchema), deliveries.$get({ query: filter })),
  };
}
