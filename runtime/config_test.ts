import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import fc from "fast-check";
import { SplitXError } from "../errors.ts";
import { parseSize, parseWith, type VmConfig, vmConfigSchema } from "./config.ts";

const MIB = 1024 ** 2;

function parse(input: unknown): VmConfig {
  return parseWith(vmConfigSchema, input, "machine");
}

/** Refused with one line that names the field. */
function refuses(input: Record<string, unknown>, line: RegExp): void {
  throws(() => parse({ guest: "hello", ...input }), (error: unknown) => {
    ok(error instanceof SplitXError, String(error));
    strictEqual(error.code, "bad-config");
    strictEqual(error.exitCode, 2);
    ok(!error.message.includes("\n"), error.message);
    ok(line.test(error.message), error.message);
    return true;
  });
}

Deno.test("a virtual clock wants the engine soft, and a seed a virtual clock", () => {
  const virtual = { clock: "virtual" };
  strictEqual(parse({ guest: "hello", ...virtual, seed: 7, traceHash: true }).seed, 7);
  refuses({ ...virtual, engine: "kvm" }, /clock: virtual needs the engine soft$/);
  refuses({ ...virtual, network: "lan" }, /network: needs clock host/);
  refuses({ ...virtual, seed: -1 }, /seed: /);
  for (const field of [{ seed: 1 }, { epoch: 0 }, { traceHash: true }]) {
    refuses(field, new RegExp(`${Object.keys(field)[0]}: goes with clock virtual$`));
  }
});

Deno.test("a network wants split placement and a name, and a mac wants a network", () => {
  const mac = "02:00:00:00:00:0A";
  strictEqual(parse({ guest: "net", network: "lan-2", mac }).mac, mac);
  refuses({ network: "lan", placement: "same-core" }, /network: needs split placement/);
  refuses({ network: "user", placement: "same-core" }, /network: needs split placement/);
  strictEqual(parse({ guest: "net", network: "user" }).network, "user");
  strictEqual(parse({ guest: "net", network: "none", placement: "same-core" }).network, undefined);
  refuses({ network: "none", mac }, /mac: .* name a network/);
  for (
    const network of [
      "",
      "Lan",
      "-",
      "lan 2",
      "x".repeat(33),
      "tap:",
      "tap:a/b",
      "tap:..",
      "tap:t%d",
    ]
  ) {
    refuses({ network }, /network: is no network/);
  }
  refuses({ mac: "02:00:00:00:00:01" }, /mac: .* name a network/);
  for (const mac of ["", "02:00:00:00:00", "03:00:00:00:00:00", "00:00:00:00:00:00"]) {
    refuses({ network: "lan", mac }, /mac: is no address/);
  }
});

Deno.test("parseSize() reads bytes and binary multiples", () => {
  const sizes: [string, number][] = [
    ["0", 0],
    ["4096", 4096],
    ["4096B", 4096],
    ["2K", 2048],
    ["64M", 64 * MIB],
    ["64m", 64 * MIB],
    ["64MiB", 64 * MIB],
    ["64MB", 64 * MIB],
    ["1G", 1024 * MIB],
    [" 1G\n", 1024 * MIB],
  ];
  for (const [text, bytes] of sizes) strictEqual(parseSize(text), bytes, text);
});

Deno.test("parseSize() knows what is no size", () => {
  for (const text of ["", "M", "-1", "1.5G", "1T", "64 M", "0x10", "1e6", "64Mi", "1iB", "all"]) {
    strictEqual(parseSize(text), undefined, text);
  }
});

Deno.test("parseWith() fills in the defaults of a machine", () => {
  deepStrictEqual(parse({ guest: "hello" }), {
    clock: "host",
    traceHash: false,
    console: "serial",
    name: "vm",
    guest: "hello",
    engine: "auto",
    machine: "micro",
    placement: "split",
    notification: "polled",
    vcpus: 1,
    memory: 64 * MIB,
    writable: false,
    disks: [],
    ports: [],
    cmdline: "",
    polling: { startRate: 1, stopIdleMs: 3000, quantum: 64, leastQuantum: 8, stuckUs: 10 },
    overcommit: false,
  });
});

Deno.test("parseWith() leaves interrupt controllers that nobody asks for to the engine", () => {
  strictEqual(parse({ guest: "hello", machine: "pc" }).irqchip, undefined);
  strictEqual(parse({ guest: "hello", irqchip: "full" }).irqchip, "full");
});

Deno.test("parseWith() takes every memory size of whole pages within the limits", () => {
  fc.assert(fc.property(fc.integer({ min: 512, max: 64 * 2 ** 18 }), (pages) => {
    strictEqual(parse({ guest: "hello", memory: pages * 4096 }).memory, pages * 4096);
    strictEqual(parse({ guest: "hello", memory: `${pages * 4}K` }).memory, pages * 4096);
  }));
});

