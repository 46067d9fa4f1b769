import type { Migration } from "./migration.ts";

/** Tokens that got another text, with the former one for as long as it is good. */
export const rotatedTokens: Migration = {
  id: 18,
  name: "rotated_tokens",
  statements: [
    `alter table access_tokens add column rotated_at integer`,
    `alter table access_tokens add column former_hash text`,
    `alter table access_tokens add column former_until integer`,
    `create unique index access_tokens_former on access_tokens (former_hash) where former_hash is not null`,
  ],
};
