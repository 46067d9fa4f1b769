import mysql from "mysql2";
import { HandshakeError } from "../../network/failures.ts";

type AuthPlugin = ReturnType<typeof mysql.authPlugins.caching_sha2_password>;

/**
 * The ways to sign in, beside those that mysql2 does without being asked: by none does a password go
 * in clear, or under a key that a middleman could have sent, where others can read along.
 */
export function authPlugins(isSecure: boolean): Readonly<Record<string, AuthPlugin>> {
  if (isSecure) return { mysql_clear_password: mysql.authPlugins.mysql_clear_password() };
  const refuse = () => {
    throw new HandshakeError(
      "authentication",
      "the server wants the password itself, which goes over TLS or a Unix socket only; set ssl: require",
    );
  };
  return {
    caching_sha2_password: mysql.authPlugins.caching_sha2_password({ onServerPublicKey: refuse }),
    sha256_password: mysql.authPlugins.sha256_password({ onServerPublicKey: refuse }),
    mysql_clear_password: () => refuse,
  };
}
