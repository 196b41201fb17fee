/** Rights of guest-physical pages: EPT violations and misconfigurations (Intel SDM, volume 3, 29.3). */
import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { buildStub } from "../../build/stub.ts";
import * as abi from "../../cores/abi.ts";
import { openStub } from "../../cores/stub.ts";
import { assemble } from "../assembler.ts";
import { AT, ControlledVcpu, type Exit, type State } from "../controlled_vcpu.ts";

const stub = openStub(await buildStub(() => {}));

const CONTROLS = {
  primary: abi.PRIMARY_HLT | abi.PRIMARY_MSR_BITMAPS,
  secondary: abi.SECONDARY_EPT,
} as const;
const R = abi.EPT_READ, W = abi.EPT_WRITE, X = abi.EPT_EXECUTE;
const LINEAR = abi.EPT_LINEAR_VALID | abi.EPT_TRANSLATED;

const code = await assemble({
  read: "movl 8(%rdi), %eax; hlt",
  write: "movl %ebx, 8(%rdi); hlt",
  "read and write": "movl (%rdi), %eax; movl %ebx, (%rdi); hlt",
  "read, modify and write": "addl $1, 16(%rdi); hlt",
  call: "call *%rdi; hlt",
  "write across pages": "movq %rbx, -4(%rdi); hlt",
  "copy": "mov $512, %ecx; cld; rep movsq; hlt",
}, AT.code);
const start = (name: string) => code.at.get(name)!;

function vcpuAt(name: string, before?: (state: State) => void): ControlledVcpu {
  const vcpu = new ControlledVcpu(stub);
  vcpu.memory.set(code.bytes, AT.code);
  vcpu.memory.set([0xc3], AT.data); // ret
  vcpu.control(CONTROLS);
  vcpu.change((state) => {
    state.setRegister("rdi", BigInt(AT.data));
    state.setRegister("rbx", 0x1122334455667788n);
    before?.(state);
    state.rip = start(name);
  });
  return vcpu;
}

function violation(exit: Exit): Record<string, number | bigint> {
  return {
    reason: exit.reason,
    qualification: exit.qualification,
    linear: exit.linear,
    physical: exit.physical,
  };
}

const at = (address: number, asked: number, allowed: number, bits: number = LINEAR) => ({
  reason: abi.EXIT_EPT_VIOLATION,
  qualification: BigInt(asked | allowed << abi.EPT_ALLOWED_SHIFT | bits),
  linear: BigInt(address),
  physical: BigInt(address),
});

Deno.test("a page without rights exits on a read, a write and a fetch, and goes on when it has them", () => {
  const cases = [["read", AT.data + 8, R], ["write", AT.data + 8, W], [
    "call",
    AT.data,
    X,
  ]] as const;
  for (const [name, address, asked] of cases) {
    using vcpu = vcpuAt(name);
    vcpu.setRights(AT.data, 0);
    deepStrictEqual(violation(vcpu.run()), at(address, asked, 0), name);
    strictEqual(vcpu.run().reason, abi.EXIT_EPT_VIOLATION, "again");
    vcpu.setRights(AT.data, R | W | X);
    strictEqual(vcpu.run().reason, abi.EXIT_HLT);
  }
});

Deno.test("each right is asked for alone, and the qualification says which there are", () => {
  const cases = [
    ["read", X, at(AT.data + 8, R, X)],
    ["read", R, undefined],
    ["write", R, at(AT.data + 8, W, R)],
    ["write", R | X, at(AT.data + 8, W, R | X)],
    ["write", R | W, undefined],
    ["call", R | W, at(AT.data, X, R | W)],
    ["call", X, undefined],
    ["read and write", R, at(AT.data, W, R)],
    ["read, modify and write", R, at(AT.data + 16, W, R)],
  ] as const;
  for (const [name, rights, expected] of cases) {
    using vcpu = vcpuAt(name);
    vcpu.setRights(AT.data, rights);
    const exit = vcpu.run();
    if (expected) deepStrictEqual(violation(exit), expected, `${name} ${rights}`);
    else strictEqual(exit.reason, abi.EXIT_HLT, `${name} ${rights}`);
  }
});

