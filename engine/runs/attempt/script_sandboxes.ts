import type { SandboxProgram } from "../../../contract/connector/connector.ts";
import { AppError } from "../../../contract/errors.ts";

/** Where util-linux puts its programs. */
const BIN_FOLDERS = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];
/** Nobody's ids, the same on every Linux. */
const NOBODY = "65534";
/** Killed with the process that started it: what loops without end does not see that its input has ended. */
const NO_RIGHTS = ["--pdeathsig=KILL", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"];

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

/** No variables, no folder of the user's or of the script's, no packages, no compiled files. */
const PYTHON_FLAGS = ["-I", "-S", "-B", "-X", "utf8", "-c"];

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
  readonly #pythonEntry: string;
  #found: Promise<SandboxProgram> | undefined;
  /** By the interpreter. */
  readonly #pythons = new Map<string, Promise<SandboxProgram>>();

  /** `entry` is the program inside, a file; `pythonEntry` that of scripts in Python. */
  constructor(deno: string, entry: string, pythonEntry: string) {
    this.#deno = deno;
    this.#entry = entry;
    this.#pythonEntry = pythonEntry;
  }

  find(): Promise<SandboxProgram> {
    return this.#found ??= this.#find();
  }

  /**
   * With the interpreter at this absolute path. Throws `forbidden` where the kernel cannot confine it: Python itself
   * keeps nothing from a script.
   */
  findPython(interpreter: string): Promise<SandboxProgram> {
    let found = this.#pythons.get(interpreter);
    if (found === undefined) {
      this.#pythons.set(interpreter, found = this.#findPython(interpreter));
      // The operator may install what is missing.
      found.catch(() => this.#pythons.delete(interpreter));
    }
    return found;
  }

  async #findPython(interpreter: string): Promise<SandboxProgram> {
    const entry = await Deno.readTextFile(this.#pythonEntry);
    const prlimit = await programAt("prlimit") ?? null;
    const ways = await wrappers((command) => [...command]);
    // Root is never what a script runs as.
    if (Deno.build.os === "linux" && Deno.uid() !== 0) ways.push([]);
    let reason = "it takes a Linux with setpriv (util-linux)";
    for (const wrapper of ways) {
      const command = [...wrapper, interpreter, ...PYTHON_FLAGS];
      const program: SandboxProgram = { language: "python", prlimit, command, environment: {}, entry };
      const { code, words } = await start(program);
      if (code === NO_ORDER_EXIT) return program;
      if (words !== "") reason = words;
    }
    throw new AppError("forbidden", `Cannot confine scripts of ${interpreter} here: ${reason}`);
  }

  async #find(): Promise<SandboxProgram> {
    const deno = this.#deno;
    // Packed it is one file without imports: as a URL it needs no folder that another user may read.
    const entry = this.#entry.endsWith(".mjs")
      ? `data:text/javascript;base64,${new Uint8Array(await Deno.readFile(this.#entry)).toBase64()}`
      : this.#entry;
    const prlimit = await programAt("prlimit") ?? null;
    const programOf = (wrapper: readonly string[]): SandboxProgram => ({
      language: "javascript",
      prlimit,
      command: [...wrapper, deno, ...FLAGS],
      environment: ENVIRONMENT,
      entry,
    });
    for (const wrapper of await wrappers(throughOpenFile)) {
      const program = programOf(wrapper);
      if ((await start(program)).code === NO_ORDER_EXIT) return program;
    }
    return programOf([]);
  }
}

/** The ways to confine a process, the strictest first; `asOther` makes the command of one that starts it as another user. */
async function wrappers(asOther: (command: readonly string[]) => string[]): Promise<string[][]> {
  if (Deno.build.os !== "linux") return [];
  const [unshare, setpriv] = await Promise.all([programAt("unshare"), programAt("setpriv")]);
  const isRoot = Deno.uid() === 0;
  const alone = unshare === undefined ? [] : [[unshare, isRoot ? "-n" : "-rn"]];
  const nobody = setpriv === undefined || !isRoot ? [] : [
    [setpriv, `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", ...NO_RIGHTS],
  ];
  const powerless = setpriv === undefined ? [] : [[setpriv, ...NO_RIGHTS]];
  return [
    ...alone.flatMap((before) => nobody.map((user) => asOther([...before, ...user]))),
    ...nobody.map((user) => asOther(user)),
    ...alone.flatMap((before) => powerless.map((rights) => [...before, ...rights])),
    ...alone,
    ...powerless,
  ];
}

/** Nobody may have no way to the folder that deno is in: it is opened before and started from there. */
function throughOpenFile(command: readonly string[]): string[] {
  const words = command.map((word) => `'${word}'`).join(" ");
  return [
    "/bin/sh",
    "-c",
    `exec 3<"$1" && shift && unset PWD OLDPWD && exec ${words} /proc/self/fd/3 "$@"`,
    "sh",
  ];
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

/** How the program inside ends without an order: in its own way where it comes up. */
async function start(
  { command: [program = "", ...args], environment, entry }: SandboxProgram,
): Promise<{ readonly code: number; readonly words: string }> {
  try {
    const { code, stderr } = await new Deno.Command(program, {
      args: [...args, entry],
      cwd: "/",
      clearEnv: true,
      env: environment,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    return { code, words: new TextDecoder().decode(stderr).trim().slice(-500) };
  } catch (error) {
    return { code: -1, words: error instanceof Error ? error.message : String(error) };
  }
}

/** The exit code of the program inside where it gets no order. */
const NO_ORDER_EXIT = 64;
