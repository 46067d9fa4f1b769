import { AppError } from "../errors.ts";
import { listWords } from "../../text/suggest.ts";
import {
  type ConnectorPermission,
  isConnectorPermission,
  isPipelinePermission,
  OWNERS_ROLE,
  type Permission,
  PERMISSIONS,
  permissionsOf,
  type PipelinePermission,
  rolesThatMay,
  type ServerPermission,
} from "./permissions.ts";
import type { Principal } from "./principal.ts";
import { coversConnector, coversPipeline, type PipelineSubject, type Scope } from "./scope.ts";

/** A role that somebody has over something, with what it may. */
export interface HeldRole {
  readonly role: string;
  readonly permissions: ReadonlySet<Permission>;
  readonly scope: Scope;
}

/** What a token leaves of what its user may do; all where it names nothing. */
export interface TokenScopes {
  readonly permissions?: readonly Permission[];
  /** Names or patterns of pipelines. */
  readonly pipelines?: readonly string[];
}

export interface AccessFacts {
  readonly principal: Principal;
  /** By grants to the user and to the user's groups. */
  readonly roles: readonly HeldRole[];
  /** The names of the user's groups. */
  readonly groups: readonly string[];
  readonly scopes?: TokenScopes;
  /** Whether it came with a token that another one was exchanged for. */
  readonly isIssued?: boolean;
}

/** What one principal may do. */
export interface Access {
  readonly principal: Principal;
  /** Whether it is all that the user may, and not what a token leaves of it. */
  readonly isWhole: boolean;
  /** For the server as a whole. */
  may(permission: ServerPermission): boolean;
  mayWith(permission: PipelinePermission, pipeline: PipelineSubject): boolean;
  mayUse(permission: ConnectorPermission, connector: string): boolean;
  /** Whether a grant allows it for anything at all. */
  mayAnywhere(permission: Permission): boolean;
  /** Whether it is allowed for all pipelines or connectors, those that are yet to come too. */
  mayEverywhere(permission: Permission): boolean;
}

export function createAccess(
  { principal, roles, groups, scopes = {}, isIssued = false }: AccessFacts,
): Access {
  const isLeft = (permission: Permission) => scopes.permissions?.includes(permission) ?? true;
  const patterns = scopes.pipelines?.map((name): Scope => ({ kind: "pipeline", name }));
  const isPipelineLeft = (pipeline: PipelineSubject) =>
    patterns?.some((scope) => coversPipeline(scope, pipeline)) ?? true;
  const owners = new Set([principal.name, ...groups.map((group) => `@${group}`)]);
  const ownersMay = permissionsOf(OWNERS_ROLE);
  const has = (permission: Permission, covers: (scope: Scope) => boolean) =>
    isLeft(permission) &&
    roles.some(({ permissions, scope }) => permissions.has(permission) && covers(scope));
  const isAll = ({ kind }: Scope) => kind === "all";
  return {
    principal,
    isWhole: !isIssued && scopes.permissions === undefined && scopes.pipelines === undefined,
    // A token that is kept to some pipelines is for these alone.
    may: (permission) => patterns === undefined && has(permission, isAll),
    mayWith(permission, pipeline) {
      if (!isPipelineLeft(pipeline)) return false;
      const isOwner = owners.has(pipeline.owner ?? "");
      return isOwner && isLeft(permission) && ownersMay.has(permission) ||
        has(permission, (scope) => coversPipeline(scope, pipeline));
    },
    mayUse: (permission, connector) => has(permission, (scope) => coversConnector(scope, connector)),
    mayAnywhere(permission) {
      if (isPipelinePermission(permission)) {
        return has(permission, ({ kind }) => kind !== "connector");
      }
      if (isConnectorPermission(permission)) {
        return has(permission, ({ kind }) => kind === "all" || kind === "connector");
      }
      return patterns === undefined && has(permission, isAll);
    },
    mayEverywhere: (permission) =>
      has(permission, isAll) && (patterns === undefined || isConnectorPermission(permission)),
  };
}

/**
 * Whether somebody may ask for it at all: a grant allows it for something, or a pipeline of theirs does. `subjects` are
 * asked for only where no grant does.
 */
export async function mayAsk(
  access: Access,
  permission: Permission,
  subjects: () => Promise<readonly PipelineSubject[]>,
): Promise<boolean> {
  if (access.mayAnywhere(permission)) return true;
  return isPipelinePermission(permission) &&
    (await subjects()).some((subject) => access.mayWith(permission, subject));
}

/** That somebody is not allowed to do something, with the roles that are. */
export function forbidden({ name }: Pick<Principal, "name">, permission: Permission, what = ""): AppError {
  const about = what === "" ? "" : ` of ${what}`;
  return new AppError(
    "forbidden",
    `"${name}" may not ${PERMISSIONS[permission]}${about}: that takes the role ${
      listWords(rolesThatMay(permission), "or")
    }, or another one with ${permission}`,
    { reason: "permission_missing" },
  );
}