Deno.test("parseWith() refuses a memory size that no machine can have", () => {
  refuses({ memory: 0 }, /^machine: memory: 0 is too small: at least 2M$/);
  refuses({ memory: -4096 }, /memory: -4096 is too small/);
  refuses({ memory: 64 * MIB + 1 }, /memory: 67108865 is not a multiple of 4096 bytes/);
  refuses({ memory: 8192.5 }, /memory: 8192.5 is not a multiple/);
  refuses({ memory: "65G" }, /memory: 65G is too large: at most 64G/);
  refuses({ memory: "67108868K" }, /memory: 67108868K is too large/);
  refuses({ memory: "99999999999999999999999G" }, /memory: 9+G is too large/);
  refuses({ memory: "much" }, /memory: "much" is no size: write bytes, or 64M, or 1G/);
  refuses({ memory: true }, /^machine: memory: /);
  refuses({ memory: NaN }, /^machine: memory: /);
});

Deno.test("parseWith() refuses a field that it does not know", () => {
  refuses({ cores: 2 }, /"cores"/);
  refuses({ plan: { housekeeping: [0], hypervisor: [1], guest: [2], spare: [3] } }, /"spare"/);
});

Deno.test("parseWith() refuses same-core placement with two vCPUs", () => {
  refuses({ placement: "same-core", vcpus: 2 }, /vcpus: same-core placement serves one vCPU/);
  strictEqual(parse({ guest: "hello", placement: "split", vcpus: 2 }).vcpus, 2);
});

Deno.test("parseWith() refuses interrupt controllers that a machine cannot have", () => {
  refuses({ machine: "pc", irqchip: "none" }, /irqchip: a pc has interrupt controllers/);
  refuses({ machine: "pc", irqchip: "half" }, /irqchip: .*"split"/);
  strictEqual(parse({ guest: "hello", machine: "pc", irqchip: "split" }).irqchip, "split");
});

Deno.test("parseWith() takes a CPUID template as it takes what it has made of one", () => {
  const cpuid = { leaves: [{ leaf: "0x1", ecx: { value: "0x200000", mask: 0x200000 }, eax: 5 }] };
  const parsed = parse({ guest: "hello", cpuid });
  deepStrictEqual(parsed.cpuid, {
    leaves: [{
      leaf: 1,
      subleaf: 0,
      ecx: { value: 0x200000, mask: 0x200000 },
      eax: { value: 5, mask: 0xffffffff },
    }],
  });
  deepStrictEqual(parse(parsed), parsed);
});

Deno.test("parseWith() names the field that is wrong", () => {
  refuses({ guest: "" }, /^machine: guest: /);
  refuses({ guest: undefined }, /^machine: guest: /);
  refuses({ engine: "xen" }, /^machine: engine: .*"kvm"\|"soft"/);
  refuses({ placement: "here" }, /^machine: placement: .*"same-core"/);
  refuses({ vcpus: 0 }, /^machine: vcpus: /);
  refuses({ vcpus: 9 }, /^machine: vcpus: /);
  refuses({ name: "" }, /^machine: name: /);
  refuses({ machine: "pc", irqchip: "none" }, /^machine: irqchip: a pc has interrupt controllers$/);
  refuses({ plan: { housekeeping: [0], hypervisor: [], guest: [] } }, /^machine: plan.guest: /);
  refuses({ plan: { housekeeping: [-1], hypervisor: [], guest: [1] } }, /plan.housekeeping.0: /);
});

Deno.test("parseWith() refuses what is no object", () => {
  for (const input of [null, undefined, 3, "guest", []]) throws(() => parse(input), SplitXError);
});

Deno.test("parseWith() gives one line whatever the user wrote", () => {
  refuses({ memory: "1\n2" }, /"1 2" is no size/);
  refuses({ "a\nb": 1 }, /a.*b/);
});

Deno.test("parseWith() fills in the defaults of a disk and refuses what no disk is", () => {
  deepStrictEqual(parse({ guest: "hello", disks: [{ file: "a" }] }).disks, [
    { file: "a", writable: false, queues: 1 },
  ]);
  refuses({ disks: [{}] }, /disks\.0\.file: /);
  refuses({ disks: [{ file: "" }] }, /disks\.0\.file: /);
  refuses({ disks: [{ file: "a", queues: 0 }] }, /disks\.0\.queues: /);
  refuses({ disks: [{ file: "a", queues: 9 }] }, /disks\.0\.queues: /);
  refuses({ disks: [{ file: "a", serial: "x".repeat(21) }] }, /disks\.0\.serial: 1 to 20/);
  refuses({ disks: [{ file: "a", serial: "a b" }] }, /disks\.0\.serial: 1 to 20/);
  refuses({ disks: [{ file: "a" }, { path: "b" }] }, /disks\.1/);
  refuses({ disks: Array(17).fill({ file: "a" }) }, /disks: /);
});
