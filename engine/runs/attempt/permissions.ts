import type { ProcessPermissions } from "../../grants/grant.ts";

/** The flags that make deno keep to a permission file, and to nothing else that lies around. */
export function permissionFlags(path: string): string[] {
  return [
    "--no-prompt",
    "--no-remote",
    "--cached-only",
    "--ignore-env",
    `--config=${path}`,
    "--permission-set",
  ];
}

/**
 * Starts programs with limits, and so that they end with the process; see connectors/singer/command/. It starts any, as a
 * program does that the operator allows.
 */
const LAUNCHER = "/usr/bin/setpriv";

/**
 * Writes what the process may do as the configuration that its deno starts with, readable by this
 * user only. As arguments anybody on the machine could read them, and hosts and paths may come out
 * of secrets; there is a limit to the length of arguments too. The process has read the file before
 * it takes its job: the caller removes it after that. `sandboxStarters` are programs that start the sandboxes of scripts.
 */
export async function writePermissions(
  path: string,
  permissions: ProcessPermissions,
  sandboxStarters: readonly string[] = [],
): Promise<void> {
  const { hosts, read, write, deny, commands, environment } = permissions;
  const programs = [...commands === undefined ? [] : [...commands, LAUNCHER], ...sandboxStarters];
  const paths = (allow: readonly string[]) =>
    deny.length === 0 ? [...new Set(allow)] : { allow: [...new Set(allow)], deny: [...new Set(deny)] };
  const config = {
    // Packages are found from the program's own folder, as in the one file: nothing is installed or asked for.
    nodeModulesDir: "manual",
    lock: false,
    unstable: ["no-legacy-abort"],
    permissions: {
      default: {
        read: paths(read),
        write: paths(write),
        net: [...new Set(hosts)],
        ...(environment === undefined ? {} : { env: environment }),
        ...(programs.length === 0 ? {} : { run: [...new Set(programs)] }),
        ffi: true,
        // How much room its disk has: said before a file is brought there that is too large.
        sys: ["statfs"],
      },
    },
  };
  await Deno.writeTextFile(path, JSON.stringify(config), { mode: 0o600, createNew: true });
}
