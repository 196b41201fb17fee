/** Wrong options, values and files: one line that names them, exit code 2, nothing lost. */
import { match, ok, strictEqual } from "node:assert";
import { buildGuests } from "../../build/guests.ts";
import { cliRun, command, engineTest, noise, TempFile } from "../support.ts";

/** The line on standard error, behind lines of progress. */
async function refused(args: readonly string[], line: RegExp): Promise<void> {
  const { code, stdout, stderr } = await cliRun(args);
  match(stderr.trimEnd().split("\n").at(-1)!, line);
  strictEqual(code, 2, stderr);
  ok(!stderr.includes("    at "), "no stack trace");
  ok(!stdout.includes("hello from"), "nothing ran");
}

/** One wrong thing each. */
const OPTIONS: readonly (readonly [string, readonly string[], RegExp])[] = [
  ["an option that is not there", ["--gest", "hello"], /^run: Unknown option '--gest'.*--guest/],
  ["an option without its value", ["--guest"], /^run: Option '--guest <value>' argument missing/],
  ["a word that is no option", ["hello"], /^run: Unexpected argument 'hello'/],
  [
    "an engine that is not there",
    ["--engine", "xen"],
    /^run: options: engine: .*"auto"\|"kvm"\|"soft"/,
  ],
  [
    "an interrupt controller that the engine has not",
    ["--guest", "hello", "--engine", "soft", "--irqchip", "full"],
    /^run: irqchip: full needs the engine kvm: soft has local APICs only, which is split$/,
  ],
  ["a placement that is not there", ["--placement", "up"], /^run: options: placement: /],
  ["a notification that is not there", ["--notification", "x"], /^run: options: notification: /],
  ["no vCPU", ["--vcpus", "0"], /^run: options: vcpus: /],
  ["vCPUs in words", ["--vcpus", "two"], /^run: options: vcpus: /],
  ["no memory", ["--memory", "0"], /^run: options: memory: 0 is too small: at least 2M$/],
  [
    "odd memory",
    ["--memory", "4000001"],
    /^run: options: memory: 4000001 is not a multiple of 4096/,
  ],
  [
    "too much memory",
    ["--memory", "100G"],
    /^run: options: memory: 100G is too large: at most 64G$/,
  ],
  ["memory in words", ["--memory", "much"], /^run: options: memory: "much" is no size/],
  ["a guest that is not there", ["--guest", "nobody"], /^run: guest nobody is neither .*digest/],
  ["a guest that is a folder", ["--guest", "/"], /^run: guest image \/ is a folder$/],
  ["a command line that is too long", [
    ...["--guest", "hello", "--cmdline"],
    "x".repeat(4096),
  ], /^run: the command line has 4096 bytes, at most 4095/],
  ["an initrd that is not there", ["--initrd", "/no"], /^run: initrd \/no does not exist$/],
  ["an initrd that is a folder", ["--initrd", "/"], /^run: initrd \/ is a folder$/],
  ["an initrd that is empty", ["--initrd", "/dev/null"], /^run: initrd \/dev\/null is empty$/],
  [
    "a topology that is not there",
    ["--topology", "/nowhere"],
    /^run: topology \/nowhere: it cannot be read$/,
  ],
  [
    "a topology that is none",
    ["--topology", "deno.json"],
    /^run: topology deno.json: cores: /,
  ],
  ["a disk that is not there", ["--disk", "/nowhere"], /^run: disk \/nowhere does not exist$/],
  ["a disk that is a folder", ["--disk", "/"], /^run: disk \/ is a folder$/],
  ["a disk that is a device", ["--disk", "/dev/null"], /^run: disk \/dev\/null is not a regular/],
  ["a root file system of another guest", [
    ...["--guest", "hello", "--rootfs", "/"],
  ], /^run: --rootfs goes with --guest linux$/],
  ["a root file system that is not there", [
    ...["--guest", "linux", "--rootfs", "/no"],
  ], /^run: rootfs \/no does not exist$/],
  ["a root file system that is none", [
    ...["--guest", "linux", "--rootfs", "README.md"],
  ], /^run: rootfs README.md is no file system: /],
  ["a root file system without an init", [
    ...["--guest", "linux", "--rootfs", "docs"],
  ], /^run: rootfs docs has no sbin\/init: /],
  ["a root file system beside an initrd", [
    ...["--guest", "linux", "--initrd", "README.md", "--rootfs", "/"],
  ], /^run: a root file system goes with the built initrd: leave one out$/],
  [
    "a port without a socket",
    ["--guest", "hello", "--port", "com="],
    /^run: --port com=: write NAME=SOCKET$/,
  ],
  [
    "a port with a name that is a path",
    ["--guest", "hello", "--port", "a/b=/tmp/x"],
    /^run: options: ports\.0\.name: 1 to 64 /,
  ],
  ["two ports with one name", [
    ...["--guest", "hello", "--port", "a=/tmp/x", "--port", "a=/tmp/y"],
  ], /^run: options: ports: two have one name$/],
  ["a port at a place that is taken", [
    ...["--guest", "hello", "--port", "a=README.md"],
  ], /^run: socket README.md of port a is there already: remove it, or name another one$/],
  ["a plan that is not there", ["--plan", "/nowhere"], /^run: core plan \/nowhere cannot be read$/],
  ["more vCPUs than cores", ["--vcpus", "8"], /^run: .*(more roles than cores|8 vCPUs)/],
  ["a configuration that is not there", ["--config", "/no"], /^run: configuration \/no cannot be/],
];

