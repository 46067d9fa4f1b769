import { deepStrictEqual } from "node:assert/strict";
import { GrantedRights } from "../../../../connectors/mysql/read/granted_rights.ts";

const MARIADB = [
  "GRANT USAGE ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*0'",
  "GRANT SELECT, INSERT ON `shop`.* TO `u`@`%`",
  "GRANT UPDATE ON `a\\_b%`.* TO `u`@`%`",
  "GRANT SELECT (`id`, `na,me ON x`), DELETE ON `other`.`t ON ``x``` TO `u`@`%`",
  "GRANT EXECUTE ON PROCEDURE `shop`.`p` TO `u`@`%`",
  "GRANT `reader` TO `u`@`%`",
];
const MYSQL = [
  "GRANT SELECT, INSERT, DROP, CREATE TEMPORARY TABLES ON *.* TO `u`@`%` WITH GRANT OPTION",
  "GRANT APPLICATION_PASSWORD_ADMIN,BACKUP_ADMIN ON *.* TO `u`@`%`",
  "REVOKE SELECT ON `secret`.* FROM `u`@`%`",
  "GRANT ALL PRIVILEGES ON `mine`.* TO `u`@`%`",
  'GRANT UPDATE ON "ansi"."t" TO "u"@"%"',
  "GRANT `app_read`@`%`,`app_write`@`%` TO `u`@`%`",
];

Deno.test("rights are those of SHOW GRANTS: of all, of databases by pattern, of tables and of columns", () => {
  const rights = new GrantedRights(MARIADB);
  deepStrictEqual(
    [
      rights.has("SELECT", "shop"),
      rights.has("SELECT", "shop", "any"),
      rights.has("SELECT", "Shop"),
      rights.has("DELETE", "shop"),
      rights.has("EXECUTE", "shop"),
      rights.has("UPDATE", "a_bc"),
      rights.has("UPDATE", "axb"),
    ],
    [true, true, false, false, false, true, false],
  );
  const table = "t ON `x`";
  deepStrictEqual(
    [
      rights.has("DELETE", "other", table),
      rights.has("DELETE", "other"),
      rights.has("SELECT", "other", table),
      rights.hasInPart("SELECT", "other", table),
      rights.hasInPart("SELECT", "other", "t"),
    ],
    [true, false, false, true, false],
  );
  deepStrictEqual(rights.roles, ["`reader`"]);
});

Deno.test("rights of MySQL 8 may be taken back in part, and roles have hosts", () => {
  const rights = new GrantedRights(MYSQL);
  deepStrictEqual(
    [
      rights.has("SELECT", "any"),
      rights.has("CREATE TEMPORARY TABLES", "any"),
      rights.has("SELECT", "secret"),
      rights.has("INSERT", "secret"),
      rights.has("ALTER", "mine"),
      rights.has("ALTER", "any"),
      rights.has("UPDATE", "ansi", "t"),
    ],
    [true, true, false, true, true, false, true],
  );
  deepStrictEqual(rights.roles, ["`app_read`@`%`", "`app_write`@`%`"]);
});