Deno.test("an instruction that exits has done nothing, and says its length", () => {
  using vcpu = vcpuAt("write across pages");
  vcpu.setRights(AT.data, R);
  const exit = vcpu.run();
  deepStrictEqual(violation(exit), at(AT.data, W, R));
  strictEqual(exit.length, 4);
  strictEqual(vcpu.view.getUint32(AT.data - 4, true), 0);
  strictEqual(vcpu.skip().reason, abi.EXIT_HLT);
  strictEqual(vcpu.view.getUint32(AT.data - 4, true), 0);
});

Deno.test("a repeated instruction exits where it has come to", () => {
  using vcpu = vcpuAt("copy", (state) => {
    state.setRegister("rsi", BigInt(AT.code));
    state.setRegister("rdi", BigInt(AT.data - 80));
  });
  vcpu.setRights(AT.data, R);
  deepStrictEqual(violation(vcpu.run()), at(AT.data, W, R));
  strictEqual(vcpu.state().register("rcx"), 502n);
  vcpu.setRights(AT.data, R | W);
  strictEqual(vcpu.run().reason, abi.EXIT_HLT);
  deepStrictEqual(
    vcpu.memory.slice(AT.data - 80, AT.data + 4016),
    vcpu.memory.slice(AT.code, AT.code + 4096),
  );
});

Deno.test("the guest's page tables are read and marked by the same rights", () => {
  const table = AT.tables + 0x2000;
  using unreadable = vcpuAt("read");
  unreadable.setRights(table, 0);
  deepStrictEqual(violation(unreadable.run()), {
    ...at(start("read"), R, 0, abi.EPT_LINEAR_VALID),
    physical: BigInt(table),
  });
  using unwritable = vcpuAt("read");
  unwritable.setRights(table, R);
  deepStrictEqual(violation(unwritable.run()), {
    ...at(start("read"), W, R, abi.EPT_LINEAR_VALID),
    physical: BigInt(table),
  });
});

Deno.test("a page that may be written and not read is a misconfiguration", () => {
  for (const rights of [W, W | X]) {
    using vcpu = vcpuAt("write");
    vcpu.setRights(AT.data, rights);
    const exit = vcpu.run();
    deepStrictEqual([exit.reason, exit.physical], [
      abi.EXIT_EPT_MISCONFIGURATION,
      BigInt(AT.data + 8),
    ]);
  }
});

Deno.test("rights are taken from a page that the guest has used", () => {
  using vcpu = vcpuAt("read and write");
  strictEqual(vcpu.run().reason, abi.EXIT_HLT);
  vcpu.setRights(AT.data, R);
  vcpu.change((state) => state.rip = start("read and write"));
  deepStrictEqual(violation(vcpu.run()), at(AT.data, W, R));
  vcpu.setRights(AT.code, R);
  deepStrictEqual(violation(vcpu.run()), at(vcpu.state().rip, X, R));
});

Deno.test("without its control rights do not count", () => {
  using vcpu = vcpuAt("read and write");
  vcpu.setRights(AT.data, 0);
  vcpu.control({ ...CONTROLS, secondary: 0 });
  strictEqual(vcpu.run().reason, abi.EXIT_HLT);
});

Deno.test("sx_vm_set_ept() refuses pages that are not there and rights that do not exist", () => {
  using vcpu = new ControlledVcpu(stub);
  for (
    const [page, count, rights] of [[1024, 1, 7], [1023, 2, 7], [0, 0, 7], [0, 1, 8], [
      2 ** 32 - 1,
      2 ** 32 - 1,
      0,
    ]] as const
  ) {
    strictEqual(
      stub.sx_vm_set_ept(vcpu.vm, page, count, rights),
      -22,
      `${page} ${count} ${rights}`,
    );
  }
  ok(stub.sx_vm_set_ept(vcpu.vm, 0, 1024, 7) === 0);
});