for (const [what, args, line] of OPTIONS) {
  engineTest(`run refuses ${what}`, () => refused(args, line));
}

/** Plans that cannot be; cores 0 and 1 are there. */
const PLANS: readonly (readonly [string, string, RegExp])[] = [
  ["that is not JSON", "{", /^run: core plan .* is not JSON: /],
  ["without guests", `{"housekeeping":[0],"hypervisor":[0],"guest":[]}`, /guest: /],
  ["with an unknown role", `{"housekeeping":[0],"hypervisor":[0],"guest":[1],"x":[]}`, /"x"/],
  [
    "with a core that is not there",
    `{"housekeeping":[0],"hypervisor":[0],"guest":[4000]}`,
    /^run: core plan refused: guest core 4000 does not exist on this host$/,
  ],
  [
    "with a core that is guest and hypervisor",
    `{"housekeeping":[0],"hypervisor":[1],"guest":[1]}`,
    /^run: core plan refused: core 1 is both a guest and a hypervisor core$/,
  ],
];

for (const [what, text, line] of PLANS) {
  engineTest(`run refuses a core plan ${what}`, async () => {
    using plan = new TempFile(text);
    await refused(["--guest", "hello", "--plan", plan.path], line);
  });
}

engineTest("run refuses a plan outside the process's CPU mask", async () => {
  using plan = new TempFile(`{"housekeeping":[0],"hypervisor":[0],"guest":[1]}`);
  const args = [
    "-c",
    "0",
    Deno.execPath(),
    "run",
    "-A",
    "cli/run.ts",
    "--once",
    "--guest",
    "hello",
  ];
  const { code, stderr } = await command("taskset", [...args, "--plan", plan.path]);
  match(stderr, /^run: core plan refused: guest core 1 is outside this process's CPU mask$/m);
  strictEqual(code, 2);
});

engineTest("run refuses split placement on one core", async () => {
  const args = [
    "-c",
    "0",
    Deno.execPath(),
    "run",
    "-A",
    "cli/run.ts",
    "--once",
    "--guest",
    "hello",
  ];
  const { code, stderr } = await command("taskset", args);
  match(stderr, /^run: more roles than cores: /m);
  strictEqual(code, 2);
});

engineTest(
  "run refuses images that are empty, truncated, no ELF or without a PVH note",
  async () => {
    const hello = Deno.readFileSync(`${await buildGuests(() => {})}/hello.elf`);
    const noNote = hello.slice();
    // The note's name "Xen" becomes another vendor's.
    const at = noNote.findIndex((_, i) => noNote[i] === 0x58 && noNote[i + 1] === 0x65);
    noNote[at] = 0x59;
    const images: readonly (readonly [Uint8Array, RegExp])[] = [
      [new Uint8Array(), /^run: guest image .* is empty$/],
      [hello.subarray(0, 5000), /^run: guest image .* is truncated$/],
      [
        noise(5000),
        /^run: guest image .* is not an ELF file, a Linux bzImage or a multiboot kernel$/,
      ],
      [noNote, /^run: guest image .* has no PVH entry note/],
    ];
    for (const [bytes, line] of images) {
      using image = new TempFile(bytes);
      await refused(["--guest", image.path], line);
    }
  },
);

engineTest(
  "run refuses an image with a segment outside memory, or larger than memory",
  async () => {
    const hello = Deno.readFileSync(`${await buildGuests(() => {})}/hello.elf`);
    const patched = (field: number, value: bigint) => {
      const bytes = hello.slice();
      const view = new DataView(bytes.buffer);
      view.setBigUint64(Number(view.getBigUint64(32, true)) + field, value, true); // first header
      return bytes;
    };
    using outside = new TempFile(patched(24, 0xf000_0000n)); // p_paddr
    await refused(
      ["--guest", outside.path],
      /has a segment at 0xf0000000 .* outside the guest's memory/,
    );
    using large = new TempFile(patched(40, 1n << 40n)); // p_memsz
    await refused(["--guest", large.path], /needs \d+ bytes, more than the guest's memory/);
  },
);

engineTest("run gives the guest's exit code, and 1 when it fails", async () => {
  const exception = await cliRun(["--guest", "crash", "--cmdline", "do=exception"]);
  strictEqual(exception.code, 125);
  match(exception.stdout, /^trap vector=6 /m);
  const triple = await cliRun(["--guest", "crash", "--cmdline", "do=triple"]);
  strictEqual(triple.code, 1);
  match(triple.stdout, /^vm failed: triple fault at rip 0x/m);
});

engineTest("run --config runs several machines and names them", async () => {
  using config = new TempFile(JSON.stringify({
    vms: [
      { name: "one", guest: "hello", cmdline: "n=1", overcommit: true },
      { name: "two", guest: "crash", cmdline: "do=port", overcommit: true },
    ],
  }));
  const { code, stdout } = await cliRun(["--config", config.path]);
  strictEqual(code, 0, stdout);
  match(stdout, /^one: command line: n=1$/m);
  match(stdout, /^two: survived$/m);
});
