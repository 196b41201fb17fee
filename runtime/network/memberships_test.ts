import { deepStrictEqual, throws } from "node:assert";
import { MOST_PORTS } from "./inbox.ts";
import { macOf } from "./mac.ts";
import { Memberships, type NetworkCore, type NetworkMessage } from "./memberships.ts";

/** A core that keeps what it is told; a dead one refuses to hear it. */
function testCore(handle: number, dead = false) {
  const told: NetworkMessage[] = [];
  const core: NetworkCore = {
    handle,
    block: BigInt(handle),
    exchange(message) {
      told.push(message);
      return dead ? Promise.reject(new Error("dead")) : Promise.resolve();
    },
  };
  /** Machines and ports of the last message. */
  const last = () => told.at(-1)?.members.map(({ machine, port }) => [machine, port]);
  return { core, told, last };
}

Deno.test("every core of a network is told of all its members, and others are not", () => {
  const memberships = new Memberships(), one = testCore(1), two = testCore(2), three = testCore(3);
  memberships.enter("lan", 7, macOf(7), one.core);
  memberships.enter("lan", 8, macOf(8), two.core);
  memberships.enter("wan", 9, macOf(9), three.core);
  deepStrictEqual(one.last(), [[7, 0], [8, 1]]);
  deepStrictEqual(two.last(), one.last());
  deepStrictEqual(three.last(), [[9, 0]]);
  deepStrictEqual(one.told.at(-1)!.members.map(({ core }) => core.handle), [1, 2]);
});

Deno.test("a core without machines in a network forgets it, and the port is given again", () => {
  const memberships = new Memberships(), one = testCore(1), two = testCore(2);
  memberships.enter("lan", 7, macOf(7), one.core);
  memberships.enter("lan", 8, macOf(8), two.core);
  memberships.leave(7);
  deepStrictEqual([one.last(), two.last()], [[], [[8, 1]]]);
  memberships.leave(7);
  memberships.enter("lan", 9, macOf(9), two.core);
  deepStrictEqual([one.told.length, two.last()], [3, [[8, 1], [9, 0]]]);
});

Deno.test("a dead core keeps nobody from coming or going", () => {
  const memberships = new Memberships(), dead = testCore(1, true), two = testCore(2);
  memberships.enter("lan", 7, macOf(7), dead.core);
  memberships.enter("lan", 8, macOf(8), two.core);
  memberships.leave(7);
  deepStrictEqual(two.last(), [[8, 1]]);
});

Deno.test("a network has a most of machines", () => {
  const memberships = new Memberships(), one = testCore(1);
  for (let i = 0; i < MOST_PORTS; i++) memberships.enter("lan", i, macOf(i), one.core);
  throws(() => memberships.enter("lan", 99, macOf(99), one.core), /at most 64 machines/);
  memberships.enter("wan", 99, macOf(99), one.core);
});
