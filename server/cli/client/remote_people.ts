import * as v from "valibot";
import {
  createdTokenSchema,
  grantSchema,
  groupSchema,
  invitationSchema,
  roleSchema,
  sessionSchema,
  tokenSchema,
  userSchema,
  type UserView,
} from "../../../contract/access/people.ts";
import { passwordSetSchema } from "../../../contract/access/passwords.ts";
import { linkSchema } from "../../../contract/access/links.ts";
import { factorsResetSchema, userFactorsSchema } from "../../../contract/access/factors.ts";
import type { People } from "../../../engine/control/people/port.ts";
import { type ApiClient, read } from "./api_client.ts";
import { segment } from "./paths.ts";

/** The largest that the server gives. */
const PAGE = 500;

/** The people of a server, asked over its HTTP API: who asks, is the token's owner, and the server says so. */
export function createRemotePeople({ routes }: ApiClient): People {
  const { users, groups, roles, grants, tokens, sessions } = routes;
  const user = (name: string) => ({ user: segment("user", name) });
  const group = (name: string) => ({ group: segment("group", name.replace(/^@/, "")) });
  const role = (name: string) => ({ role: segment("role", name) });
  return {
    users: {
      async list({ after, limit }) {
        const found: UserView[] = [];
        for (let cursor = after;;) {
          const asked = Math.min(PAGE, limit === undefined ? PAGE : limit - found.length);
          const page = await read(v.array(userSchema), users.$get({ query: { cursor, limit: asked } }));
          found.push(...page);
          cursor = page.at(-1)?.name;
          if (page.length < asked || found.length === limit) return found;
        }
      },
      get: (name) => read(userSchema, users[":user"].$get({ param: user(name) })),
      create: (json) => read(userSchema, users.$post({ json })),
      change: (name, json) => read(userSchema, users[":user"].$patch({ param: user(name), json })),
      async remove(name) {
        await users[":user"].$delete({ param: user(name) });
      },
    },
    passwords: {
      set: (name, json) => read(passwordSetSchema, users[":user"].password.$put({ param: user(name), json })),
    },
    factors: {
      get: (name) => read(userFactorsSchema, users[":user"].factors.$get({ param: user(name) })),
      reset: (name) => read(factorsResetSchema, users[":user"].factors.$delete({ param: user(name) })),
    },
    invitations: {
      invite: (json) => read(invitationSchema, routes.invitations.$post({ json })),
    },
    groups: {
      list: () => read(v.array(groupSchema), groups.$get()),
      create: (json) => read(groupSchema, groups.$post({ json })),
      async remove(name) {
        await groups[":group"].$delete({ param: group(name) });
      },
      addMember: (name, member) =>
        read(
          groupSchema,
          groups[":group"].members[":user"].$put({ param: { ...group(name), ...user(member) } }),
        ),
      removeMember: (name, member) =>
        read(
          groupSchema,
          groups[":group"].members[":user"].$delete({ param: { ...group(name), ...user(member) } }),
        ),
    },
    roles: {
      list: () => read(v.array(roleSchema), roles.$get()),
      put: (name, json) => read(roleSchema, roles[":role"].$put({ param: role(name), json })),
      async remove(name) {
        await roles[":role"].$delete({ param: role(name) });
      },
    },
    grants: {
      list: () => read(v.array(grantSchema), grants.$get()),
      add: (json) => read(grantSchema, grants.$post({ json })),
      remove: (holder, what) =>
        read(v.array(grantSchema), grants.revoke.$post({ json: { holder, ...what } })),
    },
    tokens: {
      list: (owner) => read(v.array(tokenSchema), tokens.$get({ query: { user: owner } })),
      create: (json) => read(createdTokenSchema, tokens.$post({ json })),
      rotate: (id, json) =>
        read(createdTokenSchema, tokens[":id"].rotate.$post({ param: { id: segment("token", id) }, json })),
      async revoke(id) {
        await tokens[":id"].$delete({ param: { id: segment("token", id) } });
      },
    },
    sessions: {
      list: (owner) => read(v.array(sessionSchema), sessions.$get({ query: { user: owner } })),
      async end(id) {
        await sessions[":id"].$delete({ param: { id: segment("session", id) } });
      },
    },
    links: {
      list: (name) => read(v.array(linkSchema), users[":user"].identities.$get({ param: user(name) })),
      add: (name, json) => read(linkSchema, users[":user"].identities.$post({ param: user(name), json })),
      async remove(name, id) {
        await users[":user"].identities[":id"].$delete({ param: { ...user(name), id: segment("link", id) } });
      },
    },
  };
}
