import { deepEqual, equal, match, ok } from "node:assert/strict";
import { LocalServer } from "../../support/api_bench.ts";
import { linesOf, LOOPBACK_POLICY, runUnderPolicy } from "../../support/api_project.ts";
import { findPython, runScript } from "../../support/script_sandbox.ts";
import { TestProject } from "../../support/test_project.ts";

/** Scripts in Python, in the sandbox of this machine: what they give, how they end, and what is closed to them. */

const rows = (body: string) => `def rows(ctx):\n${body.split("\n").map((line) => `    ${line}\n`).join("")}`;

const VALUES = `import datetime as d, decimal, uuid, enum, json
class Color(str, enum.Enum):
    RED = "red"
def rows(ctx):
    zone = d.timezone(d.timedelta(hours=2))
    yield {"i": 1, "big": 2**63, "endless": -10**60, "real": 0.1, "nan": float("nan"), "flag": True, "text": "ä😀",
           "at": d.datetime(2026, 1, 2, 3, 4, 5, 678901, zone), "naive": d.datetime(2026, 1, 2, 3, 4, 5, 6),
           "day": d.date(2026, 1, 2), "clock": d.time(3, 4, 5), "price": decimal.Decimal("12.3400"),
           "bytes": b"\\x00\\xff", "id": uuid.UUID(int=1), "color": Color.RED, "none": None,
           "nested": {"n": 2**70, "x": [float("inf"), None, decimal.Decimal("1.10"), b"a", (1,)], "é": True},
           "mixed": 1, "old": d.datetime(1, 1, 1, tzinfo=d.timezone.utc)}
    yield [{"i": -2**63, "big": -2**127, "real": 2, "nan": -float("inf"), "flag": False, "mixed": "a", "late": 5},
           {"i": None, "price": 2**80, "mixed": d.datetime(2026, 1, 2, tzinfo=zone)}]
`;

Deno.test("values of Python keep what they are", async () => {
  const { rows: found, error } = await runScript(await findPython(), VALUES);
  equal(error, undefined);
  // The next test looks at decimals.
  const { price: _, ...first } = found[0] ?? {};
  const text = (value: unknown) => value instanceof Uint8Array ? [...value] : value;
  deepEqual(Object.fromEntries(Object.entries(first).map(([name, value]) => [name, text(value)])), {
    i: 1n,
    big: [0, 0, 0, 0, 0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 0, 0],
    endless: `-1${"0".repeat(60)}`,
    real: 0.1,
    nan: NaN,
    flag: true,
    text: "ä😀",
    at: Date.UTC(2026, 0, 2, 1, 4, 5) + 678.901,
    naive: Date.UTC(2026, 0, 2, 3, 4, 5) + 0.006,
    day: Date.UTC(2026, 0, 2),
    clock: 11_045_000_000n,
    bytes: [0, 255],
    id: "00000000-0000-0000-0000-000000000001",
    color: "red",
    none: null,
    nested: '{"n":1180591620717411303424,"x":["Infinity",null,"1.10","YQ==",[1]],"é":true}',
    mixed: "1",
    old: -62135596800000,
    late: null,
  });
  deepEqual(
    found.slice(1).map((
      { i, real, nan, flag, mixed, late },
    ) => [i, real, nan, flag, mixed, late]),
    [
      [-(2n ** 63n), 2, -Infinity, false, '"a"', 5n],
      [null, null, null, null, '"2026-01-01T22:00:00Z"', null],
    ],
  );
});

Deno.test("a script in Python is given what one in TypeScript is", async () => {
  const { rows: found, logs, error } = await runScript(
    await findPython(),
    `import dataclasses, decimal, hashlib, sqlite3, zoneinfo, threading, re, csv, io
@dataclasses.dataclass
class Part:
    n: int
def rows(ctx):
    print("printed", 1)
    ctx.log.warn("warned", {"a": 1})
    ctx.columns(["n", "name"])
    seen = []
    thread = threading.Thread(target=lambda: seen.append(Part(7)))
    thread.start()
    thread.join()
    yield [[seen[0].n, ctx.state], (8, ctx.window.end.year >= 2026)]
    yield (9, zoneinfo.ZoneInfo("UTC").key + hashlib.sha256(b"").hexdigest()[:4])
    connection = sqlite3.connect(":memory:")
    yield connection.execute("SELECT 10, 'x' UNION ALL SELECT 11, 'y'").fetchall()
    yield [[n, None] for n in range(40000)]
    ctx.checkpoint({"page": 2})
`,
  );
  equal(error, undefined);
  deepEqual(logs, ["printed 1", "warned {'a': 1}"]);
  equal(found.length, 40_005);
  deepEqual(found.slice(0, 5).map(({ n, name }) => [n, name]), [
    [7n, null],
    [8n, "true"],
    [9n, '"UTCe3b0"'],
    [10n, '"x"'],
    [11n, '"y"'],
  ]);
});

