import type { AuditTrail } from "../../../contract/audit/entry.ts";
import type { Secrets } from "../secrets/port.ts";

/**
 * Secrets and keys whose changes are lines of the audit log, each written down before it is done; no line has a value.
 * A method that `Secrets` gets does not compile before it is decided here what the log says of it.
 */
export function auditedSecrets(secrets: Secrets, log: Pick<AuditTrail, "around">): Secrets {
  /** As it is; undefined where it is not there or that cannot be said, as the change itself says then. */
  const known = async (name: string) =>
    (await secrets.list().catch(() => [])).find((secret) => secret.name === name);

  return {
    list: () => secrets.list(),
    keys: () => secrets.keys(),
    async put(name, value, by) {
      const details = { is_new: await known(name) === undefined };
      return await log.around(
        { action: "secret.put", actor: by, target: { kind: "secret", name }, details },
        () => secrets.put(name, value, by),
      );
    },
    async remove(name, options, by) {
      const users = (await known(name))?.used_by ?? [];
      const details = users.length === 0 ? {} : { used_by: users };
      await log.around(
        { action: "secret.remove", actor: by, target: { kind: "secret", name }, details },
        () => secrets.remove(name, options, by),
      );
    },
    async rotate(request, by) {
      const key = (await secrets.keys().catch(() => undefined))?.key;
      const details = { lost: request.lost ?? false };
      return await log.around(
        { action: "key.rotate", actor: by, target: { kind: "key", name: key?.id ?? "none" }, details },
        () => secrets.rotate(request, by),
        ({ data_key: dataKey, key, rewrapped, resealed, unreadable, to_apply: toApply }) => ({
          target: { kind: "key", name: dataKey ?? key.id },
          details: { key: key.id, rewrapped, resealed, unreadable: unreadable.length + toApply },
        }),
      );
    },
  };
}
