import { resolve } from "node:path";
import type {
  Access,
  Connector,
  ConnectorContext,
  ConnectorUse,
} from "../../contract/connector/connector.ts";
import { Secret } from "../../contract/secret.ts";
import { fileCapabilities, FileConnection } from "../files/file_connection.ts";
import { type FileStream, type FileTarget, pathOfUse } from "../files/options.ts";
import { readPem } from "../network/credentials.ts";
import { hostPermission } from "../network/hosts.ts";
import { configSchema, secretsOf, type SftpConfig } from "./config.ts";

/** Files of a server over SSH, in all formats of files. */
export const sftp = {
  name: "sftp",
  description: "Files of a server over SFTP: CSV, TSV, NDJSON, JSON, Parquet and Arrow, also compressed.",
  configSchema,
  ...fileCapabilities,
  movesParts: () => true,
  secrets: secretsOf,
  dataset({ host, root }, use) {
    const path = pathOfUse(use);
    return path === undefined ? undefined : { namespace: `file://${host}`, name: resolve("/", root, path) };
  },
  access,
  open,
} satisfies Connector<SftpConfig, FileStream, FileTarget>;

function access(
  config: SftpConfig,
  _use: ConnectorUse<FileStream, FileTarget>,
  { projectDir }: { readonly projectDir: string },
): Access {
  const { privateKeyFile } = config;
  return {
    hosts: [hostPermission(config.host, config.port)],
    read: [],
    write: [],
    config: privateKeyFile === undefined ? [] : [resolve(projectDir, privateKeyFile)],
  };
}

async function open(config: SftpConfig, context: ConnectorContext): Promise<FileConnection> {
  // The server wants the schemas only; the driver is for the run's process.
  const { checkHome, SftpLocation } = await import("../locations/sftp/sftp_location.ts");
  const { HOME, SftpServer } = await import("../locations/sftp/sftp_server.ts");
  const { clock, scratchDir, budget, signal } = context;
  const server = new SftpServer({ ...config, privateKey: await readKey(config, context) }, clock);
  const root = config.root.startsWith("/") ? config.root : resolve(HOME, config.root);
  // Now, so that a wrong password or host is reported here.
  await server.stat(root);
  const place = { root, scratchDir, budget, signal, log: (message: string) => context.log("warn", message) };
  return new FileConnection({
    paths: {
      root,
      targetPath(path) {
        checkHome(root, path);
        return resolve(root, path);
      },
      shown: (path) => server.shown(path),
    },
    scratchDir,
    // Each use has its files to itself.
    location: () => Promise.resolve(new SftpLocation(server, place)),
    close: () => server[Symbol.asyncDispose](),
  });
}

async function readKey(config: SftpConfig, context: ConnectorContext): Promise<Secret | undefined> {
  const { privateKey, privateKeyFile } = config;
  if (privateKeyFile === undefined) return privateKey;
  const text = await readPem(context.name, "private_key_file", resolve(context.projectDir, privateKeyFile));
  return text === undefined ? undefined : new Secret(text);
}
