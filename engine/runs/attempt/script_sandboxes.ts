import type { SandboxProgram } from "../../../contract/connector/connector.ts";

/** Where util-linux puts its programs. */
const BIN_FOLDERS = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];
/** Nobody's ids, the same on every Linux. */
const NOBODY = "65534";
const NO_RIGHTS = ["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"];

/**
 * The flags of a deno that may do nothing: no permission is given, nothing is asked for, no file beside the program is
 * looked for and nothing is fetched.
 */
const FLAGS = [
  "run",
  "--quiet",
  "--no-prompt",
  "--no-config",
  "--no-lock",
  "--no-npm",
  "--no-remote",
  "--cached-only",
  "--node-modules-dir=none",
];

/** What deno's cache is said to be: nothing is read from it and nothing is put there. */
const ENVIRONMENT = {
  DENO_DIR: "/nonexistent",
  DENO_NO_UPDATE_CHECK: "1",
  NO_COLOR: "1",
};

/**
 * Finds out once how this machine can confine a script, beyond what deno itself keeps from it: in a network of its own
 * without any interface, as nobody, without capabilities, with limits of the kernel's. What a machine cannot do is left
 * out, the least important first.
 */
export class ScriptSandboxes {
  readonly #deno: string;
  readonly #entry: string;
  #found: Promise<SandboxProgram> | undefined;

  /** `entry` is the program inside, a file. */
  constructor(deno: string, entry: string) {
    this.#deno = deno;
    this.#entry = entry;
  }

  find(): Promise<SandboxProgram> {
    return this.#found ??= this.#find();
  }

  async #find(): Promise<SandboxProgram> {
    const deno = this.#deno;
    // Packed it is one file without imports: as a URL it needs no folder that another user may read.
    const entry = this.#entry.endsWith(".mjs")
      ? `data:text/javascript;base64,${new Uint8Array(await Deno.readFile(this.#entry)).toBase64()}`
      : this.#entry;
    const prlimit = await programAt("prlimit") ?? null;
    const programOf = (wrapper: readonly string[]): SandboxProgram => ({
      prlimit,
      command: [...wrapper, deno, ...FLAGS],
      environment: ENVIRONMENT,
      entry,
    });
    for (const wrapper of await wrappers()) {
      const program = programOf(wrapper);
      if (await works(program)) return program;
    }
    return programOf([]);
  }
}

/** The ways to confine a process, the strictest first. */
async function wrappers(): Promise<string[][]> {
  if (Deno.build.os !== "linux") return [];
  const [unshare, setpriv, sh] = await Promise.all([
    programAt("unshare"),
    programAt("setpriv"),
    programAt("sh"),
  ]);
  const isRoot = Deno.uid() === 0;
  const alone = unshare === undefined ? [] : [[unshare, isRoot ? "-n" : "-rn"]];
  const nobody = setpriv === undefined || sh === undefined || !isRoot ? [] : [
    [setpriv, `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", ...NO_RIGHTS],
  ];
  const powerless = setpriv === undefined ? [] : [[setpriv, ...NO_RIGHTS]];
  const asNobody = (before: string[], user: string[]) => [sh ?? "", ...throughOpenFile([...before, ...user])];
  return [
    ...alone.flatMap((before) => nobody.map((user) => asNobody(before, user))),
    ...nobody.map((user) => asNobody([], user)),
    ...alone.flatMap((before) => powerless.map((rights) => [...before, ...rights])),
    ...alone,
    ...powerless,
  ];
}

/** Nobody may have no way to the folder that deno is in: it is opened before and started from there. */
function throughOpenFile(command: readonly string[]): string[] {
  const words = command.map((word) => `'${word}'`).join(" ");
  return ["-c", `exec 3<"$1" && shift && unset PWD OLDPWD && exec ${words} /proc/self/fd/3 "$@"`, "sh"];
}

async function programAt(name: string): Promise<string | undefined> {
  for (const folder of BIN_FOLDERS) {
    const path = `${folder}/${name}`;
    try {
      if ((await Deno.stat(path)).isFile) return path;
    } catch {
      // Not there.
    }
  }
  return undefined;
}

/** Whether the program inside comes up: without an order it ends by itself, in its own way. */
async function works(
  { command: [program = "", ...args], environment, entry }: SandboxProgram,
): Promise<boolean> {
  try {
    const { code } = await new Deno.Command(program, {
      args: [...args, entry],
      cwd: "/",
      clearEnv: true,
      env: environment,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return code === NO_ORDER_EXIT;
  } catch {
    return false;
  }
}

/** The exit code of the program inside where it gets no order. */
const NO_ORDER_EXIT = 64;
