const SECRET_KEY =
  /(?:^|[_-])(?:pass|password|passwd|passphrase|secret|token|credentials?|(?:api|access|private|secret|customer)[_-]?key)$/i;

/** Whether the value of a key of that name is nobody's business, whatever it stands in: `password`, `X-Api-Key`. */
export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key.replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2"));
}
