import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { type PollingPolicy, QUEUE_COUNTER, QueuePoller } from "./queue_poller.ts";
import type { InputQueue } from "./virtio/virtio_device.ts";
import type { VirtioPci } from "./virtio/virtio_pci.ts";

const TICKS_PER_MS = 1000;
const ELVIS: PollingPolicy = {
  startRate: 2,
  stopIdleMs: 3000,
  quantum: 4,
  leastQuantum: 4,
  stuckUs: 10,
};

/** A transport whose queues hold so many chains; `log` says in which order they are served. */
class Backlog {
  readonly log: number[] = [];
  readonly queues: { pending: boolean; backlog: number; notifications: boolean; chains: number }[];

  readonly device: { outstanding: number; inputs?: readonly InputQueue[]; impatient?: boolean } = {
    outstanding: 0,
  };

  constructor(...chains: number[]) {
    this.queues = chains.map((count) => ({
      chains: count,
      notifications: true,
      get pending() {
        return this.chains > 0;
      },
      get backlog() {
        return this.chains;
      },
    }));
  }

  serve(index: number, most: number): number {
    const queue = this.queues[index]!, served = Math.min(most, queue.chains);
    queue.chains -= served;
    if (served > 0) this.log.push(index);
    this.served(index, served);
    return served;
  }

