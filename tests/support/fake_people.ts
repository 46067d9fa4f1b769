import type { ChangesOwnFactors } from "../../server/auth/factors/own_factors.ts";
import type { Account } from "../../server/auth/account/own_account.ts";
import type { PageForgotten } from "../../server/auth/forgotten.ts";
import type { People } from "../../engine/control/people/port.ts";

const none = () => Promise.resolve([]);
const refuse = () => Promise.reject(new Error("There is nobody"));

/** A server that nobody uses yet. */
export const NOBODY: People = {
  users: { list: none, get: refuse, create: refuse, change: refuse, remove: refuse },
  passwords: { set: refuse },
  factors: { get: refuse, reset: refuse },
  invitations: { invite: refuse },
  groups: { list: none, create: refuse, remove: refuse, addMember: refuse, removeMember: refuse },
  roles: { list: none, put: refuse, remove: refuse },
  grants: { list: none, add: refuse, remove: refuse },
  tokens: { list: none, create: refuse, revoke: refuse, rotate: refuse },
  sessions: { list: none, end: refuse },
  links: { list: none, add: refuse, remove: refuse },
};

/** The account of nobody. */
export const NO_ACCOUNT: Account = {
  view: refuse,
  changePassword: refuse,
  sessions: none,
  endSession: refuse,
  endOtherSessions: refuse,
  tokens: none,
  createToken: refuse,
  rotateToken: refuse,
  revokeToken: refuse,
};

export const NO_FACTORS: ChangesOwnFactors = {
  list: refuse,
  startTotp: refuse,
  pendingTotp: refuse,
  confirmTotp: refuse,
  removeTotp: refuse,
  startPasskey: refuse,
  addPasskey: refuse,
  renamePasskey: refuse,
  removePasskey: refuse,
  renewRecoveryCodes: refuse,
};
/** A server that sends no mail. */
export const NO_RESETS: PageForgotten = { canMail: false, ask: () => {} };
