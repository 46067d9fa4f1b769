import type { Database } from "../database.ts";
import type { AccessStore } from "../ports/access.ts";
import type { PeopleStore } from "../ports/people.ts";
import { createGrantStore, createRoleStore } from "./grant_store.ts";
import { createGroupStore } from "./group_store.ts";
import { createSessionStore } from "./session_store.ts";
import { createTokenStore } from "./token_store.ts";
import { createUserStore } from "./user_store.ts";

export function createPeopleStore(db: Database): PeopleStore {
  return {
    users: createUserStore(db),
    groups: createGroupStore(db),
    roles: createRoleStore(db),
    grants: createGrantStore(db),
  };
}

export function createAccessStore(db: Database): AccessStore {
  return { ...createTokenStore(db), ...createSessionStore(db) };
}