  /** What happens meanwhile. */
  served: (index: number, chains: number) => void = () => {};

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

/** Work comes to the first queue so often that it is polled. */
function makeBusy(backlog: Backlog, poller: QueuePoller): void {
  for (let i = 0; i < ELVIS.startRate; i++) {
    backlog.queues[0]!.chains = 1;
    poller.poll();
  }
}

Deno.test("poll() serves a queue that has work, and no other, though no notification came", () => {
  const backlog = new Backlog(0, 3), { poller, counters } = pollerOf(ELVIS, backlog);
  strictEqual(poller.poll(), true);
  deepStrictEqual(backlog.log, [1]);
  strictEqual(poller.poll(), false);
  strictEqual(counters[QUEUE_COUNTER.notifications], 1);
  strictEqual(counters[QUEUE_COUNTER.chains], 3);
  strictEqual(backlog.queues[1]!.notifications, true);
});

Deno.test("one serving in sixteen is timed for all of them, and waiting is not", () => {
  const backlog = new Backlog(0), { poller, clock, counters } = pollerOf(ELVIS, backlog);
  backlog.device.outstanding = 1;
  backlog.served = () => clock.now += 5;
  for (let i = 0; i < 32; i++) {
    poller.poll();
    strictEqual(counters[QUEUE_COUNTER.servedTicks], 5 * 16 * Math.ceil(i / 16));
    backlog.queues[0]!.chains = 1;
    poller.poll();
  }
  strictEqual(counters[QUEUE_COUNTER.servedTicks], 5 * 32);
});

Deno.test("poll() goes on with what a quantum left", () => {
  const backlog = new Backlog(10), { poller } = pollerOf(ELVIS, backlog);
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
  const backlog = new Backlog(1), { poller } = pollerOf(ELVIS, backlog);
  poller.poll();
  strictEqual(backlog.queues[0]!.notifications, true);
  backlog.queues[0]!.chains = 1;
  poller.poll();
  strictEqual(backlog.queues[0]!.notifications, false);
  backlog.queues[0]!.chains = 1;
  strictEqual(poller.poll(), true);
});

Deno.test("notifications that come seldom start no polling", () => {
  const backlog = new Backlog(0), { poller, clock } = pollerOf(ELVIS, backlog);
  for (let i = 0; i < 10; i++) {
    clock.now += TICKS_PER_MS + 1;
    backlog.queues[0]!.chains = 1;
    poller.poll();
  }
  strictEqual(backlog.queues[0]!.notifications, true);
});

Deno.test("a polled queue without work goes back to notifications after the idle time", () => {
  const backlog = new Backlog(0), { poller, clock } = pollerOf(ELVIS, backlog);
  makeBusy(backlog, poller);
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
  const backlog = new Backlog(0), { poller, clock } = pollerOf(ELVIS, backlog);
  makeBusy(backlog, poller);
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
  const backlog = new Backlog(0, 0), { poller } = pollerOf(ELVIS, backlog);
  makeBusy(backlog, poller);
  poller.doorbell = true;
  ok(backlog.queues[0]!.notifications && backlog.queues[1]!.notifications);
  poller.doorbell = false;
  deepStrictEqual(backlog.queues.map((queue) => queue.notifications), [false, true]);
});

Deno.test("a device that has not given back all is served again, and the core does not sleep", () => {
  const backlog = new Backlog(1), { poller, notify } = pollerOf(ELVIS, backlog);
  notify(0);
  backlog.device.outstanding = 1;
  for (let i = 0; i < 5; i++) strictEqual(poller.poll(), true);
  backlog.device.outstanding = 0;
  strictEqual(poller.poll(), false);
});

Deno.test("a queue for input is served when there is input, and never asks its driver", () => {
  for (const startRate of [0, 2, Infinity]) {
    const backlog = new Backlog(8, 0), input = { index: 0, waiting: false };
    backlog.device.inputs = [input];
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

Deno.test("input that wakes nobody is looked for within a millisecond", () => {
  const backlog = new Backlog(1), input = { index: 0, waiting: false, unannounced: true };
  backlog.device.inputs = [input];
  const { poller, clock } = pollerOf(ELVIS, backlog);
  clock.now = 5;
  strictEqual(poller.deadline, 5 + TICKS_PER_MS);
  input.unannounced = false;
  strictEqual(poller.deadline, Infinity);
});

Deno.test("what sending brings in is served in the same turn", () => {
  const backlog = new Backlog(1, 1), input = { index: 0, waiting: false };
  backlog.device.inputs = [input];
  backlog.served = (index) => input.waiting = index === 1;
  const { poller } = pollerOf(ELVIS, backlog);
  strictEqual(poller.poll(), true);
  deepStrictEqual(backlog.log, [1, 0]);
});

Deno.test("where nobody polls, a notification serves the queue at once and wholly", () => {
  const backlog = new Backlog(10);
  const { notify } = pollerOf({ ...ELVIS, startRate: 0 }, backlog, true);
  notify(0);
  strictEqual(backlog.queues[0]!.chains, 0);
});

Deno.test("what came while a quantum that held everything was served is not forgotten", () => {
  const backlog = new Backlog(4), { poller, notify } = pollerOf(ELVIS, backlog);
  const queue = backlog.queues[0]!;
  notify(0);
  poller.poll(); // exactly a quantum
  let late = true;
  Object.defineProperty(queue, "notifications", {
    get: () => true,
    set: () => {
      if (late) queue.chains = 1; // the driver saw that it need not notify
      late = false;
    },
  });
  for (let i = 0; i < 3; i++) poller.poll();
  strictEqual(queue.chains, 0);
});

/** Ticks that the double takes for a chain. */
const CHAIN_TICKS = 2; // 2 us

/**
 * Two polled queues: the first is always full, the second is given a chain whenever it has none and
 * some chains of the first were served: the longest that one of its chains waited, in chains of the
 * first, and how many of each were served.
 */
function floodBeside(policy: Partial<PollingPolicy>, size: number) {
  const backlog = new Backlog(1000, 0), [flood, other] = backlog.queues;
  const { poller, clock } = pollerOf({ ...ELVIS, startRate: 0, quantum: 64, ...policy }, backlog);
  const done = [0, 0];
  let since = 0, longest = 0;
  backlog.served = (index, chains) => {
    clock.now += chains * CHAIN_TICKS;
    done[index]! += chains;
    if (index === 0) flood!.chains = 1000;
    if (index === 1 && chains > 0) longest = Math.max(longest, done[0]! - since);
    if (other!.chains > 0) return;
    other!.chains = size;
    since = done[0]!;
  };
  for (let i = 0; i < 100; i++) poller.poll();
  return { longest, flood: done[0]!, other: done[1]! };
}

Deno.test("a queue of few chains beside a flooded one waits no longer than the stuck time", () => {
  // The look that finds it, and 10 us more: 5 chains, rounded up to two of the least quantum.
  const { longest, flood } = floodBeside({ leastQuantum: 4, stuckUs: 10 }, 1);
  ok(longest <= 12, `${longest} chains`);
  strictEqual(flood, 6400); // the flood loses none of its turn
  ok(floodBeside({ leastQuantum: 4, stuckUs: 0 }, 1).longest <= 4);
  strictEqual(floodBeside({ leastQuantum: 64 }, 1).longest, 64);
});

Deno.test("a queue of many chains waits for its turn", () => {
  const { longest } = floodBeside({ leastQuantum: 4, stuckUs: 0 }, 5);
  strictEqual(longest, 64);
});

Deno.test("a queue to which chains are added is not stuck", () => {
  const backlog = new Backlog(1000, 0), [flood, other] = backlog.queues;
  const policy = { ...ELVIS, startRate: 0, quantum: 16, leastQuantum: 4, stuckUs: 5 };
  const { poller, clock } = pollerOf(policy, backlog);
  backlog.served = (index, chains) => {
    clock.now += chains * CHAIN_TICKS;
    if (index === 0) other!.chains++;
    flood!.chains = 1000;
  };
  poller.poll();
  deepStrictEqual(backlog.log, [0, 0, 0, 0, 1]);
});

Deno.test("a queue alone is served a quantum at a time", () => {
  const backlog = new Backlog(100);
  const policy = { ...ELVIS, startRate: 0, quantum: 64, leastQuantum: 4 };
  const { poller } = pollerOf(policy, backlog);
  poller.poll();
  deepStrictEqual(backlog.log, [0]);
  strictEqual(backlog.queues[0]!.chains, 36);
});

Deno.test("policy switches busy queues back to notifications, and serves on", () => {
  const backlog = new Backlog(0, 0), { poller } = pollerOf(ELVIS, backlog);
  makeBusy(backlog, poller);
  strictEqual(backlog.queues[0]!.notifications, false);
  poller.policy = { ...ELVIS, startRate: Infinity };
  strictEqual(backlog.queues[0]!.notifications, true);
  makeBusy(backlog, poller);
  strictEqual(backlog.queues[0]!.notifications, true, "however often they come");
  deepStrictEqual(backlog.queues.map(({ chains }) => chains), [0, 0]);
});

Deno.test("policy begins to poll a queue that was notified", () => {
  const backlog = new Backlog(0), never = { ...ELVIS, startRate: Infinity };
  const { poller } = pollerOf(never, backlog);
  makeBusy(backlog, poller);
  strictEqual(backlog.queues[0]!.notifications, true);
  poller.policy = ELVIS;
  makeBusy(backlog, poller);
  strictEqual(backlog.queues[0]!.notifications, false);
  poller.policy = never;
  poller.policy = { ...ELVIS, startRate: 0 };
  strictEqual(backlog.queues[0]!.notifications, false, "at once");
});

Deno.test("policy leaves room for input as it is", () => {
  const backlog = new Backlog(0);
  backlog.device.inputs = [{ index: 0, waiting: false }];
  const { poller } = pollerOf(ELVIS, backlog);
  poller.doorbell = false;
  poller.policy = { ...ELVIS, startRate: Infinity };
  strictEqual(backlog.queues[0]!.notifications, false, "its driver need not notify");
});
