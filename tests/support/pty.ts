/** What is typed into a terminal, and the pattern that shows that it has been taken. */
export type Typed = readonly [text: string, until: string];

const DRIVER = `
import json, os, pty, re, select, sys, time
command, steps, wait = json.loads(sys.argv[1]), json.loads(sys.argv[2]), float(sys.argv[3])
pid, fd = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
seen = b""
def read(until):
    global seen
    start, end = len(seen), time.time() + wait
    while until is None or not re.search(until.encode(), seen[start:], re.S):
        if time.time() > end:
            return until is None
        if select.select([fd], [], [], 0.1)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                data = b""
            if data == b"":
                return until is None
            seen += data
    return True
failed = None
for text, until in steps:
    os.write(fd, text.encode())
    if not read(until):
        failed = [text, until]
        break
if failed is not None:
    os.kill(pid, 9)
else:
    read(None)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps({"code": code, "failed": failed, "seen": seen.decode(errors="replace")}))
`;

/** Runs a command on a terminal of its own until it ends, and types. Throws with all that was seen where a pattern does not come. */
export async function onTerminal(
  command: readonly string[],
  steps: readonly Typed[],
  env: Record<string, string> = {},
): Promise<{ readonly code: number; readonly seen: string }> {
  const { stdout, stderr } = await new Deno.Command("python3", {
    args: ["-c", DRIVER, JSON.stringify(command), JSON.stringify(steps), "60"],
    env: { ...env, NO_COLOR: "1", TERM: "xterm" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (stdout.length === 0) throw new Error(decoder.decode(stderr));
  const { code, failed, seen } = JSON.parse(decoder.decode(stdout));
  if (failed !== null) throw new Error(`After ${JSON.stringify(failed)} the terminal had:\n${seen}`);
  return { code, seen };
}
