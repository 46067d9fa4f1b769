import type { Secrets } from "./port.ts";

/**
 * Has the project applied behind a secret that was set: a pipeline that lacked it is right then, without a restart; and
 * behind a rotation that could not open what the project's files say.
 */
export function applyingSecrets(secrets: Secrets, apply: () => void): Secrets {
  return {
    ...secrets,
    async put(...set) {
      const view = await secrets.put(...set);
      apply();
      return view;
    },
    async rotate(...request) {
      const view = await secrets.rotate(...request);
      if (view.to_apply > 0) apply();
      return view;
    },
  };
}
