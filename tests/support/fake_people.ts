import type { People } from "../../engine/control/people/port.ts";

const none = () => Promise.resolve([]);
const refuse = () => Promise.reject(new Error("There is nobody"));

/** A server that nobody uses yet. */
export const NOBODY: People = {
  users: { list: none, get: refuse, create: refuse, change: refuse, remove: refuse },
  passwords: { set: refuse, change: refuse },
  groups: { list: none, create: refuse, remove: refuse, addMember: refuse, removeMember: refuse },
  roles: { list: none, put: refuse, remove: refuse },
  grants: { list: none, add: refuse, remove: refuse },
  tokens: { list: none, create: refuse, revoke: refuse },
  sessions: { list: none, end: refuse },
  links: { list: none, add: refuse, remove: refuse },
};