/** What code may try; each returns where it got through. */
const ATTEMPTS = [
  `open("/etc/passwd").read()`,
  `os.listdir("/")`,
  `os.listdir("/proc")`,
  `open("/proc/self/environ").read()`,
  `open("/proc/self/mem", "r+b")`,
  `open("/proc/%d/cmdline" % os.getppid()).read()`,
  `open("/tmp/sluice-python-escaped", "w")`,
  `open("/dev/null", "w")`,
  `open("/dev/tty")`,
  `os.open(os.__file__, os.O_RDONLY | os.O_TRUNC)`,
  `os.open("/tmp", os.O_RDWR | os.O_TMPFILE)`,
  `os.mkdir("/tmp/sluice-python-escaped")`,
  `os.symlink("/etc/passwd", "/tmp/sluice-python-escaped")`,
  `os.link("/etc/passwd", "/tmp/sluice-python-escaped")`,
  `os.unlink("/etc/passwd")`,
  `os.rename("/etc/passwd", "/etc/x")`,
  `os.chmod("/tmp", 0o777)`,
  `os.utime("/tmp")`,
  `os.truncate("/etc/passwd", 0)`,
  `os.setxattr("/tmp", "user.x", b"1")`,
  `os.readlink("/proc/self/exe")`,
  `os.chdir("/etc")`,
  `os.memfd_create("x")`,
  `os.fork()`,
  `os.posix_spawn("/bin/id", ["id"], {})`,
  `os.execv("/bin/id", ["id"])`,
  `os.system("id") == 0 or refuse()`,
  `subprocess.run(["/bin/id"])`,
  `multiprocessing.Process(target=print).start()`,
  `os.kill(os.getppid(), 0)`,
  `os.kill(-1, 0)`,
  `signal.raise_signal(signal.SIGUSR1)`,
  `fcntl.fcntl(2, fcntl.F_SETOWN, os.getppid())`,
  `socket.socket()`,
  `socket.socket(socket.AF_UNIX)`,
  `socket.socketpair()`,
  `socket.create_connection(("127.0.0.1", 80))`,
  `urllib.request.urlopen("http://127.0.0.1/")`,
  `os.setuid(0)`,
  `os.setpriority(os.PRIO_PROCESS, 0, 19)`,
  `os.sched_setaffinity(os.getppid(), {0})`,
  `resource.setrlimit(resource.RLIMIT_CORE, (0, 0))`,
  `resource.prlimit(os.getppid(), resource.RLIMIT_CORE, (0, 0))`,
  `os.uname()`,
  `os.environ["PATH"]`,
  `set(os.environ) - {"LC_CTYPE"} or refuse()`,
  `next(iter(ctx.secrets))`,
  ...[
    ["ptrace", "101, 16, os.getppid(), 0, 0"],
    ["unshare", "272, 0x10000000"],
    ["mount", `165, b"none", b"/tmp", b"tmpfs", 0, 0`],
    ["prctl", "157, 38, 0, 0, 0, 0"],
    ["shmget", "29, 0, 4096, 0o1600"],
    ["io_uring_setup", "425, 1, bytearray(200)"],
    ["openat2", `437, -100, b"/etc/passwd", bytes(24), 24`],
    ["process_vm_readv", "310, os.getppid(), 0, 0, 0, 0, 0"],
    ["keyctl", "250, 0, 0, 0"],
    ["clone3", "435, bytes(88), 88"],
    ["x32", "0x40000000 + 39"],
    ["inotify_init", "253"],
    ["vfork", "58"],
    ["bpf", "321, 0, 0, 0"],
  ].map(([, args]) => `native(${args})`),
];

