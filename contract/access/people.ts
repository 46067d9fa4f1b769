import * as v from "valibot";
import { described } from "../described.ts";
import { nameSchema } from "../names.ts";
import { FACTOR_KINDS } from "./factors.ts";
import { passwordPutSchema } from "./passwords.ts";
import { PERMISSION_NAMES } from "./permissions.ts";
import { PIPELINE_SCOPE_PATTERN, scopeSchema } from "./scope.ts";

/** Users, groups, roles, grants, tokens and sessions, as the API and the command line show them. */

const time = v.pipe(v.string(), v.isoTimestamp());
const createdBy = described(v.nullable(v.string()), "Who made it; null for the server itself.");
const permission = v.picklist(PERMISSION_NAMES);

const heldGrantSchema = v.object({
  role: described(v.string(), "The role."),
  scope: described(scopeSchema, "What it holds over."),
});

export const userSchema = v.object({
  id: described(v.string(), "Its id, which stays the same when its name changes."),
  name: described(v.string(), "As commands and grants name it; case does not count."),
  kind: described(v.picklist(["person", "service"]), "A person signs in; a service has tokens alone."),
  state: described(
    v.picklist(["active", "invited", "disabled"]),
    "invited: has not signed in yet. disabled: is let in no more.",
  ),
  email: described(v.nullable(v.string()), "The address of mail; one address is one user's."),
  display_name: described(v.nullable(v.string()), "How pages call it."),
  groups: described(v.array(v.string()), "The groups that it is in, by name."),
  grants: described(v.array(heldGrantSchema), "What is granted to it, apart from what its groups have."),
  identities: described(
    v.array(v.object({
      issuer: described(v.string(), "The identity provider."),
      subject: described(v.string(), "Who it is there."),
    })),
    "Who it is at identity providers.",
  ),
  created_at: described(time, "When it was made."),
  created_by: createdBy,
  last_seen_at: described(v.nullable(time), "When it was last let in, about; null for never."),
  factors: described(v.array(v.picklist(FACTOR_KINDS)), "Which second factors it has."),
});
export type UserView = v.InferOutput<typeof userSchema>;

const email = v.pipe(
  v.string(),
  v.maxLength(254),
  v.regex(/^[^@\s\p{C}]+@[^@\s\p{C}]+$/u, "expected an address of mail"),
);
/** What moves a terminal's cursor, or turns round the text after it so that one name looks like another. */
const isPlain = (text: string) => !/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u.test(text);
const displayName = v.pipe(
  v.string(),
  v.trim(),
  v.minLength(1),
  v.maxLength(100),
  v.check(isPlain, "expected text on one line, without control characters"),
);
const description = v.pipe(v.string(), v.trim(), v.maxLength(500));

export const newUserSchema = v.strictObject({
  name: described(nameSchema("user"), "As commands and grants name it."),
  kind: v.exactOptional(
    described(
      v.picklist(["person", "service"]),
      "A person signs in; a service has tokens alone. person by default.",
    ),
  ),
  email: v.exactOptional(described(email, "The address of mail; one address is one user's.")),
  display_name: v.exactOptional(described(displayName, "How pages call it.")),
  role: v.exactOptional(described(v.string(), "A role over all, granted at once.")),
  password: v.exactOptional(passwordPutSchema.entries.password),
  must_change: passwordPutSchema.entries.must_change,
});
export type NewUser = v.InferOutput<typeof newUserSchema>;

export const newInvitationSchema = v.strictObject({
  name: described(nameSchema("user"), "The user's name; one without a password may be there already."),
  email: v.exactOptional(described(email, "Of a new user: where the invitation goes.")),
  display_name: v.exactOptional(described(displayName, "Of a new user: how pages call it.")),
  role: v.exactOptional(described(v.string(), "Of a new user: a role over all, granted at once.")),
});
export type NewInvitation = v.InferOutput<typeof newInvitationSchema>;

export const invitationSchema = v.object({
  user: described(userSchema, "Who is invited."),
  mailed: described(v.boolean(), "Whether a mail with the link was sent."),
  problem: described(v.nullable(v.string()), "Why there was no mail."),
  link: described(
    v.nullable(v.string()),
    "Where the user chooses a password, once; null where it was mailed. Whoever has it has the account.",
  ),
  expires_at: described(time, "Until when the link is good."),
});
export type InvitationView = v.InferOutput<typeof invitationSchema>;

export const userChangeSchema = v.strictObject({
  name: v.exactOptional(described(nameSchema("user"), "Its new name.")),
  email: v.exactOptional(described(v.nullable(email), "The address of mail; null for none.")),
  display_name: v.exactOptional(described(v.nullable(displayName), "How pages call it; null for its name.")),
  disabled: v.exactOptional(
    described(v.boolean(), "Whether it is let in no more: its sessions end at once."),
  ),
});
export type UserChange = v.InferOutput<typeof userChangeSchema>;

export const groupSchema = v.object({
  id: described(v.string(), "Its id."),
  name: described(v.string(), "As commands and grants name it, with @ in front; case does not count."),
  description: described(v.nullable(v.string()), "What it is for."),
  members: described(
    v.array(v.object({
      user: described(v.string(), "The user's name."),
      source: described(
        v.picklist(["local", "sso"]),
        "local: put in by hand. sso: by the claims of the identity provider.",
      ),
    })),
    "Who is in it.",
  ),
  grants: described(v.array(heldGrantSchema), "What is granted to it."),
  created_at: described(time, "When it was made."),
  created_by: createdBy,
});
export type GroupView = v.InferOutput<typeof groupSchema>;

