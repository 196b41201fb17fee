import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import fc from "fast-check";
import { FRAME_MAX, LOST } from "./frame_port.ts";
import { createInbox, LANE_WORDS } from "./inbox.ts";
import { macOf } from "./mac.ts";
import type { Member } from "./member.ts";
import { Switch, type SwitchPort } from "./switch.ts";
import { TestFrames } from "./test_frames.ts";

const BROADCAST = [255, 255, 255, 255, 255, 255];
const frames = new TestFrames();

/** The core that serves a machine, in these tests. */
function coreOf(machine: number, cores: number): number {
  return machine % cores;
}

/** A machine of these tests at a port; machine n has `macOf(n)`. */
function memberOf(machine: number, port: number, cores: number): Member {
  const core = { handle: coreOf(machine, cores), block: 0n };
  return { machine, port, mac: macOf(machine), inbox: createInbox(), core };
}

/** The switch of each core of a network, and how often each other core was rung. */
function switchesOf(cores: number) {
  const rings: number[] = Array(cores).fill(0);
  const switches = rings.map((_, own) =>
    new Switch(({ core: { handle } }) =>
      handle === own ? undefined : { ring: () => rings[handle]!++ }
    )
  );
  return { rings, switches };
}

/** A network of so many ports that are up, over so many cores. */
function switchOf(machines: number, cores = 1) {
  const { rings, switches } = switchesOf(cores);
  const members = Array.from({ length: machines }, (_, i) => memberOf(i, i, cores));
  for (const one of switches) one.update(members);
  const ports = members.map(({ machine }) => {
    const port = switches[coreOf(machine, cores)]!.join(machine);
    port.up = true;
    return port;
  });
  const say = (from: number, to: Iterable<number>, sender: Iterable<number> = macOf(from)) =>
    ports[from]!.send(frames.frame([...to, ...sender, 0x88, 0xb5, from]));
  /** Who has got a frame, and how many; takes them all. */
  const heard = () =>
    ports.map((port) => {
      let count = 0;
      while (port.receive(frames.room(FRAME_MAX)) > 0) count++;
      return count;
    });
  return { switches, members, rings, ports, say, heard };
}

/** A test of machines on one core, and of machines on two. */
function switchTest(name: string, test: (cores: number) => void): void {
  for (const cores of [1, 2]) Deno.test(`${name}, ${cores} core(s)`, () => test(cores));
}

switchTest("a frame goes to the port that has its address, as it is", (cores) => {
  const { ports, heard } = switchOf(3, cores);
  const sent = [...macOf(2), ...macOf(0), 0x88, 0xb5, ...Array(1499).keys()].map((x) => x & 255);
  ok(ports[0]!.send(frames.frame(sent)));
  strictEqual(ports[2]!.pending, true);
  strictEqual(ports[2]!.receive(frames.room(FRAME_MAX)), sent.length);
  deepStrictEqual(frames.got(sent.length), sent);
  deepStrictEqual(heard(), [0, 0, 0]);
});

switchTest(
  "a frame to everybody, to a group or to nobody known goes to all the others",
  (cores) => {
    const { say, heard } = switchOf(4, cores);
    for (const to of [BROADCAST, [1, 0, 0x5e, 0, 0, 1], [2, 0, 0, 0, 0, 9]]) {
      say(1, to);
      deepStrictEqual(heard(), [1, 0, 1, 1]);
    }
  },
);

switchTest("a frame to its own port, or from a group's address, goes nowhere", (cores) => {
  const { say, heard } = switchOf(2, cores);
  strictEqual(say(0, macOf(0)), true);
  strictEqual(say(0, macOf(1), BROADCAST), false);
  deepStrictEqual(heard(), [0, 0]);
});

switchTest("an address is learned where it was seen last", (cores) => {
  const { say, heard } = switchOf(3, cores), guest = [2, 0, 0, 0, 7, 7];
  for (const at of [1, 2, 1]) {
    say(at, macOf(0), guest);
    heard();
    say(0, guest);
    deepStrictEqual(heard(), [0, at === 1 ? 1 : 0, at === 2 ? 1 : 0]);
  }
});

switchTest("a port cannot take over the address of another one's machine", (cores) => {
  const { say, heard } = switchOf(3, cores);
  say(1, macOf(0), macOf(2));
  heard();
  say(0, macOf(2));
  deepStrictEqual(heard(), [0, 0, 1]);
});

