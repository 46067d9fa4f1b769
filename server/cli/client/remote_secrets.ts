import * as v from "valibot";
import { keysSchema, rotationSchema, secretSchema } from "../../../contract/keys/views.ts";
import type { Secrets } from "../../../engine/control/secrets/port.ts";
import { type ApiClient, read } from "./api_client.ts";
import { segment } from "./paths.ts";

/** The secrets of a server, asked over its HTTP API: who asks, is the token's owner, and the server says so. */
export function createRemoteSecrets({ routes: { secrets, keys } }: ApiClient): Secrets {
  const secret = (name: string) => ({ name: segment("secret", name) });
  return {
    list: () => read(v.array(secretSchema), secrets.$get()),
    put: (name, value) => read(secretSchema, secrets[":name"].$put({ param: secret(name), json: { value } })),
    async remove(name, { isForced }) {
      await secrets[":name"].$delete({ param: secret(name), query: { force: isForced ? "true" : "false" } });
    },
    keys: () => read(keysSchema, keys.$get()),
    rotate: (json) => read(rotationSchema, keys.rotate.$post({ json })),
  };
}
