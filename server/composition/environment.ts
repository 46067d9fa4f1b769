import type { Variables } from "../../contract/settings/variables.ts";

/** The environment of this process. */
export const env: Variables = (name) => Deno.env.get(name);
