import * as v from "valibot";
import type { Principal } from "../../../contract/access/principal.ts";
import { actorOf } from "../../../contract/audit/actor.ts";
import { AppError } from "../../../contract/errors.ts";
import { keysSchema, rotateSchema, rotationSchema } from "../../../contract/keys/views.ts";
import { LOCAL_TOKEN_NAME } from "../../../contract/names.ts";
import type { Secrets } from "../../../engine/control/secrets/port.ts";
import { route } from "../../http/route.ts";

const noQuery = v.strictObject({});

/** `/api/keys`: ids, places and counts; nothing of a key. */
export function keyRoutes(secrets: Secrets) {
  return [
    route({
      method: "get",
      path: "/api/keys",
      operation: "getKeys",
      summary: "The keys that seal what the control store keeps secret: ids, and what is sealed by which",
      permission: "secrets:manage",
      request: v.object({ query: noQuery }),
      response: { status: 200, description: "The keys as they are now.", schema: keysSchema },
      handle: async () => ({ body: await secrets.keys() }),
    }),
    route({
      method: "post",
      path: "/api/keys/rotate",
      operation: "rotateKeys",
      summary: "Begins a new key and seals everything by it",
      permission: "secrets:manage",
      request: v.object({ query: noQuery, body: rotateSchema }),
      response: { status: 200, description: "What was sealed anew.", schema: rotationSchema },
      errors: ["conflict"],
      handle: async ({ body }, { user }) => {
        if (body.new_key_file !== undefined) requireLocal(user);
        return { body: await secrets.rotate(body, actorOf(user)) };
      },
    }),
  ];
}

/** The server reads the file as its own user: whoever asks over a network may not have it read one. */
function requireLocal({ name }: Principal): void {
  if (name === LOCAL_TOKEN_NAME) return;
  throw new AppError(
    "forbidden",
    "Only a command on the server's own machine may name a file with a new key: run sluice keys rotate there",
  );
}
