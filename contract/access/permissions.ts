/**
 * Who may do what: the one table that routes, pages and commands ask. It is total: a new permission or a new role does
 * not compile before each of their pairs is decided, and what is not listed as true is not allowed.
 */

/** What can be granted over one pipeline. Each text stands after "may". */
export const PIPELINE_PERMISSIONS = {
  "pipeline:view": "look at pipelines, runs, logs, SQL and columns",
  "pipeline:data": "look at rows of tables",
  "pipeline:run": "start, retry or repeat runs",
  "pipeline:cancel": "cancel runs",
  "pipeline:pause": "pause or resume schedules",
  "pipeline:alert": "acknowledge or mute problems",
  "pipeline:edit": "change or delete definitions",
} as const;
export type PipelinePermission = keyof typeof PIPELINE_PERMISSIONS;

/** What can be granted over one connector. */
export const CONNECTOR_PERMISSIONS = {
  "connector:view": "look at connectors",
  "connector:use": "test connectors, list their streams, and name them in definitions",
} as const;
export type ConnectorPermission = keyof typeof CONNECTOR_PERMISSIONS;

/** What is granted for the server as a whole alone. */
export const SERVER_PERMISSIONS = {
  "metrics:read": "read the metrics",
  "notifier:test": "test notifiers",
  "project:apply": "apply the project",
  "server:operate": "drain the server",
  "people:manage": "manage users, groups, roles, grants and the tokens of others",
  "secrets:manage": "set and delete secrets, and rotate the key",
  "audit:read": "look at the audit log and export it",
} as const;
export type ServerPermission = keyof typeof SERVER_PERMISSIONS;

/** What each is, after "may". */
export const PERMISSIONS = { ...PIPELINE_PERMISSIONS, ...CONNECTOR_PERMISSIONS, ...SERVER_PERMISSIONS };
export type Permission = keyof typeof PERMISSIONS;

/** In the order of the manual's table. */
export const PERMISSION_NAMES = keysOf(PERMISSIONS);

/** The roles that are always there, from the most to the least. */
export const BUILT_IN_ROLES = ["admin", "engineer", "operator", "viewer"] as const;
export type BuiltInRole = (typeof BUILT_IN_ROLES)[number];

const VIEWER = {
  "pipeline:view": true,
  "pipeline:data": false,
  "pipeline:run": false,
  "pipeline:cancel": false,
  "pipeline:pause": false,
  "pipeline:alert": false,
  "pipeline:edit": false,
  "connector:view": true,
  "connector:use": false,
  "metrics:read": true,
  "notifier:test": false,
  "project:apply": false,
  "server:operate": false,
  "people:manage": false,
  "secrets:manage": false,
  "audit:read": false,
} as const satisfies Record<Permission, boolean>;

const OPERATOR = {
  ...VIEWER,
  "pipeline:data": true,
  "pipeline:run": true,
  "pipeline:cancel": true,
  "pipeline:pause": true,
  "pipeline:alert": true,
  "notifier:test": true,
} as const satisfies Record<Permission, boolean>;

const ENGINEER = {
  ...OPERATOR,
  "pipeline:edit": true,
  "connector:use": true,
  "project:apply": true,
} as const satisfies Record<Permission, boolean>;

const ADMIN = {
  ...ENGINEER,
  "server:operate": true,
  "people:manage": true,
  "secrets:manage": true,
  "audit:read": true,
} as const satisfies Record<Permission, true>;

const MAY: Readonly<Record<BuiltInRole, Readonly<Record<Permission, boolean>>>> = {
  admin: ADMIN,
  engineer: ENGINEER,
  operator: OPERATOR,
  viewer: VIEWER,
};

/** What whoever owns a pipeline may do with it. */
export const OWNERS_ROLE: BuiltInRole = "engineer";

/** What a role that is always there may do. */
export function permissionsOf(role: BuiltInRole): ReadonlySet<Permission> {
  return new Set(PERMISSION_NAMES.filter((permission) => MAY[role][permission]));
}

export function isBuiltInRole(name: string): name is BuiltInRole {
  return Object.hasOwn(MAY, name);
}

export function isPermission(text: string): text is Permission {
  return Object.hasOwn(PERMISSIONS, text);
}

export function isPipelinePermission(permission: Permission): permission is PipelinePermission {
  return Object.hasOwn(PIPELINE_PERMISSIONS, permission);
}

export function isConnectorPermission(permission: Permission): permission is ConnectorPermission {
  return Object.hasOwn(CONNECTOR_PERMISSIONS, permission);
}

/** The built-in roles with the permission, from the most to the least. */
export function rolesThatMay(permission: Permission): readonly BuiltInRole[] {
  return BUILT_IN_ROLES.filter((role) => MAY[role][permission]);
}

function keysOf<Key extends string>(record: Readonly<Record<Key, unknown>>): readonly Key[] {
  const isKey = (text: string): text is Key => Object.hasOwn(record, text);
  return Object.keys(record).filter(isKey);
}
