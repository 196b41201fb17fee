import { deepStrictEqual, strictEqual } from "node:assert";
import {
  EVENT_SEQ,
  HYPERCALL_PAGE_BYTES,
  HYPERCALL_PAGE_REQUEST,
  HYPERCALL_PAGE_RESPONSE,
  REQUEST_SEQ,
  RESPONSE_SEQ,
  VCPU_BLOCK_BYTES,
  VCPU_BLOCK_EVENT,
} from "./abi.ts";
import { pollAll, type Served } from "./hypervisor_loop.ts";
import { DONE, FAIL } from "./outcome.ts";
import { COUNTER, VcpuChannel } from "./vcpu_channel.ts";

/** A machine of one vCPU; its exits are a defect or its end, its requests are served. */
class Machine implements Served {
  readonly block = new Int32Array(VCPU_BLOCK_BYTES / 4);
  readonly page = new Int32Array(HYPERCALL_PAGE_BYTES / 4);
  readonly channel: VcpuChannel;
  readonly crashes: unknown[] = [];
  live = true;

  constructor(exit: () => number = () => DONE) {
    const machine = {
      exits: { exit },
      calls: { call: () => DONE },
      poweredOff: () => {},
      failed: () => {
        this.live = false;
      },
    };
    const counters = new Float64Array(COUNTER.count);
    this.channel = new VcpuChannel(this.block, this.page, machine, counters, () => 0, 1);
  }

  crashed(error: unknown): void {
    this.crashes.push(error);
    this.live = false;
  }

  exit(): this {
    this.block[VCPU_BLOCK_EVENT + EVENT_SEQ]!++;
    return this;
  }

  request(): this {
    this.page[HYPERCALL_PAGE_REQUEST + REQUEST_SEQ]!++;
    return this;
  }

  get answered(): number {
    return this.page[HYPERCALL_PAGE_RESPONSE + RESPONSE_SEQ]!;
  }
}

Deno.test("pollAll() says whether anyone had something", () => {
  const machines = [new Machine(), new Machine()];
  strictEqual(pollAll([]), false);
  strictEqual(pollAll(machines), false);
  machines[1]!.request();
  strictEqual(pollAll(machines), true);
  strictEqual(pollAll(machines), false);
});

Deno.test("pollAll() ends the machine whose handler throws and serves the others", () => {
  const defect = new Error("a defect");
  const broken = new Machine(() => {
    throw defect;
  }).exit();
  const before = new Machine().request(), after = new Machine().request();
  const served = [before, broken, after];
  strictEqual(pollAll(served), true);
  deepStrictEqual(broken.crashes, [defect]);
  deepStrictEqual(served, [before, after]);
  strictEqual(before.answered, 1);
  strictEqual(after.answered, 1);
});

Deno.test("pollAll() takes out a machine that ends and skips nobody", () => {
  const ended = [new Machine(() => FAIL).exit(), new Machine(() => FAIL).exit()];
  const last = new Machine().request();
  const served = [...ended, last];
  pollAll(served);
  deepStrictEqual(served, [last]);
  strictEqual(last.answered, 1);
  deepStrictEqual(ended[0]!.crashes, []);
});

Deno.test("pollAll() serves no other vCPU of a machine once one of them has ended it", () => {
  const first = new Machine(() => FAIL).exit(), second = new Machine().request();
  const other = new Machine().request();
  Object.defineProperty(second, "live", { get: () => first.live });
  const served = [first, second, other];
  pollAll(served);
  deepStrictEqual(served.map((one) => served.indexOf(one)), [0]);
  strictEqual(served[0] === other, true);
  strictEqual(second.answered, 0);
  strictEqual(other.answered, 1);
});