export const newGroupSchema = v.strictObject({
  name: described(nameSchema("group"), "As commands and grants name it, with @ in front."),
  description: v.exactOptional(described(description, "What it is for.")),
});
export type NewGroup = v.InferOutput<typeof newGroupSchema>;

export const roleSchema = v.object({
  name: described(v.string(), "As grants name it."),
  description: described(v.nullable(v.string()), "What it is for."),
  permissions: described(v.array(permission), "What it may."),
  built_in: described(v.boolean(), "Whether it is always there, and as it is."),
});
export type RoleView = v.InferOutput<typeof roleSchema>;

export const rolePutSchema = v.strictObject({
  permissions: described(v.pipe(v.array(permission), v.minLength(1)), "What it may."),
  description: v.exactOptional(described(description, "What it is for.")),
});
export type RolePut = v.InferOutput<typeof rolePutSchema>;

export const grantSchema = v.object({
  id: described(v.string(), "Its id."),
  holder: described(v.string(), "A user's name, or @ and a group's."),
  role: described(v.string(), "The role."),
  scope: described(scopeSchema, "What it holds over."),
  created_at: described(time, "When it was made."),
  created_by: createdBy,
});
export type GrantView = v.InferOutput<typeof grantSchema>;

export const newGrantSchema = v.strictObject({
  holder: described(v.pipe(v.string(), v.minLength(1)), "A user's name, or @ and a group's."),
  role: described(v.pipe(v.string(), v.minLength(1)), "One of the roles."),
  scope: v.exactOptional(described(scopeSchema, "What it holds over; all by default.")),
});
export type NewGrant = v.InferOutput<typeof newGrantSchema>;

export const tokenScopesSchema = v.strictObject({
  permissions: v.exactOptional(
    described(v.pipe(v.array(permission), v.minLength(1)), "All that it leaves of what its user may."),
  ),
  pipelines: v.exactOptional(
    described(
      v.pipe(
        v.array(v.pipe(v.string(), v.regex(PIPELINE_SCOPE_PATTERN))),
        v.minLength(1),
        v.maxLength(100),
      ),
      "The only pipelines that it is for, by name; * stands for any text.",
    ),
  ),
});

export const tokenSchema = v.object({
  id: described(v.string(), "What it is revoked by."),
  name: described(v.string(), "What it is for."),
  user: described(v.string(), "Whose it is: runs show that name."),
  role: described(v.nullable(v.string()), "What its user may over all; null where its grants say it."),
  scopes: described(tokenScopesSchema, "What it leaves of what its user may; all where it is empty."),
  created_at: described(time, "When it was made."),
  created_by: createdBy,
  expires_at: described(v.nullable(time), "When it lets in no more; null for never."),
  last_used_at: described(v.nullable(time), "When it was last used, about; null for never."),
  rotated_at: described(v.nullable(time), "When it got another text; null for never."),
});
export type TokenView = v.InferOutput<typeof tokenSchema>;

export const newTokenSchema = v.strictObject({
  name: described(nameSchema("token"), "What it is for."),
  user: v.exactOptional(
    described(v.string(), "Whose it is; without it a service of the token's name is made for it."),
  ),
  role: v.exactOptional(described(v.string(), "What that service may over all; viewer by default.")),
  expires_in: v.exactOptional(described(v.string(), "How long it lets in, as 90d; for ever by default.")),
  scopes: v.exactOptional(described(tokenScopesSchema, "What it leaves of what its user may.")),
});
export type NewTokenRequest = v.InferOutput<typeof newTokenSchema>;

export const createdTokenSchema = v.object({
  ...tokenSchema.entries,
  token: described(v.string(), "The token itself: shown here once and stored nowhere."),
});

export const tokenRotationSchema = v.strictObject({
  overlap: v.exactOptional(
    described(
      v.string(),
      "How long the text until now lets in beside the new one, as 1h; not at all by default.",
    ),
  ),
});
export type TokenRotationRequest = v.InferOutput<typeof tokenRotationSchema>;

/** A token of one's own. */
export const ownTokenSchema = v.strictObject({
  name: newTokenSchema.entries.name,
  expires_in: newTokenSchema.entries.expires_in,
  scopes: newTokenSchema.entries.scopes,
});
export type OwnTokenRequest = v.InferOutput<typeof ownTokenSchema>;

/** Whoever asks. */
export const accountSchema = v.object({
  ...userSchema.entries,
  password_changed_at: described(
    v.nullable(time),
    "When the password was set; null where there is none.",
  ),
});
export type AccountView = v.InferOutput<typeof accountSchema>;

export const sessionSchema = v.object({
  id: described(v.string(), "What it is ended by; it lets nobody in."),
  user: described(v.string(), "Whose it is."),
  method: described(
    v.picklist(["token", "password", "passkey", "sso"]),
    "How it was begun.",
  ),
  created_at: described(time, "When it was begun."),
  last_seen_at: described(time, "When it was last used, about."),
  expires_at: described(time, "When it ends."),
  address: described(v.nullable(v.string()), "Where it was begun from."),
  agent: described(v.nullable(v.string()), "What the browser calls itself."),
  is_current: described(v.boolean(), "Whether it is the one that asks."),
});
export type SessionView = v.InferOutput<typeof sessionSchema>;
