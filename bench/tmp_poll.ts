import { VcpuChannel } from "../cores/vcpu_channel.ts";
import { pollAll } from "../cores/hypervisor_loop.ts";
import { Hypercalls } from "../hypercalls/hypercalls.ts";
import { HYPERCALL_PAGE_BYTES, VCPU_BLOCK_BYTES } from "../cores/abi.ts";
const block = new Int32Array(VCPU_BLOCK_BYTES / 4), page = new Int32Array(HYPERCALL_PAGE_BYTES / 4);
const calls = new Hypercalls(null as never, null as never, null as never, new Float64Array(8));
const m = { exits: { exit: () => 0 }, calls, poweredOff() {}, failed() {} };
const ch = new VcpuChannel(block, page, m, new Float64Array(8), () => 0, 1);
const served = [{
  channel: ch,
  get live() {
    return true;
  },
  crashed() {},
}];
function idle(n: number) {
  let x = 0;
  for (let i = 0; i < n; i++) {
    if (pollAll(served)) x++;
    block[64] = i;
  }
  return x;
}
function work(n: number) {
  let x = 0;
  for (let i = 1; i <= n; i++) {
    page[64] = i;
    if (pollAll(served)) x++;
  }
  page[64] = 0;
  pollAll(served);
  return x;
}
for (let r = 0; r < 6; r++) {
  let t = performance.now();
  idle(1e7);
  const a = (performance.now() - t) / 10;
  t = performance.now();
  work(1e7);
  const b = (performance.now() - t) / 10;
  console.log("idle", a.toFixed(2), "ns; work", b.toFixed(2), "ns");
}
