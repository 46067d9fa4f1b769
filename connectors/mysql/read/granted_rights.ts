/** What SHOW GRANTS says, as rights that can be asked for. */

/** A name in the quotes of the session's sql_mode. */
const QUOTED = '(?:`(?:[^`]|``)*`|"(?:[^"]|"")*")';
const ON = new RegExp(
  `^(GRANT|REVOKE) ((?:[^\`"]|${QUOTED})+?) ON (?:TABLE )?(\\*|${QUOTED})\\.(\\*|${QUOTED}) (?:TO|FROM) `,
);
const ROLE = `${QUOTED}(?:@${QUOTED})?`;
const ROLES = new RegExp(`^GRANT (${ROLE}(?:, ?${ROLE})*) TO `);

interface Scope {
  readonly isRevoke: boolean;
  /** A pattern of names where all tables are meant; undefined: all databases. */
  readonly database: string | undefined;
  readonly table: string | undefined;
  readonly rights: ReadonlySet<string>;
  /** Of some columns only. */
  readonly ofColumns: ReadonlySet<string>;
}

export class GrantedRights {
  readonly #scopes: readonly Scope[];
  /** The roles that were granted, quoted as they are there, whether or not they are active. */
  readonly roles: readonly string[];

  /** Of the lines of SHOW GRANTS; what is granted on procedures or proxies is none of them. */
  constructor(lines: readonly string[]) {
    this.#scopes = lines.flatMap((line) => scopeOf(line) ?? []);
    this.roles = [
      ...new Set(lines.flatMap((line) => ROLES.exec(line)?.[1]?.match(new RegExp(ROLE, "g")) ?? [])),
    ];
  }

  /** Whether the right (`SELECT`) holds for all tables of the database, or for this one. */
  has(right: string, database: string, table?: string): boolean {
    const holds = (scope: Scope) => scope.rights.has(right) || scope.rights.has("ALL PRIVILEGES");
    const isOf = (scope: Scope) =>
      scope.database !== undefined &&
      (scope.table === undefined
        ? matchesName(scope.database, database)
        : scope.database === database && scope.table === table);
    const grants = this.#scopes.filter((scope) => !scope.isRevoke && holds(scope));
    if (grants.some(isOf)) return true;
    // MySQL takes parts back of what holds everywhere.
    const isRevoked = this.#scopes.some((scope) => scope.isRevoke && isOf(scope) && holds(scope));
    return !isRevoked && grants.some(({ database }) => database === undefined);
  }

  /** Whether it holds for the server as a whole, as rights that no database has. */
  hasEverywhere(right: string): boolean {
    return this.#scopes.some(({ isRevoke, database, table, rights }) =>
      !isRevoke && database === undefined && table === undefined &&
      (rights.has(right) || rights.has("ALL PRIVILEGES"))
    );
  }

  /** Whether it holds for columns of the table at least. */
  hasInPart(right: string, database: string, table: string): boolean {
    return this.has(right, database, table) ||
      this.#scopes.some((scope) =>
        scope.database === database && scope.table === table && scope.ofColumns.has(right)
      );
  }
}

function scopeOf(line: string): Scope | undefined {
  const [, verb, rights = "", database = "", table = ""] = ON.exec(line) ?? [];
  if (verb === undefined) return undefined;
  const listed = rights.match(new RegExp(`(?:[^,(\`"]|\\((?:[^)\`"]|${QUOTED})*\\))+`, "g")) ?? [];
  const named = (isOfColumns: boolean) =>
    new Set(
      listed.filter((text) => text.includes("(") === isOfColumns)
        .map((text) => text.replace(/\(.*$/s, "").trim().toUpperCase())
        .map((text) => text === "ALL" ? "ALL PRIVILEGES" : text),
    );
  return {
    isRevoke: verb === "REVOKE",
    database: database === "*" ? undefined : unquoted(database),
    table: table === "*" ? undefined : unquoted(table),
    rights: named(false),
    ofColumns: named(true),
  };
}

function unquoted(text: string): string {
  const quote = text.slice(0, 1);
  return text.slice(1, -1).replaceAll(quote + quote, quote);
}

/** `%` and `_` of a grant on a database stand for any text and any character, with `\` for themselves. */
function matchesName(pattern: string, name: string): boolean {
  const source = pattern.replace(/\\[%_\\]|[%_]|[\\^$.|?*+(){}[\]]/g, (found) => {
    if (found === "%") return ".*";
    if (found === "_") return ".";
    return `\\${found.slice(-1)}`;
  }).replaceAll("\\%", "%").replaceAll("\\_", "_");
  return new RegExp(`^${source}$`, "s").test(name);
}