Deno.test(`none of ${ATTEMPTS.length} attempts gets out of a sandbox of Python`, async () => {
  const { rows: found, error } = await runScript(
    await findPython(),
    `import ctypes, fcntl, multiprocessing, os, resource, signal, socket, subprocess, urllib.request
libc = ctypes.CDLL(None, use_errno=True)
def refuse():
    raise OSError("refused")
def native(*args):
    if libc.syscall(*(a if isinstance(a, bytes) else ctypes.c_long(a) if isinstance(a, int) else (ctypes.c_char * len(a)).from_buffer(a) for a in args)) < 0:
        refuse()
    return "done"
def rows(ctx):
    for body in ${JSON.stringify(ATTEMPTS)}:
        try:
            got = "escaped %r" % (eval(body, {**globals(), "ctx": ctx}),)
        except BaseException as error:
            got = "refused: %s" % error
        yield {"body": body, "got": got}
`,
    { memory: "512MB" },
  );
  equal(error, undefined);
  equal(found.length, ATTEMPTS.length);
  deepEqual(found.filter(({ got }) => !String(got).startsWith("refused: ")), []);
  equal(await Deno.lstat("/tmp/sluice-python-escaped").then(() => "there", () => "not there"), "not there");
});

Deno.test("the packages of a virtual environment can be imported, and nothing else of it read", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-venv-" });
  try {
    await Deno.chmod(folder, 0o755);
    const args = ["-m", "venv", "--without-pip", `${folder}/venv`];
    const { success, stderr } = await new Deno.Command("/usr/bin/python3", { args }).output();
    ok(success, new TextDecoder().decode(stderr));
    const [version] = await Array.fromAsync(Deno.readDir(`${folder}/venv/lib`), ({ name }) => name);
    const packages = `${folder}/venv/lib/${version}/site-packages`;
    await Deno.mkdir(`${packages}/greeting`);
    await Deno.writeTextFile(`${packages}/greeting/__init__.py`, "from .words import word\n");
    await Deno.writeTextFile(`${packages}/greeting/words.py`, "word = 'hello'\n");
    await Deno.writeTextFile(`${packages}/run.pth`, "import os; os.environ['PTH'] = '1'\n");
    await Deno.writeTextFile(`${folder}/venv/secret`, "secret");
    await Deno.symlink(`${folder}/venv/secret`, `${packages}/link.py`);
    const code = `import ctypes, greeting, os
def rows(ctx):
    ctypes.CDLL("libdl.so.2"), ctypes.CDLL("librt.so.1")  # As native packages load them.
    yield {"got": greeting.word, "pth": os.environ.get("PTH")}
    for path in ("secret", "pyvenv.cfg", "lib/${version}/site-packages/link.py"):
        try:
            yield {"got": open("${folder}/venv/" + path).read()}
        except OSError as error:
            yield {"got": type(error).__name__}
    try:
        open("${packages}/new.py", "w")
    except OSError as error:
        yield {"got": type(error).__name__}
`;
    const { rows: found, error } = await runScript(await findPython(`${folder}/venv/bin/python`), code);
    equal(error, undefined);
    const refused = Array.from({ length: 4 }, () => ["PermissionError", null]);
    deepEqual(found.map(({ got, pth }) => [got, pth]), [["hello", null], ...refused]);
    match((await runScript(await findPython(), code)).error ?? "", /No module named 'greeting'/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Ways to end, each with the error that is told. */
const ENDS: readonly {
  readonly code: string;
  readonly error: RegExp;
  readonly keys?: Record<string, unknown>;
}[] = [
  {
    code: rows("yield {'a': 1}\nimport os\nos._exit(0)"),
    error: /ended its process with exit code 0 before/,
  },
  {
    code: rows("yield {'a': 1}\nimport sys\nsys.exit(0)"),
    error: /^scripts\/x\.py:4: SystemExit: it ended by itself/,
  },
  { code: "import sys\nsys.exit()\n", error: /^scripts\/x\.py:2: SystemExit/ },
  { code: rows("yield {'a': 1}\nimport os\nos.abort()"), error: /ended its process by SIG/ },
  { code: rows("import ctypes\nctypes.string_at(1)\nyield {}"), error: /ended its process by SIGSEGV/ },
  {
    code: rows("yield {'a': 1}\nprint(1 / 0)"),
    error: /^scripts\/x\.py:3: ZeroDivisionError: division by zero$/,
  },
  {
    code: "def rows(ctx)\n    yield {}\n",
    error:
      /^scripts\/x\.py:1(:\d+)?: SyntaxError: expected ':'$|^scripts\/x\.py:1(:\d+)?: SyntaxError: invalid syntax$/,
  },
  {
    code: rows("inner()\nyield 1") + "def inner():\n    raise KeyError('k') from OSError('why')\n",
    error: /^scripts\/x\.py:5: KeyError: 'k': why$/,
  },
  { code: "import nothing_like_it\n", error: /^scripts\/x\.py:1: ModuleNotFoundError/ },
  { code: "import json\njson.loads('{')\n", error: /^scripts\/x\.py:2: JSONDecodeError/ },
  { code: "async def rows(ctx):\n    yield {}\n", error: /its function gives no rows/ },
  { code: "x = 1\n", error: /it has no function to call/ },
  { code: rows("return {'a': 1}"), error: /its function gives no rows/ },
  { code: rows("yield [[1]]"), error: /call ctx\.columns/ },
  { code: rows("yield 5"), error: /row 1 is a int, expected a dict/ },
  { code: rows("yield {'a': object()}"), error: /row 1, column "a": a object cannot be stored/ },
  { code: rows("yield [{'a': 1}, {'A': 1}]"), error: /"a" and "A" would be the same column/ },
  { code: rows("yield {'a': '\\ud800'}"), error: /row 1, column "a": a text has half of a character/ },
  { code: rows("a = []\na.append(a)\nyield {'a': a}"), error: /row 1, column "a": it holds itself/ },
  { code: rows("yield {'a': {(1, 2): 3}}"), error: /row 1, column "a": it cannot be stored as JSON/ },
  { code: rows("yield [{'a': b'x'}, {'a': 1}]"), error: /column "a" has bytes in some rows/ },
  { code: rows("ctx.checkpoint({'id': 2**60})\nyield {}"), error: /beyond 2\^53: keep it as a text/ },
  { code: rows("ctx.checkpoint({'id': '\\ud800'})\nyield {}"), error: /expected a state of JSON/ },
  { code: rows("for batch in ctx.input: yield batch"), error: /ctx\.input: name a stream by the key input/ },
  { code: rows("ctx.secret('HOME')\nyield {}"), error: /"HOME" is not among the secrets/ },
  {
    code: rows("while True: pass\nyield"),
    error: /took longer than 1 s and was killed/,
    keys: { timeout: "1s" },
  },
  {
    code: rows("import time\ntime.sleep(60)\nyield"),
    error: /took longer than 1 s and was killed/,
    keys: { timeout: "1s" },
  },
  {
    code: rows("import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass\nyield"),
    error: /took more than 1 s of a processor|ended its process by SIGKILL/,
    keys: { cpu: "1s", timeout: "60s" },
  },
  {
    code: rows("all = []\nwhile True: all.append(bytearray(10**7))\nyield"),
    error: /took more than its memory of 64 MB/,
    keys: { memory: "64MB" },
  },
  {
    code: rows("import mmap\nm = mmap.mmap(-1, 10**9)\nyield"),
    error: /Cannot allocate memory|took more than its memory/,
    keys: { memory: "64MB" },
  },
  {
    code: rows(
      "import threading, time\nthreading.stack_size(32768)\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()\nyield",
    ),
    // Python waits for a thread that died before it had begun.
    error: /can't start new thread|took more than its memory|took longer than 2 s/,
    keys: { memory: "64MB", timeout: "2s" },
  },
  {
    code: rows("while True: yield {'a': 'x' * 100000}"),
    error: /gives more than 5 MB/,
    keys: { output: "5MB" },
  },
  {
    code: rows("import os\nwhile True: os.write(1, b'x' * 65536)\nyield"),
    error: /writes without end to its standard error/,
  },
  {
    code: rows(
      "import os\nfor fd in range(3, 10):\n    try: os.write(fd, b'x' * 64)\n    except OSError: pass\nyield {}",
    ),
    error: /broke off: its process sent something else than a frame/,
  },
  { code: rows("import os\nos.closerange(0, 256)\nyield {'a': 1}"), error: /ended its process|broke off/ },
];

Deno.test("a script in Python that breaks off is never taken for one that came to its end", async () => {
  const sandbox = await findPython();
  const waiting = [...ENDS];
  const wrong: string[] = [];
  const next = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const { error } = await runScript(sandbox, one.code, one.keys);
      if (error === undefined || !one.error.test(error)) {
        wrong.push(`${one.code}\n    → ${error?.slice(0, 400)}`);
      }
    }
  };
  await Promise.all([next(), next(), next(), next()]);
  equal(wrong.join("\n"), "");
});

Deno.test("garbage on the standard output is no row", async () => {
  const { rows: found, error } = await runScript(
    await findPython(),
    rows("import os\nos.write(1, b'garbage')\nos.write(2, b'more')\nyield {'a': 1}"),
  );
  deepEqual([found.map(({ a }) => a), error], [[1n], undefined]);
});

Deno.test("the process of a script in Python is nobody's, without rights, network or variables", async () => {
  const sandbox = await findPython();
  const seen: string[] = [];
  const { error } = await runScript(sandbox, rows("import time\ntime.sleep(1.5)\nyield {'a': 1}"), {
    onPid: async (pid) => {
      const before = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
      // Until the filter is up the script has not been read.
      if (seen.length > 0 || !/^Seccomp:\s+2$/m.test(before)) return;
      for (const name of ["status", "limits", "net/dev"]) {
        seen.push(await Deno.readTextFile(`/proc/${pid}/${name}`).catch(() => ""));
      }
    },
  });
  equal(error, undefined);
  const [status = "", limits = "", net = ""] = seen;
  match(status, /^NoNewPrivs:\s+1$/m);
  match(status, /^CapEff:\s+0+$/m);
  match(status, /^Seccomp:\s+2$/m);
  match(limits, /^Max file size +0 +0/m);
  match(limits, /^Max cpu time +20 +22/m);
  const words = sandbox.command.join(" ");
  ok(Deno.uid() !== 0 || words.includes("--reuid"), "root runs scripts as nobody");
  if (words.includes("--reuid")) match(status, /^Uid:\s+65534\s+65534\s+65534\s+65534$/m);
  if (words.includes("unshare") && net !== "") {
    deepEqual(net.match(/^ *\w+(?=:)/gm)?.map((name) => name.trim()) ?? [], ["lo"]);
  }
});

Deno.test("a pipeline reads a script in Python, which asks its hosts and goes on from its state", async () => {
  await using api = await LocalServer.http((request, response) => {
    const body: string[] = [];
    request.setEncoding("utf8").on("data", (piece) => body.push(piece)).on("end", () => {
      const { "x-own": own = null } = request.headers;
      response.writeHead(201, { "x-type": "echo" });
      response.end(
        JSON.stringify({ method: request.method, own, body: body.join(""), big: "x".repeat(1e6) }),
      );
    });
  });
  const { host } = new URL(api.url);
  await using project = await TestProject.create({
    "policy.yaml": `${LOOPBACK_POLICY}python: /usr/bin/python3\n`,
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/p.yaml": `params: { region: { default: eu } }
extract:
  orders: { script: scripts/orders.py, mode: append, hosts: ["${host}"], secrets: [TOKEN] }
  others: { script: scripts/others.ts }
  clean: { script: scripts/clean.py, input: [others, orders], batch: 2 }
load:
  orders: { connector: files, path: out/orders.csv, mode: replace }
  clean: { connector: files, path: out/clean.csv, mode: replace }
`,
    "scripts/others.ts":
      `export default () => [1, 2, 3].map((id) => ({ id, big: 1n << 80n, half: NaN, at: new Date(0),
      bytes: new Uint8Array([0, 255]), doc: [9007199254740993n, 1.5], none: null }));\n`,
    "scripts/alone.py":
      "import itertools\ndef rows(ctx):\n    for n in itertools.count():\n        yield {'n': n}\n",
    "scripts/clean.py": `def rows(ctx):
    for batch in ctx.input:
        for row in batch:
            if row.get("id") == 1:
                yield from ({"stream": batch.stream, "name": name, "value": repr(value)} for name, value in row.items())
        yield {"stream": batch.stream, "name": "rows", "value": str(len(batch))}
    assert list(ctx.input) == []
`,
    "scripts/orders.py": `def rows(ctx):
    page = (ctx.state or {"page": 0})["page"] + 1
    answer = ctx.fetch("${api.url}/echo", method="POST", body="ä", headers={"x-own": ctx.secret("TOKEN")})
    found = answer.json()
    refused = []
    for url in ("https://example.com/", "file:///etc/passwd"):
        try:
            ctx.fetch(url)
        except ctx.FetchError as error:
            refused.append(error.code)
    yield {"page": page, "region": ctx.params["region"], "status": answer.status, "type": answer.headers["X-Type"],
           "method": found["method"], "own": found["own"] == ctx.secret("TOKEN"), "body": found["body"],
           "big": len(found["big"]), "refused": " ".join(refused)}
    ctx.checkpoint({"page": page})
`,
  });
  for (let run = 0; run < 2; run++) {
    const { code, stdout, stderr } = await runUnderPolicy(project);
    equal(code, 0, stdout + stderr);
  }
  deepEqual(await linesOf(project, "orders"), [
    "page,region,status,type,method,own,body,big,refused",
    ...[1, 2].map((page) => `${page},eu,201,echo,POST,true,ä,1000000,forbidden invalid`),
  ]);
  deepEqual(await linesOf(project, "clean"), [
    "stream,name,value",
    "others,id,1",
    "others,big,1208925819614629174706176",
    "others,half,nan",
    'others,at,"datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)"',
    "others,bytes,b'\\x00\\xff'",
    'others,doc,"[9007199254740993, 1.5]"',
    "others,none,None",
    "others,rows,2",
    "others,rows,1",
    "orders,rows,2",
  ]);
  const tried = await project.sluice("script", ["run", "scripts/alone.py", "--json", "--limit", "2"], {
    SLUICE_POLICY: `${project.projectDir}/policy.yaml`,
  });
  equal(tried.code, 0, tried.stderr);
  const { rows: shown, is_whole } = JSON.parse(tried.stdout);
  deepEqual([shown, is_whole], [[["0"], ["1"]], false]);
});

/** Whatever comes behind a checkpoint is a batch of its own. */
const GROWING = `import datetime as d, decimal
D = decimal.Decimal
def rows(ctx):
    zone = d.timezone.utc
    yield {"id": 1, "price": D("1.10"), "sum": 1, "wide": D("0.5"), "real": D("1"), "day": d.date(2026, 1, 2), "clock": d.time(23, 59, 59, 5),
           "wall": d.datetime(1, 1, 1), "at": d.datetime(2026, 1, 2, tzinfo=zone), "huge": 2**64, "raw": b"\\x00", "mixed": d.date(2026, 1, 2)}
    ctx.checkpoint({"n": 1})
    yield {"id": 2, "price": D("-12345678901234567890.125"), "sum": D("1E+3"), "wide": D("1" * 39), "real": 0.25, "mixed": "later"}
    ctx.checkpoint({"n": 2})
    yield {"id": 3, "price": 7, "sum": D("0.001"), "wide": D("NaN"), "day": None, "wall": d.datetime(9999, 12, 31, 23, 59, 59, 999999)}
`;

const TYPES = ["price", "sum", "wide", "real", "day", "clock", "wall", "at", "huge", "raw", "mixed"];

Deno.test("values of Python have their types in the warehouse, as input of others, and where they are loaded", async () => {
  const typesOf = (table: string) =>
    `SELECT id, ${TYPES.map((name) => `"${name}"::VARCHAR AS "${name}"`).join(", ")}, concat_ws('|', ${
      TYPES.map((name) => `typeof("${name}")`).join(", ")
    }) AS types FROM raw.${table} ORDER BY id\n`;
  await using project = await TestProject.create({
    "policy.yaml": "python: /usr/bin/python3\n",
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/p.yaml": `extract:
  made: { script: scripts/made.py }
  again: { script: scripts/again.py, input: made, batch: 2 }
transform: p
load:
  made_types: { connector: files, path: out/made.ndjson, mode: replace }
  again_types: { connector: files, path: out/again.ndjson, mode: replace }
  made: { script: scripts/push.py, batch: 2, max_rejects: 1 }
`,
    "transforms/p/made_types.sql": typesOf("made"),
    "transforms/p/again_types.sql": typesOf("again"),
    "scripts/made.py": GROWING,
    "scripts/again.py": "def rows(ctx):\n    for batch in ctx.input:\n        yield batch\n",
    "scripts/push.py": `def write(batches, ctx):
    for batch in batches:
        ctx.log.info("batch", len(batch), batch.key.split("/")[-1])
        for row in batch:
            ctx.log.info("row", {name: value for name, value in row.items() if value is not None})
            if row["id"] == 2:
                batch.reject(row, "not this one")
    ctx.log.info("flushed")
`,
  });
  const { code, stdout, stderr } = await runUnderPolicy(project);
  equal(code, 0, stdout + stderr);
  const lines = async (name: string) =>
    (await Deno.readTextFile(`${project.projectDir}/out/${name}.ndjson`)).trim().split("\n").map((line) =>
      JSON.parse(line)
    );
  const made = await lines("made");
  const again = await lines("again");
  equal(
    made[0].types,
    "DECIMAL(38,3)|DECIMAL(22,3)|VARCHAR|VARCHAR|DATE|TIME|TIMESTAMP|TIMESTAMP WITH TIME ZONE|HUGEINT|BLOB|VARCHAR",
  );
  deepEqual(made.map(({ price, sum, wide, real, wall }) => [price, sum, wide, real, wall]), [
    ["1.100", "1.000", "0.5", "1", "0001-01-01 00:00:00"],
    ["-12345678901234567890.125", "1000.000", "1".repeat(39), "0.25", null],
    ["7.000", "0.001", "NaN", null, "9999-12-31 23:59:59.999999"],
  ]);
  // A type of decimals has room for those that came.
  match(
    again[0].types,
    /^DECIMAL\(38,3\)\|DECIMAL\(18,3\)\|VARCHAR\|VARCHAR\|DATE\|TIME\|TIMESTAMP\|TIMESTAMP WITH/,
  );
  deepEqual(again.map((row) => ({ ...row, types: "" })), made.map((row) => ({ ...row, types: "" })));
  match(stdout + stderr, /Rejected: row 2: not this one/);
  const [, id = ""] = /run (\w+)/.exec(stdout + stderr) ?? [];
  const { stdout: told } = await project.sluice("logs", [id]);
  match(told, /batch 2 0\+2[^]*batch 1 2\+1[^]*flushed/);
  match(
    told,
    /'price': Decimal\('1\.100'\)[^\n]*'day': datetime\.date\(2026, 1, 2\), 'clock': datetime\.time\(23, 59, 59, 5\)/,
  );
  match(
    told,
    /'wall': datetime\.datetime\(1, 1, 1, 0, 0\), 'at': datetime\.datetime\(2026, 1, 2, 0, 0, tzinfo=/,
  );
});

Deno.test("a load's script in Python fails where it has not asked for all rows, and where it rejects too late", async () => {
  await using project = await TestProject.create({
    "policy.yaml": "python: /usr/bin/python3\n",
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/p.yaml": `extract: { s: { connector: files, path: a.csv } }
load:
  s:
${
      ["left", "late", "lazy", "none", "wrong"].map((name) =>
        `    - { script: scripts/${name}.py, batch: 1 }\n`
      ).join("")
    }`,
    "a.csv": "a\n1\n2\n",
    "scripts/left.py": "def write(batches, ctx):\n    for batch in batches:\n        return\n",
    "scripts/late.py":
      "def write(batches, ctx):\n    all = [batch for batch in batches]\n    all[0].reject(0, 'late')\n",
    "scripts/lazy.py": "def write(batches, ctx):\n    for batch in batches:\n        yield batch\n",
    "scripts/none.py": "x = 1\n",
    "scripts/wrong.py":
      "def write(batches, ctx):\n    for batch in batches:\n        batch.reject({'a': 1}, 'x')\n",
  });
  const { code, stdout, stderr } = await runUnderPolicy(project);
  const told = stdout + stderr;
  equal(code, 1, told);
  match(told, /left\.py: write\(\) returned before it had asked for all batches \(after 1 rows\)/);
  match(told, /late\.py\S* batch\.reject: the next batch was asked for, so that this one is taken/);
  match(told, /lazy\.py: its function write is a generator/);
  match(told, /none\.py: it has no function to call/);
  match(told, /wrong\.py\S* batch\.reject: expected a row of the batch/);
});

Deno.test("Python runs only where the operator names the interpreter", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/p.yaml": "extract:\n  s: { script: scripts/s.py }\n",
    "pipelines/q.yaml":
      "extract:\n  s: { connector: files, path: a.csv }\nload:\n  s: { script: scripts/s.py }\n",
    "pipelines/r.yaml": "extract:\n  s: { script: scripts/missing.py }\n",
    "a.csv": "a\n1\n",
    "scripts/s.py": "def rows(ctx):\n    yield {}\n",
  });
  const { code, stdout, stderr } = await project.sluice("check");
  ok(code !== 0, stdout + stderr);
  const told = stdout + stderr;
  match(told, /p\.yaml:2:\d+: .*may not run Python: python of the operator's policy names no interpreter/);
  match(told, /q\.yaml:4:\d+: .*may not run Python/);
  match(told, /r\.yaml:2:\d+: .*there is no file scripts\/missing\.py/);
});
