import { deepStrictEqual } from "node:assert";
import type { Stub } from "../../cores/stub.ts";
import { KernelDoorbells } from "./kernel_doorbells.ts";

const REFUSED = 0xfee00000;

/** A kernel that refuses one address; `hung` is what it has. */
function kernel() {
  const hung = new Set<number>();
  const stub = {
    sx_vm_doorbell(_vm: number, _core: number, lo: number, hi: number, present: number) {
      const address = hi * 2 ** 32 + (lo >>> 0);
      if (address === REFUSED) return -17;
      if (present === 1) hung.add(address);
      else if (!hung.delete(address)) return -2;
      return 0;
    },
  } as unknown as Stub;
  return { hung, doorbells: new KernelDoorbells(stub, 1, 2) };
}

Deno.test("doorbells follow their device", () => {
  const { hung, doorbells } = kernel();
  const place = doorbells.ofDevice();
  place([0xc0003000, 0xc0003004]);
  deepStrictEqual([...hung], [0xc0003000, 0xc0003004]);
  place([0xd0003000]);
  deepStrictEqual([...hung], [0xd0003000]);
  place([]);
  deepStrictEqual([...hung], []);
});

Deno.test("devices have doorbells of their own, and one that is refused disturbs no other", () => {
  const { hung, doorbells } = kernel();
  const first = doorbells.ofDevice(), second = doorbells.ofDevice();
  first([0xc0003000]);
  second([REFUSED, 0xc0007000]);
  deepStrictEqual([...hung], [0xc0003000, 0xc0007000]);
  second([]);
  deepStrictEqual([...hung], [0xc0003000]);
});