switchTest("a port that invents senders makes the switch forget its own only", (cores) => {
  const { say, heard } = switchOf(3, cores), quiet = [2, 1, 1, 1, 1, 1];
  say(1, macOf(0), quiet);
  for (let i = 0; i < 1000; i++) say(2, macOf(0), [2, 2, 2, 2, i >> 8, i & 255]);
  heard();
  say(0, quiet);
  deepStrictEqual(heard(), [0, 1, 0]);
  say(0, [2, 2, 2, 2, 0, 0]); // forgotten: it is looked for everywhere
  deepStrictEqual(heard(), [0, 1, 1]);
});

switchTest("frames come in order, and beyond the sender's lane they are lost", (cores) => {
  const { ports, say } = switchOf(2, cores);
  let taken = 0;
  while (say(0, macOf(1), [2, 0, 0, 0, taken >> 8, taken & 255])) taken++;
  strictEqual(taken, Math.floor(LANE_WORDS / 5)); // a length and 15 bytes each
  for (let i = 0; i < taken; i++) {
    ok(ports[1]!.receive(frames.room(FRAME_MAX)) > 0);
    deepStrictEqual(frames.got(12).slice(10), [i >> 8, i & 255]);
  }
  strictEqual(ports[1]!.receive(frames.room(FRAME_MAX)), 0);
  strictEqual(ports[1]!.pending, false);
});

switchTest("ports that flood share what a receiver takes, whoever comes first", (cores) => {
  const { ports, say } = switchOf(4, cores), taken = [0, 0, 0, 0];
  for (let turn = 0; turn < 2000; turn++) {
    // A core's turn: the first two always say as much as they may, the third something now and then.
    for (const flooder of [0, 1]) for (let i = 0; i < 64; i++) say(flooder, macOf(3));
    if (turn % 50 === 0) ok(say(2, macOf(3)), "a quiet port found no room");
    for (let i = 0; i < 7; i++) {
      ok(ports[3]!.receive(frames.room(FRAME_MAX)) > 0);
      taken[frames.got(15)[14]!]!++;
    }
  }
  ok(Math.abs(taken[0]! - taken[1]!) < 0.1 * taken[0]!, `${taken}`);
});

switchTest("a frame that has no room is lost, and the next one comes", (cores) => {
  const { ports, say } = switchOf(2, cores);
  say(0, macOf(1));
  say(0, macOf(1));
  strictEqual(ports[1]!.receive(frames.room(14)), LOST);
  strictEqual(ports[1]!.receive(frames.room(15)), 15);
  strictEqual(ports[1]!.receive(frames.room(15)), 0);
});

switchTest("a port that is down gets nothing, and begins empty", (cores) => {
  const { ports, say, heard } = switchOf(2, cores);
  say(0, macOf(1));
  ports[1]!.up = false;
  strictEqual(say(0, macOf(1)), true);
  ports[1]!.up = true;
  deepStrictEqual(heard(), [0, 0]);
  say(0, macOf(1));
  deepStrictEqual(heard(), [0, 1]);
});

switchTest("a port that left gets nothing, and what it said still comes", (cores) => {
  const { switches, members, ports, say } = switchOf(2, cores);
  say(1, macOf(0));
  for (const one of switches) one.update(members.slice(0, 1));
  say(0, BROADCAST);
  strictEqual(ports[1]!.receive(frames.room(FRAME_MAX)), 0);
  strictEqual(ports[0]!.receive(frames.room(FRAME_MAX)), 15);
  throws(() => switches[0]!.join(1), /machine 1 is not in this network/);
});

switchTest("what comes from a port before it is known waits until it is", (cores) => {
  const { switches, members } = switchOf(1, cores), [own] = members;
  const stranger = memberOf(1, 1, cores);
  const there = switches[coreOf(1, cores)]!;
  there.update([own!, stranger]);
  there.join(1).send(frames.frame([...macOf(0), ...macOf(1), 0, 0]));
  const here = switches[0]!, port = here.join(0);
  while (port.pending && port.receive(frames.room(FRAME_MAX)) > 0);
  here.update([own!, stranger]);
  strictEqual(port.receive(frames.room(FRAME_MAX)), cores === 2 ? 14 : 0);
});

Deno.test("a core is rung for what goes to its ports, and no core for its own", () => {
  const { rings, say } = switchOf(4, 2);
  say(0, macOf(2));
  deepStrictEqual(rings, [0, 0]);
  say(0, macOf(1));
  say(1, macOf(2));
  deepStrictEqual(rings, [1, 1]);
  say(3, BROADCAST);
  deepStrictEqual(rings, [3, 1]);
});

