import * as v from "valibot";
import {
  DELIVERY_STATES,
  deliverySchema,
  notifierTestSchema,
  notifierViewSchema,
  problemSchema,
} from "../../contract/alerts/problem.ts";
import { problemCursor } from "../../contract/alerts/problem_cursor.ts";
import { duration, durationMs } from "../../contract/pipeline/words.ts";
import type { Engine } from "../../engine/control/engine.ts";
import { route } from "../http/route.ts";
import { pageOf, pageOfAll, pageQuery } from "./paging.ts";

const problemParams = v.object({ id: v.pipe(v.string(), v.description("The problem's id.")) });
const notifierParams = v.object({ name: v.pipe(v.string(), v.description("The notifier's name.")) });
const ALERTS_PER_PAGE = 100;
const problemResponse = { status: 200, description: "As it is now.", schema: problemSchema } as const;

/** `/api/problems`, `/api/notifiers` and `/api/deliveries`. */
export function alertRoutes(engine: Engine) {
  return [...problemRoutes(engine), ...notifierRoutes(engine)];
}

function problemRoutes({ alerts }: Engine) {
  return [
    route({
      method: "get",
      path: "/api/problems",
      operation: "listProblems",
      summary: "What is wrong: failures, late runs, stale data, and what was wrong before",
      permission: "read",
      request: v.object({
        query: v.strictObject({
          state: v.exactOptional(
            v.pipe(v.picklist(["open", "closed"]), v.description("Only these; both by default.")),
          ),
          ...pageQuery(String(ALERTS_PER_PAGE)),
        }),
      }),
      response: {
        status: 200,
        description: "Open ones first, the newest first.",
        schema: v.array(problemSchema),
      },
      handle: async ({ query: { state, limit = ALERTS_PER_PAGE, ...page } }) => {
        const filter = state === undefined ? {} : { isOpen: state === "open" };
        return pageOf(await alerts.problems({ ...filter, ...page, limit: limit + 1 }), limit, problemCursor);
      },
    }),
    route({
      method: "post",
      path: "/api/problems/:id/acknowledge",
      operation: "acknowledgeProblem",
      summary: "Says that somebody is looking after it: it is not told again until it is over",
      permission: "alert",
      request: v.object({ params: problemParams, query: v.strictObject({}) }),
      response: problemResponse,
      errors: ["not_found"],
      handle: async ({ params }, { user }) => ({ body: await alerts.acknowledge(params.id, user.name) }),
    }),
    route({
      method: "delete",
      path: "/api/problems/:id/acknowledge",
      operation: "unacknowledgeProblem",
      summary: "Takes that back",
      permission: "alert",
      request: v.object({ params: problemParams, query: v.strictObject({}) }),
      response: problemResponse,
      errors: ["not_found"],
      handle: async ({ params }) => ({ body: await alerts.acknowledge(params.id, null) }),
    }),
    route({
      method: "post",
      path: "/api/problems/:id/mute",
      operation: "muteProblem",
      summary: "Sends nothing about it for some time, also where it comes again",
      permission: "alert",
      request: v.object({
        params: problemParams,
        query: v.strictObject({}),
        body: v.strictObject({ for: v.pipe(duration, v.description("How long, as 2h or 7d.")) }),
      }),
      response: problemResponse,
      errors: ["not_found"],
      handle: async ({ params, body }) => ({ body: await alerts.mute(params.id, durationMs(body.for)) }),
    }),
    route({
      method: "delete",
      path: "/api/problems/:id/mute",
      operation: "unmuteProblem",
      summary: "Sends something about it again",
      permission: "alert",
      request: v.object({ params: problemParams, query: v.strictObject({}) }),
      response: problemResponse,
      errors: ["not_found"],
      handle: async ({ params }) => ({ body: await alerts.mute(params.id, null) }),
    }),
  ];
}

function notifierRoutes({ alerts }: Engine) {
  return [
    route({
      method: "get",
      path: "/api/notifiers",
      operation: "listNotifiers",
      summary: "The notifiers of the project, and what each was last to send",
      permission: "read",
      request: v.object({ query: v.strictObject(pageQuery("all")) }),
      response: { status: 200, description: "By name.", schema: v.array(notifierViewSchema) },
      handle: async ({ query }) =>
        pageOfAll("notifiers", await alerts.notifiers(), query, ({ name }) => name),
    }),
    route({
      method: "post",
      path: "/api/notifiers/:name/test",
      operation: "testNotifier",
      summary:
        "Sends a message by the notifier, as notifiers.yaml has it now, and says what its receiver said",
      permission: "alert",
      request: v.object({ params: notifierParams, query: v.strictObject({}) }),
      response: { status: 200, description: "Whether it was taken.", schema: notifierTestSchema },
      errors: ["not_found"],
      handle: async ({ params }, { user, signal }) => ({
        body: await alerts.test(params.name, user.name, signal),
      }),
    }),
    route({
      method: "get",
      path: "/api/deliveries",
      operation: "listDeliveries",
      summary: "What was sent, what waits, and what was given up",
      permission: "read",
      request: v.object({
        query: v.strictObject({
          notifier: v.exactOptional(v.pipe(v.string(), v.description("Only of this notifier."))),
          state: v.exactOptional(v.pipe(v.picklist(DELIVERY_STATES), v.description("Only these."))),
          ...pageQuery(String(ALERTS_PER_PAGE)),
        }),
      }),
      response: { status: 200, description: "Newest first.", schema: v.array(deliverySchema) },
      handle: async ({ query: { limit = ALERTS_PER_PAGE, ...filter } }) =>
        pageOf(await alerts.deliveries({ ...filter, limit: limit + 1 }), limit, ({ id }) => id),
    }),
  ];
}
