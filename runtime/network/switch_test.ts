import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import fc from "fast-check";
import { FRAME_MAX, LOST } from "./frame_port.ts";
import { RING_FRAMES } from "./frame_ring.ts";
import { macOf } from "./mac.ts";
import { MOST_PORTS, Switch } from "./switch.ts";
import { TestFrames } from "./test_frames.ts";

const BROADCAST = [255, 255, 255, 255, 255, 255];
const frames = new TestFrames();

/** A switch with so many ports that are up; machine n has `macOf(n)`. */
function switchOf(machines: number) {
  const network = new Switch();
  const ports = Array.from({ length: machines }, (_, i) => {
    const port = network.join(macOf(i));
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
  return { network, ports, say, heard };
}

Deno.test("a frame goes to the port that has its address, as it is", () => {
  const { ports, heard } = switchOf(3);
  const sent = [...macOf(2), ...macOf(0), 0x88, 0xb5, ...Array(1499).keys()].map((x) => x & 255);
  ok(ports[0]!.send(frames.frame(sent)));
  strictEqual(ports[2]!.pending, true);
  strictEqual(ports[2]!.receive(frames.room(FRAME_MAX)), sent.length);
  deepStrictEqual(frames.got(sent.length), sent);
  deepStrictEqual(heard(), [0, 0, 0]);
});

Deno.test("a frame to everybody, to a group or to nobody known goes to all the others", () => {
  const { say, heard } = switchOf(4);
  for (const to of [BROADCAST, [1, 0, 0x5e, 0, 0, 1], [2, 0, 0, 0, 0, 9]]) {
    say(1, to);
    deepStrictEqual(heard(), [1, 0, 1, 1]);
  }
});

Deno.test("a frame to its own port, or from a group's address, goes nowhere", () => {
  const { say, heard } = switchOf(2);
  strictEqual(say(0, macOf(0)), true);
  strictEqual(say(0, macOf(1), BROADCAST), false);
  deepStrictEqual(heard(), [0, 0]);
});

Deno.test("an address is learned where it was seen last", () => {
  const { say, heard } = switchOf(3), guest = [2, 0, 0, 0, 7, 7];
  for (const at of [1, 2, 1]) {
    say(at, macOf(0), guest);
    heard();
    say(0, guest);
    deepStrictEqual(heard(), [0, at === 1 ? 1 : 0, at === 2 ? 1 : 0]);
  }
});

Deno.test("a port cannot take over the address of another one's machine", () => {
  const { say, heard } = switchOf(3);
  say(1, macOf(0), macOf(2));
  heard();
  say(0, macOf(2));
  deepStrictEqual(heard(), [0, 0, 1]);
});

Deno.test("a port that invents senders makes the switch forget its own only", () => {
  const { say, heard } = switchOf(3), quiet = [2, 1, 1, 1, 1, 1];
  say(1, macOf(0), quiet);
  for (let i = 0; i < 1000; i++) say(2, macOf(0), [2, 2, 2, 2, i >> 8, i & 255]);
  heard();
  say(0, quiet);
  deepStrictEqual(heard(), [0, 1, 0]);
  say(0, [2, 2, 2, 2, 0, 0]); // forgotten: it is looked for everywhere
  deepStrictEqual(heard(), [0, 1, 1]);
});

Deno.test("frames come in order, and beyond the ring's share they are lost", () => {
  const { ports, say } = switchOf(2);
  let taken = 0;
  while (say(0, macOf(1), [2, 0, 0, 0, taken >> 8, taken & 255])) taken++;
  strictEqual(taken, RING_FRAMES / 2);
  for (let i = 0; i < taken; i++) {
    ok(ports[1]!.receive(frames.room(FRAME_MAX)) > 0);
    deepStrictEqual(frames.got(12).slice(10), [i >> 8, i & 255]);
  }
  strictEqual(ports[1]!.pending, false);
});

Deno.test("ports that flood share what a receiver takes, whoever comes first", () => {
  const { ports, say } = switchOf(4), taken = [0, 0, 0, 0];
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

Deno.test("a frame that has no room is lost, and the next one comes", () => {
  const { ports, say } = switchOf(2);
  say(0, macOf(1));
  say(0, macOf(1));
  strictEqual(ports[1]!.receive(frames.room(14)), LOST);
  strictEqual(ports[1]!.receive(frames.room(15)), 15);
  strictEqual(ports[1]!.receive(frames.room(15)), 0);
});

Deno.test("a port that is down gets nothing, and begins empty", () => {
  const { ports, say, heard } = switchOf(2);
  say(0, macOf(1));
  ports[1]!.up = false;
  strictEqual(say(0, macOf(1)), true);
  ports[1]!.up = true;
  deepStrictEqual(heard(), [0, 0]);
  say(0, macOf(1));
  deepStrictEqual(heard(), [0, 1]);
});

Deno.test("a port that left gets nothing, and its place is taken by the next", () => {
  const { network, ports, say } = switchOf(2);
  network.leave(ports[1]!);
  say(0, BROADCAST);
  strictEqual(ports[1]!.pending, false);
  for (let i = 1; i < MOST_PORTS; i++) network.join(macOf(i));
  throws(() => network.join(macOf(99)), /at most 64 machines/);
});

Deno.test("whatever is sent, everybody gets what a model says", () => {
  const MACHINES = 4, EVERYBODY = 4, STRANGER = 5;
  const address = (n: number) =>
    n === EVERYBODY ? BROADCAST : n === STRANGER ? [0, 0, 0, 0, 0, 0] : macOf(n);
  const step = fc.record({ from: fc.nat(MACHINES - 1), to: fc.nat(5), sender: fc.nat(5) });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const { say, heard } = switchOf(MACHINES), expected = Array(MACHINES).fill(0);
    let home: number | undefined; // where the stranger was seen last
    for (const { from, to, sender } of steps) {
      strictEqual(say(from, address(to), address(sender)), sender !== EVERYBODY);
      if (sender === EVERYBODY) continue;
      if (sender === STRANGER) home = from;
      const only = to < MACHINES ? to : to === STRANGER ? home : undefined;
      for (let port = 0; port < MACHINES; port++) {
        if (port !== from && (only === undefined || only === port)) expected[port]++;
      }
    }
    deepStrictEqual(heard(), expected);
  }));
});
