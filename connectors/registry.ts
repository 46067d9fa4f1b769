import type { Connector } from "../contract/connector/connector.ts";
import { duckdb } from "./duckdb/connector.ts";
import { file } from "./files/connector.ts";
import { http } from "./http/connector.ts";
import { libsql } from "./libsql/connector.ts";
import { mysql } from "./mysql/connector.ts";
import { postgres } from "./postgres/connector.ts";
import { script } from "./script/connector.ts";
import { s3 } from "./s3/connector.ts";
import { sftp } from "./sftp/connector.ts";
import { singer } from "./singer/connector.ts";
import { sluice } from "./sluice/connector.ts";
import { sqlite } from "./sqlite/connector.ts";
import { webhook } from "./webhook/connector.ts";

/** Every kind of system that connectors.yaml may name in `type:`. */
export const connectors: readonly Connector[] = [
  file,
  http,
  singer,
  sqlite,
  libsql,
  duckdb,
  postgres,
  mysql,
  s3,
  sftp,
  script,
  webhook,
  sluice,
];