/** A frame that says who sent it and, in three bytes, the how manieth it is. */
function numbered(to: Iterable<number>, sender: Iterable<number>, from: number, number: number) {
  return [...to, ...sender, 0x88, 0xb5, from, number >> 16, number >> 8 & 255, number & 255];
}

Deno.test("whatever machines send, come and go: each frame arrives once and in order, or is lost", () => {
  const MACHINES = 5, CORES = 3, EVERYBODY = MACHINES, STRANGER = MACHINES + 1;
  const address = (n: number) =>
    n === EVERYBODY ? BROADCAST : n === STRANGER ? [0, 0, 0, 0, 0, 0] : macOf(n);
  const who = fc.nat(MACHINES - 1), address_ = fc.nat(STRANGER);
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ from: who, to: address_, sender: address_ }) },
    { weight: 3, arbitrary: fc.record({ reader: who, most: fc.nat(8) }) },
    fc.record({ turns: who }),
    fc.record({ comesOrGoes: who }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
    const { switches } = switchesOf(CORES);
    let members: Member[] = [], number = 0;
    /** What each machine's port has learned, in its eight places. */
    const learned = new Map<number, { places: (number | undefined)[]; oldest: number }>();
    const ports = new Map<number, SwitchPort>(), up = new Set<number>();
    /** What waits for a machine, from each port. */
    const waiting = new Map<number, Map<number, number[]>>();
    const change = (machine: number, there: boolean) => {
      members = members.filter((member) => member.machine !== machine);
      up.delete(machine);
      ports.delete(machine);
      learned.set(machine, { places: Array(8).fill(undefined), oldest: 0 });
      const port = Array.from({ length: MACHINES }, (_, i) => i)
        .find((i) => members.every((member) => member.port !== i))!;
      if (there) members.push(memberOf(machine, port, CORES));
      for (const one of switches) one.update(members);
      if (!there) return;
      ports.set(machine, switches[coreOf(machine, CORES)]!.join(machine));
      turn(machine);
    };
    const turn = (machine: number) => {
      const listens = !up.has(machine);
      ports.get(machine)!.up = listens;
      waiting.set(machine, new Map());
      if (listens) up.add(machine);
      else up.delete(machine);
    };
    const portOf = (machine: number) => members.find((one) => one.machine === machine)!.port;
    for (let machine = 0; machine < MACHINES; machine++) change(machine, true);
    for (const step of steps) {
      if ("comesOrGoes" in step) change(step.comesOrGoes, !ports.has(step.comesOrGoes));
      else if ("turns" in step) {
        if (ports.has(step.turns)) turn(step.turns);
      } else if ("reader" in step) {
        const port = ports.get(step.reader), queues = waiting.get(step.reader)!;
        if (!port || !up.has(step.reader)) continue;
        const total = () => [...queues.values()].reduce((sum, queue) => sum + queue.length, 0);
        for (let i = 0; i < step.most; i++) {
          strictEqual(port.pending || total() === 0, true);
          const length = port.receive(frames.room(FRAME_MAX));
          strictEqual(length > 0, total() > 0);
          if (length === 0) break;
          const [lane, high, middle, low] = frames.got(18).slice(14);
          strictEqual(high! << 16 | middle! << 8 | low!, queues.get(lane!)!.shift());
        }
      } else {
        const { from, to, sender } = step, port = ports.get(from);
        if (!port) continue;
        number++;
        const frame = frames.frame(numbered(address(to), address(sender), portOf(from), number));
        strictEqual(port.send(frame), sender !== EVERYBODY);
        if (sender === EVERYBODY) continue;
        const owned = (machine: number) => machine < MACHINES && ports.has(machine);
        const knows = (machine: number, one: number) => learned.get(machine)!.places.includes(one);
        if (!owned(sender)) {
          for (const [machine, { places }] of learned) {
            if (machine !== from && knows(machine, sender)) {
              places[places.indexOf(sender)] = undefined;
            }
          }
          const own = learned.get(from)!;
          if (!knows(from, sender)) own.places[own.oldest++ % 8] = sender;
        }
        const home = [...ports.keys()].find((machine) => knows(machine, to));
        const only = to === EVERYBODY ? undefined : owned(to) ? to : home;
        for (const machine of ports.keys()) {
          if (machine === from || !up.has(machine)) continue;
          if (only !== undefined && only !== machine) continue;
          const queues = waiting.get(machine)!, lane = portOf(from);
          queues.set(lane, [...queues.get(lane) ?? [], number]);
        }
      }
    }
  }));
});
