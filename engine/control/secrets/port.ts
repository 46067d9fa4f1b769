import type { AuditActor } from "../../../contract/audit/entry.ts";
import type { KeysView, RotateRequest, RotationView, SecretView } from "../../../contract/keys/views.ts";

/**
 * The secrets that the control store keeps, and the keys that seal them. Values go in and never come out here. Every
 * failure is an AppError: not_found for what is not there, invalid for what does not fit, conflict for what is in use.
 */
export interface Secrets {
  /** By name. */
  list(): Promise<SecretView[]>;
  /** Makes it or replaces it; whoever connects next gets the new value. Throws `unavailable` without a key. */
  put(name: string, value: string, by: AuditActor): Promise<SecretView>;
  /** Throws `conflict` while something refers to it, unless it is forced. */
  remove(name: string, options: { readonly isForced: boolean }, by: AuditActor): Promise<void>;
  keys(): Promise<KeysView>;
  /** See rotateKeys. `new_key_file` is a path on the machine of whoever has the store open. */
  rotate(request: RotateRequest, by: AuditActor): Promise<RotationView>;
}
