import type { Secrets } from "./port.ts";

/** Has the project applied behind a secret that was set: a pipeline that lacked it is right then, without a restart. */
export function applyingSecrets(secrets: Secrets, apply: () => void): Secrets {
  return {
    ...secrets,
    async put(...set) {
      const view = await secrets.put(...set);
      apply();
      return view;
    },
  };
}
