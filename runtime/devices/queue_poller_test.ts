import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { type PollingPolicy, QUEUE_COUNTER, QueuePoller } from "./queue_poller.ts";
import type { InputQueue } from "./virtio/virtio_device.ts";
import type { VirtioPci } from "./virtio/virtio_pci.ts";

const TICKS_PER_MS = 1000;
const ELVIS: PollingPolicy = { startRate: 2, stopIdleMs: 3000, quantum: 4 };

/** A transport whose queues hold so many chains; `log` says in which order they are served. */
class Backlog {
  readonly log: number[] = [];
  readonly queues: { pending: boolean; notifications: boolean; chains: number }[];

  readonly device: { input?: InputQueue; impatient?: boolean } = {};

  constructor(...chains: number[]) {
    this.queues = chains.map((count) => ({
      chains: count,
      notifications: true,
      get pending() {
        return this.chains > 0;
      },
    }));
  }

  serve(index: number, most: number): number {
    const queue = this.queues[index]!, served = Math.min(most, queue.chains);
    queue.chains -= served;
    if (served > 0) this.log.push(index);
    return served;
  }

  get transport(): VirtioPci {
    return this as unknown as VirtioPci;
  }
}

function pollerOf(policy: PollingPolicy, backlog: Backlog, atOnce = false) {
  const clock = { now: 0 }, counters = new Float64Array(QUEUE_COUNTER.count);
  const poller = new QueuePoller(policy, () => clock.now, TICKS_PER_MS, atOnce, counters);
  poller.add(backlog.transport);
  const notify = (index: number) => poller.notified(backlog.transport, index);
  return { poller, clock, counters, notify };
}

Deno.test("poll() serves a queue that was notified, and no other", () => {
  const backlog = new Backlog(3, 3), { poller, notify, counters } = pollerOf(ELVIS, backlog);
  strictEqual(poller.poll(), false);
  notify(1);
  strictEqual(poller.poll(), true);
  deepStrictEqual(backlog.log, [1]);
  strictEqual(poller.poll(), false);
  deepStrictEqual([...counters], [1, 3]);
  strictEqual(backlog.queues[1]!.notifications, true);
});

Deno.test("poll() goes on with what a quantum left, without a new notification", () => {
  const backlog = new Backlog(10), { poller, notify } = pollerOf(ELVIS, backlog);
  notify(0);
  let turns = 0;
  while (poller.poll()) turns++;
  strictEqual(turns, 3);
  strictEqual(backlog.queues[0]!.chains, 0);
});

Deno.test("poll() gives every queue its quantum in turn", () => {
  const backlog = new Backlog(100, 4, 4);
  const { poller } = pollerOf({ ...ELVIS, startRate: 0 }, backlog);
  poller.poll();
  deepStrictEqual(backlog.log, [0, 1, 2]);
});

Deno.test("a queue that is notified often is polled, and its driver told not to notify", () => {
  const backlog = new Backlog(1), { poller, notify } = pollerOf(ELVIS, backlog);
  notify(0);
  poller.poll();
  backlog.queues[0]!.chains = 1;
  strictEqual(poller.poll(), false); // not polled yet
  notify(0);
  poller.poll();
  strictEqual(backlog.queues[0]!.notifications, false);
  backlog.queues[0]!.chains = 1;
  strictEqual(poller.poll(), true);
});

Deno.test("notifications that come seldom start no polling", () => {
  const backlog = new Backlog(0), { poller, notify, clock } = pollerOf(ELVIS, backlog);
  for (let i = 0; i < 10; i++) {
    clock.now += TICKS_PER_MS + 1;
    backlog.queues[0]!.chains = 1;
    notify(0);
    poller.poll();
  }
  strictEqual(backlog.queues[0]!.notifications, true);
});

Deno.test("a polled queue without work goes back to notifications after the idle time", () => {
  const backlog = new Backlog(0), { poller, notify, clock } = pollerOf(ELVIS, backlog);
  notify(0);
  notify(0);
  strictEqual(backlog.queues[0]!.notifications, false);
  const turn = (ms: number) => {
    clock.now += ms * TICKS_PER_MS;
    for (let i = 0; i < 5000; i++) poller.poll();
  };
  turn(2900);
  strictEqual(backlog.queues[0]!.notifications, false);
  backlog.queues[0]!.chains = 1;
  turn(50);
  turn(2900);
  strictEqual(backlog.queues[0]!.notifications, false);
  turn(200);
  strictEqual(backlog.queues[0]!.notifications, true);
});

Deno.test("what came just before notifications were on again is served", () => {
  const backlog = new Backlog(0), { poller, notify, clock } = pollerOf(ELVIS, backlog);
  notify(0);
  notify(0);
  const queue = backlog.queues[0]!;
  let on = false;
  Object.defineProperty(queue, "notifications", {
    get: () => on,
    set: (wanted: boolean) => {
      if (wanted && !on) queue.chains = 1; // the driver was faster
      on = wanted;
    },
  });
  clock.now += 10_000 * TICKS_PER_MS;
  for (let i = 0; i < 9000; i++) poller.poll();
  strictEqual(queue.chains, 0);
});

Deno.test("the doorbell asks the drivers of polled queues to notify while the core sleeps", () => {
  const backlog = new Backlog(0, 0), { poller, notify } = pollerOf(ELVIS, backlog);
  notify(0);
  notify(0);
  poller.doorbell = true;
  ok(backlog.queues[0]!.notifications && backlog.queues[1]!.notifications);
  poller.doorbell = false;
  deepStrictEqual(backlog.queues.map((queue) => queue.notifications), [false, true]);
});

Deno.test("a queue for input is served when there is input, and never asks its driver", () => {
  for (const startRate of [0, 2, Infinity]) {
    const backlog = new Backlog(8, 0), input = { index: 0, waiting: false };
    backlog.device.input = input;
    const { poller, clock } = pollerOf({ ...ELVIS, startRate }, backlog);
    strictEqual(poller.poll(), false);
    input.waiting = true;
    strictEqual(poller.poll(), true);
    deepStrictEqual(backlog.log, [0]);
    clock.now += 10_000 * TICKS_PER_MS;
    for (let i = 0; i < 9000; i++) poller.poll();
    strictEqual(backlog.queues[0]!.notifications, false);
  }
});

Deno.test("an impatient device is served again after a turn in which it could do nothing", () => {
  const backlog = new Backlog(1), { poller, notify, clock } = pollerOf(ELVIS, backlog);
  notify(0);
  const { serve } = backlog;
  backlog.serve = () => 0;
  backlog.device.impatient = true;
  strictEqual(poller.poll(), false);
  clock.now = 5;
  strictEqual(poller.deadline, 5 + TICKS_PER_MS);
  backlog.serve = serve;
  strictEqual(poller.poll(), true);
  backlog.device.impatient = false;
  strictEqual(poller.deadline, Infinity);
});

Deno.test("where nobody polls, a notification serves the queue at once and wholly", () => {
  const backlog = new Backlog(10);
  const { notify } = pollerOf({ ...ELVIS, startRate: 0 }, backlog, true);
  notify(0);
  strictEqual(backlog.queues[0]!.chains, 0);
});
